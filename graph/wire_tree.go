package graph

import (
	"fmt"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

func toTree(t *tree.Tree) *model.Tree {
	out := &model.Tree{
		ID:               t.ID.String(),
		Title:            t.Title,
		Description:      t.Description,
		Status:           model.TreeStatus(t.Status),
		Tags:             t.Tags,
		Author:           toUser(t.Author),
		Owner:            toUser(t.Owner),
		SavedBy:          toUser(t.SavedBy),
		NodeCount:        t.NodeCount,
		PublishedVersion: given(t.PublishedVersion),
		Revision:         t.Revision,
		CreatedAt:        t.CreatedAt,
		UpdatedAt:        t.UpdatedAt,
	}
	if out.Tags == nil {
		out.Tags = []string{}
	}
	if !t.Category.ID.IsZero() {
		out.Category = toCategory(t.Category)
	}
	if t.Graph != nil {
		out.Graph = toGraph(t.Graph)
		out.Problems = toProblems(tree.Validate(*t.Graph))
	}
	return out
}

func toTreeConnection(page tree.Connection[*tree.Tree]) *model.TreeConnection {
	out := &model.TreeConnection{
		Edges:      make([]*model.TreeEdge, len(page.Edges)),
		Nodes:      make([]*model.Tree, len(page.Edges)),
		PageInfo:   toPageInfo(page),
		TotalCount: page.Total,
	}
	for i, edge := range page.Edges {
		out.Nodes[i] = toTree(edge.Node)
		out.Edges[i] = &model.TreeEdge{Cursor: edge.Cursor, Node: out.Nodes[i]}
	}
	return out
}

func toPageInfo[T any](page tree.Connection[T]) *model.PageInfo {
	info := &model.PageInfo{HasNextPage: page.HasNextPage, HasPreviousPage: page.HasPrevPage}
	if n := len(page.Edges); n > 0 {
		info.StartCursor, info.EndCursor = &page.Edges[0].Cursor, &page.Edges[n-1].Cursor
	}
	return info
}

func toCategory(c tree.Category) *model.TreeCategory {
	return &model.TreeCategory{ID: c.ID.String(), Name: c.Name, Position: c.Position}
}

func toGraph(g *tree.Graph) *model.TreeGraph {
	out := &model.TreeGraph{Root: string(g.Root), Nodes: make([]model.TreeNode, len(g.Nodes))}
	for i := range g.Nodes {
		out.Nodes[i] = toNode(&g.Nodes[i])
	}
	return out
}

func toNode(n *tree.Node) model.TreeNode {
	links := make([]*model.TreeLink, len(n.Links))
	for i, l := range n.Links {
		links[i] = &model.TreeLink{Title: l.Title, URL: l.URL}
	}
	options := make([]*model.TreeOption, len(n.Options))
	for i, o := range n.Options {
		options[i] = &model.TreeOption{OptionID: string(o.ID), Label: o.Label, Key: o.Key, Target: string(o.Target)}
	}
	switch n.Kind {
	case tree.Action:
		return &model.ActionNode{
			NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links,
			Commands: all(n.Commands), Expected: n.Expected, Options: options, Next: given(string(n.Next)),
		}
	case tree.Solution:
		return &model.SolutionNode{
			NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links,
			Outcome: model.TreeOutcome(n.Outcome), FollowUps: all(n.FollowUps),
		}
	default:
		return &model.DecisionNode{NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links, Options: options}
	}
}

// all returns a list that is not nil.
func all(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func toProblems(problems []tree.Problem) []*model.TreeProblem {
	out := make([]*model.TreeProblem, len(problems))
	for i, p := range problems {
		out[i] = &model.TreeProblem{
			Code: string(p.Code), Severity: model.TreeProblemSeverity(p.Severity), NodeID: given(string(p.NodeID)),
			Path: p.Path, Message: p.Message, Line: given(p.Line), Column: given(p.Column),
		}
	}
	return out
}

// fromGraph reads a graph; nil is an empty one.
func fromGraph(field string, in *model.TreeGraphInput) (tree.Graph, error) {
	if in == nil {
		return tree.Graph{}, nil
	}
	g := tree.Graph{Root: tree.NodeID(in.Root), Nodes: make([]tree.Node, len(in.Nodes))}
	for i, n := range in.Nodes {
		// gqlparser holds @oneOf in literals, but not in variables.
		if several(n.Decision != nil, n.Action != nil, n.Solution != nil) {
			return tree.Graph{}, notOneNode(field, i)
		}
		switch {
		case n.Decision != nil:
			d := n.Decision
			g.Nodes[i] = tree.Node{
				Kind: tree.Decision, ID: tree.NodeID(d.NodeID), Title: d.Title, Text: d.Text,
				Links: fromLinks(d.Links), Options: fromOptions(d.Options),
			}
		case n.Action != nil:
			a := n.Action
			g.Nodes[i] = tree.Node{
				Kind: tree.Action, ID: tree.NodeID(a.NodeID), Title: a.Title, Text: a.Text,
				Links: fromLinks(a.Links), Options: fromOptions(a.Options), Commands: a.Commands, Expected: a.Expected,
			}
			if a.Next != nil {
				g.Nodes[i].Next = tree.NodeID(*a.Next)
			}
		case n.Solution != nil:
			s := n.Solution
			g.Nodes[i] = tree.Node{
				Kind: tree.Solution, ID: tree.NodeID(s.NodeID), Title: s.Title, Text: s.Text,
				Links: fromLinks(s.Links), Outcome: tree.Outcome(s.Outcome), FollowUps: s.FollowUps,
			}
		default:
			return tree.Graph{}, notOneNode(field, i)
		}
	}
	return g, nil
}

// several says whether more than one holds.
func several(what ...bool) bool {
	n := 0
	for _, holds := range what {
		if holds {
			n++
		}
	}
	return n > 1
}

func notOneNode(field string, i int) error {
	return fault.Input(fmt.Sprintf("%s.nodes[%d]", field, i), "A node is exactly one of decision, action and solution.")
}

func fromLinks(in []*model.TreeLinkInput) []tree.Link {
	out := make([]tree.Link, len(in))
	for i, l := range in {
		out[i] = tree.Link{Title: l.Title, URL: l.URL}
	}
	return out
}

func fromOptions(in []*model.TreeOptionInput) []tree.Option {
	out := make([]tree.Option, len(in))
	for i, o := range in {
		out[i] = tree.Option{ID: tree.OptionID(o.OptionID), Label: o.Label, Key: o.Key, Target: tree.NodeID(o.Target)}
	}
	return out
}
