package tree_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

func TestEncodeMarkdown_ReadsWell(t *testing.T) {
	t.Parallel()
	got, err := tree.EncodeMarkdown(tree.File{Title: "Site down", Description: "For one site.", Tags: []string{"wan"}, Graph: wan()})
	if err != nil {
		t.Fatal(err)
	}
	want := "# Site down\n\nFor one site.\n\nTags: wan\n\n" +
		"## Input: Which site? {#site}\n\nAs on the label.\n\n" +
		"- `site` Site (matches `[A-Z]{3}[0-9]+`; required)\n- `down` Down for (number)\n- `line` Line (one of: Fibre, DSL)\n- `power` Is there power? (yes/no; sensitive)\n\n" +
		"- If {{power}} is no → Wait for the power\n- If {{down}} > 60 → Escalate: Call the provider\n- Otherwise → Subtree: Is it the Wi-Fi?\n\n" +
		"## Subtree: Is it the Wi-Fi? {#wifi}\n\nTree: " + treeID(1).String() + "\n\n→ Restart {{ site }}\n\n" +
		"## Restart {{ site }} {#restart}\n\n```\nreload {{client.router}}\n```\n\n- If {{line}} contains fib → Escalate: Call the provider\n- Otherwise → Resolved: Restarted\n\n" +
		"## Wait for the power {#wait}\n\n→ Input: Which site?\n\n" +
		"## Resolved: Restarted {#done}\n\nThe router of {{site}}.\n\n→ continue\n\n" +
		"## Escalate: Call the provider {#call}\n\nFor {{site}}.\n\n- Tell {{site}}\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is written comes back exactly, whatever the texts hold.
func TestEncodeMarkdown_ComesBack(t *testing.T) {
	t.Parallel()
	for _, sample := range samples.All() {
		file, _ := tree.ParseMarkdown(sample.Content)
		text, err := tree.EncodeMarkdown(file)
		if err != nil {
			t.Errorf("%s: %v", sample.Name, err)
			continue
		}
		back, _ := tree.ParseMarkdown(text)
		if diff := cmp.Diff(file, back); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sample.Name, diff)
		}
		if strings.Contains(text, "```branchline") {
			t.Errorf("%s needs a block:\n%s", sample.Name, text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := tree.File{Graph: richGraph().Draw(t, "graph")}
		want.Title = rapid.SampledFrom([]string{"T", "Tags: x", " # ", "a {#b}", "##"}).Draw(t, "title")
		want.Description = rapid.SampledFrom([]string{"", "Words.", "- Is it on?", "Tags: no", "a\n\n\nb", "# x", "```\nx", "---"}).Draw(t, "description")
		if rapid.Bool().Draw(t, "tagged") {
			want.Tags = []string{"a", rapid.SampledFrom([]string{"b", "b, c", " d"}).Draw(t, "tag")}
		}
		for _, p := range tree.Validate(want.Graph) {
			if p.Severity == tree.Error && p.Code != tree.UnreachableNode {
				t.Fatalf("%+v", p)
			}
		}
		text, err := tree.EncodeMarkdown(want)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		got, problems := tree.ParseMarkdown(text)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, text)
		}
		checkPlaces(t, text, problems)
	})
}

func checkPlaces(t *rapid.T, text string, problems []tree.Problem) {
	lines := strings.Count(text, "\n") + 1
	for _, p := range problems {
		if p.Line < 1 || p.Line > lines || p.Column < 1 {
			t.Fatalf("%+v is not in the file", p)
		}
	}
}

func TestEncodeMarkdown_RefusesWhatItCannotHold(t *testing.T) {
	t.Parallel()
	g := cable()
	g.Nodes[2].Kind = "QUESTION"
	if text, err := tree.EncodeMarkdown(tree.File{Title: "T", Graph: g}); err == nil {
		t.Errorf("a node of no kind was written:\n%s", text)
	}
	g = cable()
	g.Nodes[0].Options[0].Target = "" // a draft is not finished
	text, err := tree.EncodeMarkdown(tree.File{Title: "T", Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	back, problems := tree.ParseMarkdown(text)
	if diff := cmp.Diff(g, back.Graph); diff != "" || !tree.HasErrors(problems) {
		t.Errorf("(-want +got):\n%s\n%v", diff, problems)
	}
}

func FuzzEncodeMarkdown(f *testing.F) {
	f.Add("Is it on?", "- a → b", "On {#x}", "a;b", "ls\n```")
	f.Add("Resolved: x", "```branchline text\n", "`k` If {{a}} is b", "`", " ")
	f.Fuzz(func(t *testing.T, title, text, label, pattern, command string) {
		g := tree.Graph{Root: "q", Nodes: []tree.Node{
			{ID: "q", Kind: tree.Input, Title: title, Text: text, Fields: []tree.Field{{Name: "a", Label: label, Type: tree.TextField, Pattern: pattern}}, Branches: []tree.Branch{{Name: "a", Test: tree.Equals, Value: label, Target: "s"}}, Next: "a"},
			{ID: "a", Kind: tree.Action, Title: label, Text: text, Commands: []string{command}, Expected: text, Options: []tree.Option{{ID: "x", Label: label, Target: "s"}, {ID: "y", Label: title, Target: "q"}}},
			{ID: "s", Kind: tree.Solution, Title: title, Text: text, Outcome: tree.Resolved, FollowUps: []string{label}},
		}}
		file := tree.File{Title: title, Description: strings.TrimSpace(text), Graph: g}
		if tree.HasErrors(tree.Check(title, g)) {
			return
		}
		written, err := tree.EncodeMarkdown(file)
		if err != nil {
			t.Fatalf("%v of %+v", err, file)
		}
		if back, _ := tree.ParseMarkdown(written); !cmp.Equal(file, back) {
			t.Errorf("(-want +got):\n%s\n%s", cmp.Diff(file, back), written)
		}
	})
}
