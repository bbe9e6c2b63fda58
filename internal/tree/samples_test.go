package tree_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

func TestSamples_HaveNoProblems(t *testing.T) {
	t.Parallel()
	all := samples.All()
	if len(all) != 8 {
		t.Fatalf("%d samples", len(all))
	}
	for _, sample := range all {
		file, problems := tree.ParseMarkdown(sample.Content)
		for _, p := range problems {
			t.Errorf("samples/%s:%d:%d: %s: %s", sample.Name, p.Line, p.Column, p.Code, p.Message)
		}
		if n := len(file.Graph.Nodes); n < 15 || n > 40 || file.Description == "" || len(file.Tags) == 0 {
			t.Errorf("%s has %d nodes, description %q, tags %v", sample.Name, n, file.Description, file.Tags)
		}
	}
}

// Whoever walks a sample and goes back to no node ends at a solution, and every
// node is met on some way.
func TestSamples_EveryWayEndsInASolution(t *testing.T) {
	t.Parallel()
	const mostSteps = 25 // more than that nobody answers on a call
	for _, sample := range samples.All() {
		t.Run(sample.Name, func(t *testing.T) {
			t.Parallel()
			file, _ := tree.ParseMarkdown(sample.Content)
			met, onWay := map[tree.NodeID]bool{}, map[tree.NodeID]bool{}
			var walk func(id tree.NodeID)
			walk = func(id tree.NodeID) {
				node := file.Graph.Node(id)
				met[id], onWay[id] = true, true
				defer delete(onWay, id)
				if len(onWay) > mostSteps {
					t.Fatalf("a way to %q takes more than %d steps", id, mostSteps)
				}
				if node.Kind == tree.Solution {
					return
				}
				targets := []tree.NodeID{}
				if node.Next != "" {
					targets = append(targets, node.Next)
				}
				for i := range node.Branches {
					targets = append(targets, node.Branches[i].Target)
				}
				for i := range node.Options {
					targets = append(targets, node.Options[i].Target)
				}
				on := false
				for _, target := range targets {
					if !onWay[target] {
						on = true
						walk(target)
					}
				}
				if !on {
					t.Errorf("from %q every way leads back", id)
				}
			}
			walk(file.Graph.Root)
			for i := range file.Graph.Nodes {
				if id := file.Graph.Nodes[i].ID; !met[id] {
					t.Errorf("no way leads to %q", id)
				}
			}
		})
	}
}

func TestSamples_RoundTripThroughJSON(t *testing.T) {
	t.Parallel()
	for _, sample := range samples.All() {
		want, _ := tree.ParseMarkdown(sample.Content)
		got, problems := tree.ParseJSON(string(tree.EncodeJSON(want)))
		if len(problems) > 0 {
			t.Errorf("%s: %+v", sample.Name, problems)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sample.Name, diff)
		}
	}
}

// A file whose nodes stand in another order gives the same tree, so an edit
// moves no id.
func TestSamples_IDsDoNotHangOnTheOrder(t *testing.T) {
	t.Parallel()
	for _, sample := range samples.All() {
		parts := strings.Split(sample.Content, "\n## ")
		slices.Reverse(parts[2:]) // the title and the root stay first
		want, _ := tree.ParseMarkdown(sample.Content)
		got, _ := tree.ParseMarkdown(strings.Join(parts, "\n## "))
		for _, g := range []tree.Graph{want.Graph, got.Graph} {
			slices.SortFunc(g.Nodes, func(a, b tree.Node) int { return strings.Compare(string(a.ID), string(b.ID)) })
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sample.Name, diff)
		}
	}
}

// The documentation's examples are read as it says.
func TestDocumentation_ExamplesHaveNoErrors(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/tree-markdown.md")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, block := range strings.Split(string(page), "\n```markdown\n")[1:] {
		example, _, _ := strings.Cut(block, "\n```\n")
		if !strings.HasPrefix(example, "# ") {
			continue // a part of a file
		}
		read++
		if _, problems := tree.ParseMarkdown(example); tree.HasErrors(problems) {
			t.Errorf("%+v in the example\n%s", problems, example)
		}
	}
	if read != 3 {
		t.Errorf("%d examples", read)
	}
}
