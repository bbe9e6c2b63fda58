package tree_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

func TestCompare_NamesWhatIsDifferent(t *testing.T) {
	t.Parallel()
	a, b := cable(), cable()
	b.Root = "plug"
	b.Nodes[0].Title = "Does the lamp shine?"
	b.Nodes[0].Options[1].Target = "wait"
	b.Nodes[0].Options = append(b.Nodes[0].Options, tree.Option{ID: "off", Label: "Blinks", Target: "done"})
	b.Nodes[1].Options[0], b.Nodes[1].Options[1] = b.Nodes[1].Options[1], b.Nodes[1].Options[0]
	b.Nodes[3].FollowUps = nil
	b.Nodes[4] = tree.Node{ID: "give-up", Kind: tree.Solution, Title: "Give up", Outcome: tree.Unresolved, Continue: true}
	got := tree.Compare(&a, &b)
	want := tree.Comparison{
		Root: &tree.FieldChange{Field: "root", Old: "lamp", New: "plug"}, Added: 1, Removed: 1, Changed: 3,
		Nodes: []tree.NodeChange{
			{
				NodeID: "lamp", Kind: tree.Changed, Title: "Does the lamp shine?", Fields: []tree.FieldChange{{Field: "title", Old: "Is the lamp on?", New: "Does the lamp shine?"}},
				Options: []tree.OptionChange{
					{OptionID: "no", Kind: tree.Changed, Label: "No", Moved: true, Fields: []tree.FieldChange{{Field: "target", Old: "plug", New: "wait"}}},
					{OptionID: "off", Kind: tree.Added, Label: "Blinks"},
				},
			},
			{NodeID: "plug", Kind: tree.Changed, Title: "Plug the cable in", Fields: []tree.FieldChange{{Field: "optionOrder", Old: "fixed, still", New: "still, fixed"}}},
			{NodeID: "done", Kind: tree.Changed, Title: "Cable was loose", Fields: []tree.FieldChange{{Field: "followUps", Old: `["Order a new cable"]`}}},
			{NodeID: "give-up", Kind: tree.Added, Title: "Give up"},
			{NodeID: "call", Kind: tree.Removed, Title: "Call the network team"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompare_IsSymmetric(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		graphs := rapid.OneOf(anyGraph(), soundGraph(), richGraph())
		a, b := graphs.Draw(t, "a"), graphs.Draw(t, "b")
		if same := tree.Compare(&a, &a); !same.Same() {
			t.Fatalf("a graph differs from itself: %+v", same)
		}
		there, back := tree.Compare(&a, &b), tree.Compare(&b, &a)
		if there.Added != back.Removed || there.Removed != back.Added || there.Changed != back.Changed || there.Same() != back.Same() {
			t.Fatalf("there %+v\nback %+v", there, back)
		}
		fields := map[tree.NodeID][]tree.FieldChange{}
		for _, n := range back.Nodes {
			fields[n.NodeID] = n.Fields
		}
		for _, n := range there.Nodes {
			for i, f := range n.Fields {
				if other := fields[n.NodeID][i]; f.Field != other.Field || f.Old != other.New || f.New != other.Old || f.Old == f.New {
					t.Fatalf("%s: %+v and back %+v", n.NodeID, f, other)
				}
			}
		}
		// What is the same but for its order is the same.
		if there.Same() && len(a.Nodes) != len(b.Nodes) {
			t.Fatal("graphs of different size are the same")
		}
	})
}
