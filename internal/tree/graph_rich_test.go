package tree_test

import (
	"fmt"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/id"
	"github.com/branchline/branchline/internal/tree"
)

// wan is a graph with an input, branches and a subtree.
func wan() tree.Graph {
	return tree.Graph{Root: "site", Nodes: []tree.Node{
		{ID: "site", Kind: tree.Input, Title: "Which site?", Text: "As on the label.", Fields: []tree.Field{
			{Name: "site", Label: "Site", Type: tree.TextField, Required: true, Pattern: "[A-Z]{3}[0-9]+"},
			{Name: "down", Label: "Down for", Type: tree.NumberField},
			{Name: "line", Label: "Line", Type: tree.ChoiceField, Choices: []string{"Fibre", "DSL"}},
			{Name: "power", Label: "Is there power?", Type: tree.YesNoField, Sensitive: true},
		}, Branches: []tree.Branch{
			{Name: "power", Test: tree.Equals, Value: "no", Target: "wait"},
			{Name: "down", Test: tree.Greater, Value: "60", Target: "call"},
		}, Next: "wifi"},
		{ID: "wifi", Kind: tree.Subtree, Title: "Is it the Wi-Fi?", Tree: treeID(1), Next: "restart"},
		{ID: "restart", Kind: tree.Action, Title: "Restart {{ site }}", Commands: []string{"reload {{client.router}}"}, Next: "done", Branches: []tree.Branch{
			{Name: "line", Test: tree.Contains, Value: "fib", Target: "call"},
		}},
		{ID: "wait", Kind: tree.Action, Title: "Wait for the power", Next: "site"},
		{ID: "done", Kind: tree.Solution, Title: "Restarted", Text: "The router of {{site}}.", Outcome: tree.Resolved, Continue: true},
		{ID: "call", Kind: tree.Solution, Title: "Call the provider", Text: "For {{site}}.", Outcome: tree.Escalated, FollowUps: []string{"Tell {{site}}"}},
	}}
}

// treeID is the id of a tree that tests name by a number.
func treeID(n byte) tree.ID {
	return idOf(uuid.UUID{15: n}, tree.ID{})
}

// idOf returns the id that holds u, of the kind that like has.
func idOf[K id.Kind](u uuid.UUID, like id.Of[K]) id.Of[K] { return id.FromUUID[K](u) }

