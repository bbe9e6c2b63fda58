package tree_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

// cable is a small graph with all kinds of nodes and a way back.
func cable() tree.Graph {
	return tree.Graph{Root: "lamp", Nodes: []tree.Node{
		{ID: "lamp", Kind: tree.Decision, Title: "Is the lamp on?", Options: []tree.Option{
			{ID: "yes", Label: "Yes", Key: "y", Target: "call"}, {ID: "no", Label: "No", Key: "n", Target: "plug"},
		}},
		{ID: "plug", Kind: tree.Action, Title: "Plug the cable in", Text: "At *both* ends.", Commands: []string{"ping 192.0.2.1"}, Expected: "Replies.", Options: []tree.Option{
			{ID: "fixed", Label: "Fixed", Target: "done"}, {ID: "still", Label: "Still dark", Target: "wait"},
		}},
		{ID: "wait", Kind: tree.Action, Title: "Wait a minute", Next: "lamp"},
		{ID: "done", Kind: tree.Solution, Title: "Cable was loose", Text: "Plugged in.", Outcome: tree.Resolved, FollowUps: []string{"Order a new cable"}, Links: []tree.Link{{Title: "Cables", URL: "https://example.com/cables"}}},
		{ID: "call", Kind: tree.Solution, Title: "Call the network team", Text: "They can see the port.", Outcome: tree.Escalated},
	}}
}

// chain is a graph of n nodes, each a decision that goes on or ends.
func chain(n int) tree.Graph {
	g := tree.Graph{Root: "n1"}
	for i := 1; i < n; i++ {
		next := tree.NodeID(fmt.Sprintf("n%d", i+1))
		g.Nodes = append(g.Nodes, tree.Node{
			ID: tree.NodeID(fmt.Sprintf("n%d", i)), Kind: tree.Decision, Title: fmt.Sprintf("Question %d?", i), Text: strings.Repeat("help ", 20),
			Options: []tree.Option{{ID: "a", Label: "On", Target: next}, {ID: "b", Label: "Off", Target: tree.NodeID(fmt.Sprintf("n%d", n))}},
		})
	}
	return tree.Graph{Root: g.Root, Nodes: append(g.Nodes, tree.Node{ID: tree.NodeID(fmt.Sprintf("n%d", n)), Kind: tree.Solution, Title: "End", Text: "x", Outcome: tree.Resolved})}
}

// wide is a graph of n nodes of which none is far from the root.
func wide(n int) tree.Graph {
	g := tree.Graph{Root: "n1"}
	node := func(i int) tree.NodeID { return tree.NodeID(fmt.Sprintf("n%d", i)) }
	for i := 1; i <= n; i++ {
		if 2*i+1 > n {
			g.Nodes = append(g.Nodes, tree.Node{ID: node(i), Kind: tree.Solution, Title: "End", Text: "x", Outcome: tree.Resolved})
			continue
		}
		g.Nodes = append(g.Nodes, tree.Node{ID: node(i), Kind: tree.Decision, Title: "Which?", Text: strings.Repeat("help ", 20), Options: []tree.Option{
			{ID: "a", Label: "Left", Target: node(2 * i)}, {ID: "b", Label: "Right", Target: node(2*i + 1)},
		}})
	}
	return g
}

// anyGraph draws graphs, most of them with problems, some without.
func anyGraph() *rapid.Generator[tree.Graph] {
	return rapid.Custom(func(t *rapid.T) tree.Graph {
		n := rapid.IntRange(0, 12).Draw(t, "nodes")
		nodeID := rapid.Custom(func(t *rapid.T) tree.NodeID {
			if rapid.IntRange(0, 20).Draw(t, "wild") == 0 {
				return tree.NodeID(rapid.SampledFrom([]string{"", "nowhere", "no spaces", "n\x00"}).Draw(t, "id"))
			}
			return tree.NodeID(fmt.Sprintf("n%d", rapid.IntRange(0, max(0, n-1)).Draw(t, "id")))
		})
		g := tree.Graph{Root: nodeID.Draw(t, "root")}
		for i := range n {
			node := tree.Node{ID: tree.NodeID(fmt.Sprintf("n%d", i)), Title: fmt.Sprintf("Node %d?", i), Text: "text"}
			node.Kind = rapid.SampledFrom([]tree.Kind{tree.Decision, tree.Action, tree.Solution}).Draw(t, "kind")
			switch node.Kind {
			case tree.Decision:
				for j := range rapid.IntRange(1, 3).Draw(t, "options") {
					node.Options = append(node.Options, tree.Option{ID: tree.OptionID(fmt.Sprintf("o%d", j)), Label: fmt.Sprintf("Answer %d", j), Target: nodeID.Draw(t, "target")})
				}
			case tree.Action:
				node.Next = nodeID.Draw(t, "next")
			case tree.Solution:
				node.Outcome = tree.Resolved
			}
			g.Nodes = append(g.Nodes, node)
		}
		return g
	})
}

// soundGraph draws graphs without errors: each node leads to later ones, with
// ways back here and there, and the last ones are solutions.
func soundGraph() *rapid.Generator[tree.Graph] {
	return rapid.Custom(func(t *rapid.T) tree.Graph {
		ends := rapid.IntRange(1, 3).Draw(t, "ends")
		n := rapid.IntRange(0, 8).Draw(t, "inner") + ends
		node := func(i int) tree.NodeID { return tree.NodeID(fmt.Sprintf("n%d", i)) }
		g := tree.Graph{Root: "n0"}
		for i := range n {
			switch {
			case i >= n-ends:
				g.Nodes = append(g.Nodes, tree.Node{ID: node(i), Kind: tree.Solution, Title: fmt.Sprint("End ", i), Text: "x", Outcome: rapid.SampledFrom([]tree.Outcome{tree.Resolved, tree.Escalated, tree.Unresolved}).Draw(t, "outcome")})
			case i < n-ends-1 && rapid.IntRange(0, 2).Draw(t, "action") == 0:
				g.Nodes = append(g.Nodes, tree.Node{ID: node(i), Kind: tree.Action, Title: fmt.Sprint("Do ", i), Next: node(i + 1)})
			default:
				question := tree.Node{ID: node(i), Kind: tree.Decision, Title: fmt.Sprint("Question ", i, "?"), Options: []tree.Option{{ID: "on", Label: "On", Target: node(i + 1)}}}
				question.Options = append(question.Options, tree.Option{ID: "back", Label: "Back", Target: node(rapid.IntRange(0, n-1).Draw(t, "back"))})
				for e := range ends {
					question.Options = append(question.Options, tree.Option{ID: tree.OptionID(fmt.Sprint("end", e)), Label: fmt.Sprint("End ", e), Target: node(n - ends + e)})
				}
				g.Nodes = append(g.Nodes, question)
			}
		}
		if n == 1 || ends == n { // no question: only the root may stand
			g.Nodes = g.Nodes[:1]
		}
		return g
	})
}
