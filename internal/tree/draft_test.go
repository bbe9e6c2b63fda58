package tree_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

// openEnds are the codes by which validation names what a draft does not know yet.
var openEnds = []tree.ProblemCode{tree.MissingTarget, tree.DeadEnd, tree.NoRoot}

func draftOf(t interface{ Fatal(...any) }, s *tree.Session, notes bool) tree.Graph {
	g, err := s.Draft(notes)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (w *walker) own(title, answer, note string) {
	w.t.Helper()
	w.must(w.AddStep(actor(emil), w.LastSeq, tree.NewStep{Title: title, Answer: answer, Note: note, Output: "secret output"}, w.tick()))
}

func TestDraft_OfASessionOutsideAnyTree(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, tree.ID{}), nine}
	w.own("Is it plugged in?", "Yes", "The *blue* plug.")
	w.own("Is it plugged in?", "Yes", "Looked again.")
	w.own("Which lamp is lit?", "The left one", "")
	w.own("Pulled {{the}} fuse", "Still dark", "")
	w.own("Waited a minute", "", "")
	w.own("Went to lunch", "", "")
	w.back(0)
	w.complete(tree.Completion{Outcome: tree.Resolved, Reason: "It was the fuse.\nIt is replaced."})
	want := tree.Graph{Root: "is-it-plugged-in", Nodes: []tree.Node{
		{ID: "is-it-plugged-in", Kind: tree.Decision, Title: "Is it plugged in?", Text: "The \\*blue\\* plug.", Options: []tree.Option{{ID: "yes", Label: "Yes", Target: "is-it-plugged-in-2"}, {ID: "no", Label: "No"}}},
		{ID: "is-it-plugged-in-2", Kind: tree.Decision, Title: "Is it plugged in?", Text: "Looked again.", Options: []tree.Option{{ID: "yes", Label: "Yes", Target: "which-lamp-is-lit"}, {ID: "no", Label: "No"}}},
		{ID: "which-lamp-is-lit", Kind: tree.Decision, Title: "Which lamp is lit?", Options: []tree.Option{{ID: "the-left-one", Label: "The left one", Target: "pulled-the-fuse"}, {ID: "something-else", Label: "Something else"}}},
		{ID: "pulled-the-fuse", Kind: tree.Action, Title: "Pulled {the} fuse", Options: []tree.Option{{ID: "still-dark", Label: "Still dark", Target: "waited-a-minute"}}},
		{ID: "waited-a-minute", Kind: tree.Action, Title: "Waited a minute", Next: "it-was-the-fuse"},
		{ID: "it-was-the-fuse", Kind: tree.Solution, Title: "It was the fuse.", Text: "It was the fuse.\nIt is replaced.", Outcome: tree.Resolved},
	}}
	got := draftOf(t, w.Session, true)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("draft (-want +got):\n%s", diff)
	}
	if text := fmt.Sprint(draftOf(t, w.Session, false)); strings.Contains(text, "blue") || strings.Contains(text, "secret") {
		t.Errorf("what was not asked for is copied: %s", text)
	}
}