// richGraph draws graphs of all kinds of nodes, without errors as a rule, with
// texts that are hard to write down.
func richGraph() *rapid.Generator[tree.Graph] {
	return rapid.Custom(func(t *rapid.T) tree.Graph {
		words := rapid.SampledFrom([]string{
			"Look", "Is it on?", "Restart", "Resolved: no", "Input: x", " spaced ", "a → b", "- a → b", "If {{client.a}} is b", "continue", "Otherwise", "# no", "é 日本", "x {#y}", "x {.action}",
			"a `b` *c*", "`k` label", "(number)", "a, b; c", "end", `"quoted"`, "1. first", "Tags: a", "Tree: x", "See: y", "**bold**", "[a](#b)", "#n1", "---", "->", "A|B", "<b>", "x\\", "%%", "```",
		})
		lines := rapid.SampledFrom([]string{
			"", "Help.", "Two\nlines", "A\n\nB", "A\n\n\nB", "- item", "- a → b", "→ Look", "# Heading", "```\ncode\n```", "```branchline\n{}\n```", "~~~", "    set in", "\ttab", "trailing  ", "ends\n", "\nbegins",
			"Expected: x", "See: [a](https://example.com)", "Tags: a", "---", "Tree: x", "{{client.vpn}}", "````\n```\n````", "* x", "1. x → y", "continue", "→ continue", "x\u00a0",
		})
		ends := rapid.IntRange(1, 3).Draw(t, "ends")
		n := rapid.IntRange(1, 7).Draw(t, "inner") + ends
		node := func(i int) tree.NodeID { return tree.NodeID(fmt.Sprintf("n%d", i)) }
		g := tree.Graph{Root: "n0"}
		var names []string // asked for so far
		later := func(i int) tree.NodeID { return node(rapid.IntRange(i+1, n-1).Draw(t, "target")) }
		branches := func(i int) []tree.Branch {
			var list []tree.Branch
			for range rapid.IntRange(0, 2).Draw(t, "branches") {
				if len(names) == 0 {
					break
				}
				b := tree.Branch{Name: rapid.SampledFrom(names).Draw(t, "name"), Test: tree.IsSet, Target: later(i)}
				switch b.Name[0] {
				case 't':
					if b.Test = rapid.SampledFrom([]tree.Test{tree.Equals, tree.Contains}).Draw(t, "test"); true {
						b.Value = words.Draw(t, "value")
					}
				case 'n':
					b.Test, b.Value = rapid.SampledFrom([]tree.Test{tree.Less, tree.Greater, tree.Equals}).Draw(t, "test"), "10"
				case 'y':
					b.Test, b.Value = tree.Equals, "Yes"
				}
				list = append(list, b)
			}
			return list
		}
		for i := range n {
			m := tree.Node{ID: node(i), Title: words.Draw(t, "title"), Text: lines.Draw(t, "text")}
			if rapid.IntRange(0, 5).Draw(t, "link") == 0 {
				m.Links = []tree.Link{{Title: words.Draw(t, "link's title"), URL: "https://example.com/a(b)?c=%20"}}
			}
			kind := rapid.SampledFrom([]tree.Kind{tree.Decision, tree.Action, tree.Input, tree.Subtree}).Draw(t, "kind")
			if i == n-ends-1 {
				kind = tree.Decision // that leads to all ends
			}
			if i >= n-ends {
				kind = tree.Solution
			}
			switch m.Kind = kind; kind {
			case tree.Solution:
				m.Outcome = rapid.SampledFrom([]tree.Outcome{tree.Resolved, tree.Escalated, tree.Unresolved}).Draw(t, "outcome")
				m.Continue = rapid.Bool().Draw(t, "continue")
				m.FollowUps = rapid.SliceOfN(words, 0, 2).Draw(t, "follow-ups")
			case tree.Decision:
				m.Options = []tree.Option{{ID: "on", Label: "On", Key: "o", Target: node(i + 1)}, {ID: "o2", Label: words.Filter(func(s string) bool { return s != "On" }).Draw(t, "label"), Target: node(rapid.IntRange(0, n-1).Draw(t, "any"))}}
				if i == n-ends-1 {
					for e := range ends {
						m.Options = append(m.Options, tree.Option{ID: tree.OptionID(fmt.Sprint("end", e)), Label: fmt.Sprint("End ", e), Target: node(n - ends + e)})
					}
				}
			case tree.Action:
				m.Commands = rapid.SliceOfN(rapid.SampledFrom([]string{"ls -l", " set in", "a\n  b\n", "```", "two \nlines", "{{client.vpn}}", "end  "}), 0, 3).Draw(t, "commands")
				m.Expected = rapid.SampledFrom([]string{"", "Replies.", "Two\nlines", "A\n\nB", "a → b"}).Draw(t, "expected")
				m.Next, m.Branches = node(i+1), branches(i)
			case tree.Input:
				for j := range rapid.IntRange(1, 3).Draw(t, "fields") {
					f := tree.Field{Label: words.Draw(t, "label"), Required: rapid.Bool().Draw(t, "required"), Sensitive: rapid.Bool().Draw(t, "sensitive")}
					f.Type = rapid.SampledFrom([]tree.FieldType{tree.TextField, tree.NumberField, tree.ChoiceField, tree.YesNoField}).Draw(t, "type")
					f.Name = map[tree.FieldType]string{tree.TextField: "t", tree.NumberField: "n", tree.ChoiceField: "c", tree.YesNoField: "y"}[f.Type] + fmt.Sprint(i, "_", j)
					switch f.Type {
					case tree.TextField:
						f.Pattern = rapid.SampledFrom([]string{"", "", "[a-z ;`]+.*", "a;(b)?.*"}).Draw(t, "pattern")
					case tree.ChoiceField:
						f.Choices = []string{"A", rapid.SampledFrom([]string{"B", "b, c", "d; e", "(f)"}).Draw(t, "choice")}
					}
					m.Fields = append(m.Fields, f)
					if f.Pattern == "" {
						names = append(names, f.Name)
					}
				}
				m.Next, m.Branches = node(i+1), branches(i)
			case tree.Subtree:
				m.Tree, m.Version = treeID(byte(i+1)), rapid.IntRange(0, 2).Draw(t, "version")
				m.Next, m.Branches = node(i+1), branches(i)
			}
			g.Nodes = append(g.Nodes, m)
		}
		if rapid.Bool().Draw(t, "turned round") {
			g.Nodes = append(g.Nodes[1:], g.Nodes[0])
		}
		for i := range g.Nodes { // lists that were drawn empty are as those that are not there
			m := &g.Nodes[i]
			if len(m.Commands) == 0 {
				m.Commands = nil
			}
			if len(m.FollowUps) == 0 {
				m.FollowUps = nil
			}
		}
		return g
	})
}
