package tree_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

func TestOfferings_AreTheOwnStepsThatStandWhenASessionIsCompleted(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, siteTree), nine}
	w.values(tree.GivenValue{Name: "name", Text: "Ann"}, tree.GivenValue{Name: "phone", Text: "555 0100"})
	w.own("Called 555 0100?", "No {{name}}", "At 555 0100.")
	took := w.now
	w.choose("yes", "")
	w.own("Looked at the back", "", "")
	w.back(0)
	w.own("Pulled the plug", "", "")
	w.must(w.Switch(actor(emil), w.LastSeq, nil, w.tick()))
	w.own("Outside any tree", "", "")
	if got := w.Offerings(); got != nil {
		t.Errorf("a running session offers %+v", got)
	}
	w.complete(tree.Completion{Outcome: tree.Resolved, Reason: "x"})
	want := []tree.Offering{
		{
			Seq: 2, TreeID: siteTree, Number: 1, NodeID: "ask", At: took, By: emil.ID,
			Words: tree.Words{Title: "Called " + tree.Redacted + "?", Answer: "No {name}", Note: "At " + tree.Redacted + "."},
		},
		{Seq: 6, TreeID: gatewayTree, Number: 2, NodeID: "lamp", At: took.Add(4 * time.Minute), By: emil.ID, Words: tree.Words{Title: "Pulled the plug"}},
	}
	if diff := cmp.Diff(want, w.Offerings(), cmpopts.IgnoreFields(tree.Offering{}, "ID")); diff != "" {
		t.Errorf("offered (-want +got):\n%s", diff)
	}
	w.must(w.Reopen(actor(emil), w.LastSeq, w.tick()))
	w.must(w.Abandon(actor(emil), w.LastSeq, "", w.tick()))
	if got := w.Offerings(); got != nil {
		t.Errorf("an abandoned session offers %+v", got)
	}
}

func TestWords_AreEqualWithoutCaseSpacingAndNote(t *testing.T) {
	t.Parallel()
	w := tree.Words{Title: "Is it on?", Answer: "No"}
	if w.Hash() != (tree.Words{Title: " is  it ON?", Answer: "no", Note: "x"}).Hash() {
		t.Error("equal words have two hashes")
	}
	for _, other := range []tree.Words{{Title: "Is it on?"}, {Title: "Is it on? No"}, {Title: "Is it on?", Answer: "Yes"}} {
		if w.Hash() == other.Hash() {
			t.Errorf("%+v counts as %+v", other, w)
		}
	}
}

func TestGraph_WithStepPutsItBeforeTheNode(t *testing.T) {
	t.Parallel()
	g := cable()
	got, added, ok := g.WithStep("lamp", tree.Words{Title: "Is there power?", Answer: "yes", Note: "At the *wall*."}, true)
	want := cable()
	want.Root = "is-there-power"
	want.Nodes[2].Next = "is-there-power"
	want.Nodes = slices.Insert(want.Nodes, 0, tree.Node{
		ID: "is-there-power", Kind: tree.Decision, Title: "Is there power?", Text: "At the \\*wall\\*.",
		Options: []tree.Option{{ID: "yes", Label: "yes", Target: "lamp"}, {ID: "no", Label: "No", Target: "lamp"}},
	})
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" || added != "is-there-power" || !ok {
		t.Errorf("%q, %v (-want +got):\n%s", added, ok, diff)
	}
	if diff := cmp.Diff(cable(), g); diff != "" {
		t.Errorf("the graph itself was changed:\n%s", diff)
	}
	again, added, _ := got.WithStep("plug", tree.Words{Title: "Is there power?", Answer: "SOMETHING else"}, false)
	if added != "is-there-power-2" || again.Node("lamp").Option("no").Target != added || again.Node(added).Options[1].Label != "None of these" {
		t.Errorf("%q in %+v", added, again)
	}
	if _, _, ok := g.WithStep("gone", tree.Words{Title: "x"}, false); ok {
		t.Error("a step before no node")
	}
}

// For any graph and words: the graph has no other problems than before, but for its
// depth and size; every node but the new one leads where it led; and where it led to
// the node, the new one now stands before it.
func TestGraph_WithStepKeepsAnyGraphAsGoodAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.OneOf(anyGraph(), soundGraph(), rapid.Just(cable()), rapid.Just(site()), rapid.Just(gateway())).Draw(t, "graph")
		if len(g.Nodes) == 0 {
			return
		}
		at := g.Nodes[rapid.IntRange(0, len(g.Nodes)-1).Draw(t, "node")].ID
		w := tree.Words{
			Title:  rapid.SampledFrom([]string{"Is it on?", "Looked at it", "ä?", strings.Repeat("x", tree.MaxNodeTitle)}).Draw(t, "title"),
			Answer: rapid.SampledFrom([]string{"", "Yes", "something, else", strings.Repeat("ü", tree.MaxAnswer)}).Draw(t, "answer"),
			Note:   rapid.SampledFrom([]string{"", "a note", strings.Repeat("*", tree.MaxNote)}).Draw(t, "note"),
		}
		out, added, ok := g.WithStep(at, w, rapid.Bool().Draw(t, "with note"))
		if !ok || len(out.Nodes) != len(g.Nodes)+1 || out.Node(added) == nil || g.Node(added) != nil {
			t.Fatalf("%v, %q in %+v", ok, added, out)
		}
		had := problemsOf(g)
		for problem := range problemsOf(*out) {
			if problem.node == added { // where nothing leads to a node, nothing leads before it
				problem.node = at
			}
			if !had[problem] {
				t.Fatalf("%v is new", problem)
			}
		}
		back := func(id tree.NodeID) tree.NodeID {
			if id == added {
				return at
			}
			return id
		}
		i := slices.IndexFunc(out.Nodes, func(n tree.Node) bool { return n.ID == added })
		out.Nodes = slices.Delete(out.Nodes, i, i+1)
		out.Root = back(out.Root)
		for i := range out.Nodes {
			n := &out.Nodes[i]
			n.Next = back(n.Next)
			for j := range n.Options {
				n.Options[j].Target = back(n.Options[j].Target)
			}
			for j := range n.Branches {
				n.Branches[j].Target = back(n.Branches[j].Target)
			}
		}
		if diff := cmp.Diff(&g, out, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("something else changed (-want +got):\n%s", diff)
		}
	})
}

type problemAt struct {
	code tree.ProblemCode
	node tree.NodeID
}

// problemsOf returns a graph's errors.
func problemsOf(g tree.Graph) map[problemAt]bool {
	found := map[problemAt]bool{}
	for _, p := range tree.Validate(g) {
		if p.Severity == tree.Error {
			found[problemAt{p.Code, p.NodeID}] = true
		}
	}
	return found
}