func TestDraft_OfAWalkKeepsNodesAndLeavesOtherWaysOpen(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, siteTree), nine}
	w.values(tree.GivenValue{Name: "name", Text: "Ann Miller"}, tree.GivenValue{Name: "phone", Text: "555 0100"})
	w.own("Called 555 0100", "Nobody answers", "")
	w.choose("yes", "")
	w.values(tree.GivenValue{Name: "lamp", Text: "no"})
	w.choose("", "")
	w.choose("", "")
	w.choose("", "")
	w.complete(tree.Completion{})
	g := draftOf(t, w.Session, false)
	want := tree.Graph{Root: "who", Nodes: []tree.Node{
		{ID: "who", Kind: tree.Input, Title: "Who is it?", Next: "called", Fields: site().Nodes[0].Fields, Branches: []tree.Branch{{Name: "people", Test: tree.Greater, Value: "50"}}},
		{ID: "called", Kind: tree.Action, Title: "Called " + tree.Redacted, Options: []tree.Option{{ID: "nobody-answers", Label: "Nobody answers", Target: "ask"}}},
		{ID: "ask", Kind: tree.Decision, Title: "Is {{name}} of {{client.name}} alone?", Text: "Call {{phone}}.", Options: []tree.Option{{ID: "yes", Label: "Yes, {{name}} is", Target: "lamp"}, {ID: "no", Label: "No"}}},
		{ID: "lamp", Kind: tree.Input, Title: "Is the lamp on?", Next: "pull", Fields: gateway().Nodes[0].Fields},
		{ID: "pull", Kind: tree.Action, Title: "Pull the plug", Next: "ok"},
		{ID: "ok", Kind: tree.Action, Title: "It has power", Next: "back"},
		{ID: "back", Kind: tree.Action, Title: "The gateway is looked at", Branches: []tree.Branch{{Name: "lamp", Test: tree.Equals, Value: "no", Target: "big"}}},
		{ID: "big", Kind: tree.Solution, Title: "Send somebody to {{name}}", Outcome: tree.Escalated},
	}}
	if diff := cmp.Diff(want, g, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("draft (-want +got):\n%s", diff)
	}
	var open []string
	for _, p := range tree.Validate(g) {
		if p.Severity == tree.Error {
			open = append(open, string(p.Code)+" "+p.Path)
		}
	}
	if diff := cmp.Diff([]string{"MISSING_TARGET nodes[0].branches[0].target", "MISSING_TARGET nodes[2].options[1].target", "DEAD_END nodes[6].next"}, open); diff != "" {
		t.Errorf("open ends (-want +got):\n%s", diff)
	}
}

func TestDraft_SharesNodesOfACircleUnlessAStepCameBetween(t *testing.T) {
	t.Parallel()
	round := func(w *walker) {
		w.choose("no", "")
		w.choose("still", "")
		w.choose("", "")
	}
	ids := func(w *walker) (ids []tree.NodeID) {
		for _, n := range draftOf(t, w.Session, false).Nodes {
			ids = append(ids, n.ID)
		}
		return ids
	}
	w := &walker{t, begin(cable()), nine}
	round(w)
	round(w)
	w.choose("yes", "")
	if diff := cmp.Diff([]tree.NodeID{"lamp", "plug", "wait", "call"}, ids(w)); diff != "" {
		t.Errorf("a circle (-want +got):\n%s", diff)
	}
	w = &walker{t, begin(cable()), nine}
	round(w)
	w.choose("no", "")
	w.own("Shook it", "", "")
	w.choose("fixed", "")
	if diff := cmp.Diff([]tree.NodeID{"lamp", "plug", "wait", "lamp-2", "shook-it", "done"}, ids(w)); diff != "" {
		t.Errorf("a step in the second round (-want +got):\n%s", diff)
	}
}

func TestDraft_IsCutWhereATreeWouldBeTooDeep(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, tree.ID{}), nine}
	for i := range tree.MaxDepth + 5 {
		w.own(fmt.Sprint("Tried ", i), "", "")
	}
	w.complete(tree.Completion{Outcome: tree.Resolved, Reason: "x"})
	g := draftOf(t, w.Session, false)
	if problems := tree.Validate(g); len(g.Nodes) != tree.MaxDepth || len(problems) != 1 || problems[0].Code != tree.DeadEnd {
		t.Errorf("%d nodes, %+v", len(g.Nodes), problems)
	}
}

