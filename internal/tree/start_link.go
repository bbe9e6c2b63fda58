package tree

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Bounds of what a start link leads to.
const (
	MaxStartTrees = 5  // that its words may mean
	MaxOpenWalks  = 10 // for its ticket
)

// StartLink is what a link in a ticket system says, so that one click opens the
// right walk. Everything may be empty.
type StartLink struct {
	Tree    string // a tree's id, or words to look for
	Ticket  string
	Client  string // a name, alias or ticket key
	Subject string
	Values  []GivenValue
}

// Start is what a start link leads to.
type Start struct {
	// Tree is the one that is meant: by its id, or because no other one has the
	// words. It is in its published form; nil where that is open.
	Tree   *Tree
	Trees  []*Tree // that the words may mean, the best first; at most MaxStartTrees
	Client *Client // nil where nobody is known by the name
	// Open are the running sessions for the ticket, the latest started first, whoever
	// has them; at most MaxOpenWalks. The actor may go on with their own alone.
	Open   []*Session
	Values []StartValue // as given, in order
	// Problems say what of the link cannot be used. None of it keeps anybody from
	// starting.
	Problems []*fault.Fault
}

// StartValue is a value of a start link.
type StartValue struct {
	Value        // in its clean form; as it was given where it is refused
	Asked bool   // the tree that is meant asks for it
	Wrong string // why the field does not take it; empty where it does
}

// ReadStartLink finds what a start link leads to. Engineers and above may. The
// trees come with the fields. What is too long or holds line breaks is
// BadUserInput; what is not found, or is refused later, is said in the answer.
func (s *Service) ReadStartLink(ctx context.Context, actor account.Actor, link StartLink, fields TreeFields) (Start, error) {
	var start Start
	if err := actor.Require(account.Engineer); err != nil {
		return start, err
	}
	if err := link.clean(); err != nil {
		return start, err
	}
	asked := fields
	if len(link.Values) > 0 {
		fields |= TreeGraph
	}
	if err := s.startTrees(ctx, actor, link.Tree, fields, &start); err != nil {
		return start, err
	}
	var graph *Graph
	if start.Tree != nil {
		graph = start.Tree.Graph
		if !asked.Has(TreeGraph) {
			start.Tree.Graph = nil
		}
	}
	start.values(graph, link.Values)
	if link.Client != "" {
		found, err := s.Store.ClientsNamed(ctx, actor.AccountID, NameKeys(link.Client))
		if err != nil {
			return start, err
		}
		start.Client, err = theOne("input.clientName", found)
		start.problem(err)
	}
	if link.Ticket != "" {
		var err error
		if start.Open, err = s.Store.OpenWalks(ctx, actor.AccountID, link.Ticket, MaxOpenWalks); err != nil {
			return start, err
		}
	}
	return start, nil
}

func (l *StartLink) clean() error {
	var wrong [4]error
	l.Tree, wrong[0] = cleanLine("input.tree", l.Tree, MaxTitle)
	l.Ticket, wrong[1] = cleanLine("input.ticket", l.Ticket, MaxTicket)
	l.Client, wrong[2] = cleanLine("input.clientName", l.Client, MaxClient)
	l.Subject, wrong[3] = cleanLine("input.subject", l.Subject, MaxSubject)
	if len(l.Values) > MaxGiven {
		return fault.Input("input.values", "These are %d values; a session is started with at most %d.", len(l.Values), MaxGiven)
	}
	return errors.Join(wrong[:]...)
}

