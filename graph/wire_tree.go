package graph

import (
	"fmt"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
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
		Author:           toPerson(t.Author),
		Owner:            toPerson(t.Owner),
		SavedBy:          toPerson(t.SavedBy),
		NodeCount:        t.NodeCount,
		PublishedVersion: given(t.PublishedVersion),
		OpenOfferCount:   t.OpenOffers,
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
	out.ReviewBy, out.ConfirmedAt = instant(t.ReviewBy), instant(t.ConfirmedAt)
	if !t.ConfirmedAt.IsZero() {
		out.ConfirmedBy = toPerson(t.ConfirmedBy)
	}
	if t.Graph != nil {
		out.Graph = toGraph(t.Graph)
		out.Problems = toProblems(tree.Validate(*t.Graph))
	}
	return out
}

// toPerson is toUser for a person who may not have been asked for.
func toPerson(u *account.User) *model.User {
	if u == nil {
		return nil
	}
	return toUser(*u)
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

func toVersion(v *tree.Version) *model.TreeVersion {
	out := &model.TreeVersion{
		TreeID: v.TreeID.String(), Number: v.Number, Title: v.Title, Description: v.Description, NodeCount: v.NodeCount,
		ChangeNote: v.ChangeNote, PublishedBy: toUser(v.PublishedBy), PublishedAt: v.PublishedAt,
	}
	if v.Graph != nil {
		out.Graph = toGraph(v.Graph)
	}
	return out
}

func toVersionConnection(page tree.Connection[*tree.Version]) *model.TreeVersionConnection {
	out := &model.TreeVersionConnection{
		Edges:      make([]*model.TreeVersionEdge, len(page.Edges)),
		Nodes:      make([]*model.TreeVersion, len(page.Edges)),
		PageInfo:   toPageInfo(page),
		TotalCount: page.Total,
	}
	for i, edge := range page.Edges {
		out.Nodes[i] = toVersion(edge.Node)
		out.Edges[i] = &model.TreeVersionEdge{Cursor: edge.Cursor, Node: out.Nodes[i]}
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
	links := toLinks(n.Links)
	options := make([]*model.TreeOption, len(n.Options))
	for i, o := range n.Options {
		options[i] = &model.TreeOption{OptionID: string(o.ID), Label: o.Label, Key: o.Key, Target: string(o.Target)}
	}
	switch n.Kind {
	case tree.Action:
		return &model.ActionNode{
			NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links,
			Commands: all(n.Commands), Expected: n.Expected, Options: options, Next: given(string(n.Next)), Branches: toBranches(n.Branches),
		}
	case tree.Input:
		return &model.InputNode{
			NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links,
			Fields: toFields(n.Fields), Next: given(string(n.Next)), Branches: toBranches(n.Branches),
		}
	case tree.Subtree:
		out := &model.SubtreeNode{
			NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links,
			TreeVersion: given(n.Version), Next: given(string(n.Next)), Branches: toBranches(n.Branches),
		}
		if !n.Tree.IsZero() {
			out.TreeID = given(n.Tree.String())
		}
		return out
	case tree.Solution:
		return &model.SolutionNode{
			NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links,
			Outcome: model.TreeOutcome(n.Outcome), FollowUps: all(n.FollowUps), Continue: n.Continue,
		}
	default:
		return &model.DecisionNode{NodeID: string(n.ID), Title: n.Title, Text: n.Text, Links: links, Options: options}
	}
}

func toFields(fields []tree.Field) []*model.TreeField {
	out := make([]*model.TreeField, len(fields))
	for i, f := range fields {
		out[i] = &model.TreeField{
			Name: f.Name, Label: f.Label, Type: model.TreeFieldType(f.Type), Required: f.Required,
			Pattern: f.Pattern, Choices: all(f.Choices), Sensitive: f.Sensitive,
		}
	}
	return out
}

func toBranches(branches []tree.Branch) []*model.TreeBranch {
	out := make([]*model.TreeBranch, len(branches))
	for i, b := range branches {
		out[i] = &model.TreeBranch{Name: b.Name, Test: model.TreeTest(b.Test), Value: b.Value, Target: string(b.Target)}
	}
	return out
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
		if several(n.Decision != nil, n.Action != nil, n.Input != nil, n.Subtree != nil, n.Solution != nil) {
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
				Next: tree.NodeID(text(a.Next)), Branches: fromBranches(a.Branches),
			}
		case n.Input != nil:
			in := n.Input
			g.Nodes[i] = tree.Node{
				Kind: tree.Input, ID: tree.NodeID(in.NodeID), Title: in.Title, Text: in.Text,
				Links: fromLinks(in.Links), Fields: fromFields(in.Fields), Next: tree.NodeID(text(in.Next)), Branches: fromBranches(in.Branches),
			}
		case n.Subtree != nil:
			s := n.Subtree
			other, err := optional[tree.ID](fmt.Sprintf("%s.nodes[%d].subtree.treeId", field, i), s.TreeID)
			if err != nil {
				return tree.Graph{}, err
			}
			g.Nodes[i] = tree.Node{
				Kind: tree.Subtree, ID: tree.NodeID(s.NodeID), Title: s.Title, Text: s.Text,
				Links: fromLinks(s.Links), Tree: other, Next: tree.NodeID(text(s.Next)), Branches: fromBranches(s.Branches),
			}
		case n.Solution != nil:
			s := n.Solution
			g.Nodes[i] = tree.Node{
				Kind: tree.Solution, ID: tree.NodeID(s.NodeID), Title: s.Title, Text: s.Text,
				Links: fromLinks(s.Links), Outcome: tree.Outcome(s.Outcome), FollowUps: s.FollowUps, Continue: s.Continue,
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
	return fault.Input(fmt.Sprintf("%s.nodes[%d]", field, i), "A node is exactly one of decision, action, input, subtree and solution.")
}

func fromFields(in []*model.TreeFieldInput) []tree.Field {
	out := make([]tree.Field, len(in))
	for i, f := range in {
		out[i] = tree.Field{
			Name: f.Name, Label: f.Label, Type: tree.FieldType(f.Type), Required: f.Required,
			Pattern: f.Pattern, Choices: f.Choices, Sensitive: f.Sensitive,
		}
	}
	return out
}

func fromBranches(in []*model.TreeBranchInput) []tree.Branch {
	if len(in) == 0 {
		return nil
	}
	out := make([]tree.Branch, len(in))
	for i, b := range in {
		out[i] = tree.Branch{Name: b.Name, Test: tree.Test(b.Test), Value: b.Value, Target: tree.NodeID(b.Target)}
	}
	return out
}

func toLinks(links []tree.Link) []*model.TreeLink {
	out := make([]*model.TreeLink, len(links))
	for i, l := range links {
		out[i] = &model.TreeLink{Title: l.Title, URL: l.URL}
	}
	return out
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