// For any walk through any trees: the draft is a graph that can be kept and read,
// holds no sensitive value and no output, has no faults but open ends, and whoever
// answers as the session did meets what it met.
func TestDraft_OfAnyWalkCanBeWalkedAgain(t *testing.T) {
	t.Parallel()
	walked, shared := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := startWalk(t, rapid.SampledFrom([]tree.ID{{}, siteTree, gatewayTree, powerTree, rootedTree}).Draw(t, "tree"))
		if rapid.IntRange(0, 3).Draw(t, "any graph") == 0 {
			s = begin(soundGraph().Draw(t, "graph"))
			maps.Copy(s.Versions, library())
		}
		now := nine
		// Chance seldom goes round in a circle: here it begins with some rounds.
		if rapid.IntRange(0, 3).Draw(t, "round") == 0 {
			s = begin(cable())
			for range rapid.IntRange(1, 3).Draw(t, "rounds") {
				for _, option := range []tree.OptionID{"no", "still", ""} {
					if _, err := s.Choose(actor(s.Holder), s.LastSeq, tree.Choice{Option: option}, now); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for range rapid.IntRange(0, 40).Draw(t, "changes") {
			now = now.Add(time.Minute)
			_, _ = anyChange(t, s, actor(s.Holder), s.LastSeq, now)
		}
		g := draftOf(t, s, rapid.Bool().Draw(t, "notes"))
		kept, err := tree.DecodeGraph(tree.EncodeGraph(g))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&g, kept, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("kept and read (-want +got):\n%s", diff)
		}
		for _, p := range tree.Validate(g) {
			if p.Severity == tree.Error && !slices.Contains(openEnds, p.Code) {
				t.Fatalf("%+v in %+v", p, g)
			}
		}
		if text := fmt.Sprint(g); strings.Contains(text, "eth0") {
			t.Fatalf("output is copied: %s", text)
		}
		visits := walkAgain(t, s, g)
		walked += visits
		shared += max(0, visits-len(g.Nodes))
	})
	if walked == 0 || shared == 0 {
		t.Errorf("%d visits, %d to a node that was there: the test does not try what it says", walked, shared)
	}
}

// walkAgain answers a draft as the session did, and returns how many visits that took.
func walkAgain(t *rapid.T, s *tree.Session, g tree.Graph) (visits int) {
	var again *tree.Session
	at := func(title string, check func(n *tree.Node) bool) *tree.Node {
		visits++
		if again == nil {
			if len(g.Nodes) == 0 {
				t.Fatalf("nothing was drafted of %q", title)
			}
			v := &tree.Version{AccountID: emil.AccountID, TreeID: fixed[tree.ID](60), Number: 1, Title: "Draft", Graph: &g}
			var err error
			if again, err = tree.NewWalk(fixed[tree.SessionID](61), v, nil, emil, nine); err != nil {
				t.Fatal(err)
			}
			again.Client = s.Client
		}
		if !check(again.Shown()) {
			t.Fatalf("the draft stands at %+v where %q was met, in %+v", again.Shown(), title, g)
		}
		return again.CurrentNode
	}
	// answer goes on unless nothing comes after it.
	answer := func(more bool, c tree.Choice) {
		if !more {
			return
		}
		if _, err := again.Choose(actor(emil), again.LastSeq, c, nine); err != nil {
			t.Fatalf("%v, of %+v in %+v", err, c, g)
		}
	}
	var way []tree.Step
	for _, step := range s.Steps {
		last := !step.Own && step.End != tree.Answered // where it stands or ended
		if !step.Undone && step.End != tree.Switched && step.End != tree.Returned && (!last || step.NodeID != "" || step.End == tree.Finished) {
			way = append(way, step)
		}
	}
	for i, step := range way {
		more := i < len(way)-1
		switch {
		case step.Own:
			n := at(step.NodeTitle, func(n *tree.Node) bool { return n.Title == step.NodeTitle })
			c := tree.Choice{}
			if len(n.Options) > 0 {
				c.Option = n.Options[0].ID
			}
			answer(more, c)
		case step.End == tree.Answered:
			at(step.NodeTitle, func(n *tree.Node) bool { return n.Title == step.NodeTitle })
			c := tree.Choice{Option: step.OptionID}
			for _, v := range step.Values {
				c.Values = append(c.Values, tree.GivenValue{Name: v.Name, Text: v.Text})
			}
			answer(more, c)
		case step.End == tree.Finished && step.NodeKind != tree.Solution:
			at(s.Reason, func(n *tree.Node) bool { return n.Kind == tree.Solution && n.Outcome == s.Outcome })
		case step.End == tree.Finished:
			at(step.NodeTitle, func(n *tree.Node) bool {
				return n.Kind == tree.Solution && n.Title == step.NodeTitle && n.Outcome == s.Outcome
			})
		default:
			at("the end", func(n *tree.Node) bool {
				return s.CurrentNode.Title == n.Title || strings.Contains(s.CurrentNode.Title, "{{")
			})
		}
	}
	return visits
}