// startTrees finds the trees that a link may mean: published ones in their
// published form, whoever asks, for that is what is walked.
func (s *Service) startTrees(ctx context.Context, actor account.Actor, text string, fields TreeFields, start *Start) error {
	if text == "" {
		return nil
	}
	var treeID ID
	if strings.HasPrefix(text, treeKind{}.Prefix()+"_") && treeID.UnmarshalText([]byte(text)) == nil {
		t, err := s.Store.Tree(ctx, actor.AccountID, treeID, PublishedForm, fields)
		if errors.Is(err, fault.NotFound) {
			start.problem(fault.Input("input.tree", "There is no such tree, or it is not published. Choose another one."))
			return nil
		}
		start.Tree = t
		return err
	}
	search := TreeSearch{Terms: ParseSearch(text), Filter: TreeFilter{Status: []Status{Published}}, Fields: fields &^ TreeGraph, Span: Span{Limit: MaxStartTrees}}
	if len(search.Terms) > 0 {
		found, match, err := s.find(ctx, actor.AccountID, PublishedForm, &search, AllWords)
		if err != nil {
			return err
		}
		for _, e := range found.Edges {
			start.Trees = append(start.Trees, e.Node)
		}
		if len(start.Trees) == 1 && match == AllWords {
			start.Tree = start.Trees[0]
		}
	}
	switch {
	case len(start.Trees) == 0:
		start.problem(fault.Input("input.tree", "No published tree has these words. Choose a tree, or start without one."))
	case start.Tree != nil && fields.Has(TreeGraph):
		t, err := s.Store.Tree(ctx, actor.AccountID, start.Tree.ID, PublishedForm, fields)
		if err != nil && !errors.Is(err, fault.NotFound) { // archived in between
			return err
		}
		start.Tree = t
	}
	return nil
}

// values says of each value whether the tree asks for it and takes it.
func (start *Start) values(graph *Graph, given []GivenValue) {
	for i, v := range given {
		path := at("input.values", i)
		value, err := graph.knownValue(path, v)
		out := StartValue{Value: value}
		if asking := graph.asking(v.Name); len(asking) > 0 { // a value that it refuses has its label too
			out.Asked, out.Label = true, asking[0].Label
		}
		switch {
		case !validName(v.Name):
			err = fault.Input(path+".name", "A name is a lower case letter and at most %d more of a–z, 0–9 and _.", MaxFieldName-1)
		case slices.ContainsFunc(given[:i], func(e GivenValue) bool { return e.Name == v.Name }):
			err = fault.Input(path+".name", "This value is given twice. Give it once.")
		}
		if err != nil {
			out.Wrong = fault.Of(err).Message
			start.problem(err)
		} else if graph != nil && !out.Asked {
			start.problem(fault.Input(path+".name", "The tree asks for no value %q. It is kept as text.", v.Name))
		}
		start.Values = append(start.Values, out)
	}
}

func (start *Start) problem(err error) {
	if f := fault.Of(err); f != nil {
		start.Problems = append(start.Problems, f)
	}
}

// StartTemplate is what a ticket system needs to link to a tree's walks.
type StartTemplate struct {
	Query  string   // of the link's address, with a name in braces for each thing that the ticket system fills in
	Values []string // the names of the values that the tree's inputs ask for, each once
}

// StartTemplate returns the template of links that start a published tree.
// Engineers and above may. A tree that is not published is a Conflict.
func (s *Service) StartTemplate(ctx context.Context, actor account.Actor, id ID) (StartTemplate, error) {
	var template StartTemplate
	if err := actor.Require(account.Engineer); err != nil {
		return template, err
	}
	t, err := s.Store.Tree(ctx, actor.AccountID, id, PublishedForm, TreeGraph)
	if errors.Is(err, fault.NotFound) {
		if _, err = s.Store.Tree(ctx, actor.AccountID, id, DraftForm, 0); err == nil {
			err = fault.New(fault.Conflict, "This tree is not published, so it cannot be started. Publish it first.")
		}
	}
	if err != nil {
		return template, err
	}
	for i := range t.Graph.Nodes {
		for _, f := range t.Graph.Nodes[i].Fields {
			if !slices.Contains(template.Values, f.Name) {
				template.Values = append(template.Values, f.Name)
			}
		}
	}
	// The braces stay as they are, so that whoever reads the address finds them.
	template.Query = "tree=" + url.QueryEscape(id.String()) + "&ticket={ticket}&client={client}&subject={subject}"
	for _, name := range template.Values {
		template.Query += "&value." + name + "={value." + name + "}"
	}
	return template, nil
}
