package tree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

func TestValidate_NamesEachProblem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 201)
	tests := map[string]struct {
		change func(g *tree.Graph)
		want   []string // code, severity's first letter, node, path
	}{
		"a sound graph has none": {func(*tree.Graph) {}, nil},
		"an empty graph":         {func(g *tree.Graph) { *g = tree.Graph{} }, []string{"NO_ROOT E  root"}},
		"a root that is no node": {func(g *tree.Graph) { g.Root = "x" }, []string{"NO_ROOT E  root"}},
		"a target that is no node": {func(g *tree.Graph) { g.Nodes[1].Options[1].Target = "x" }, []string{
			"MISSING_TARGET E plug nodes[1].options[1].target", "UNREACHABLE_NODE E wait nodes[2]",
		}},
		"an open target": {func(g *tree.Graph) { g.Nodes[0].Options[0].Target = "" }, []string{"MISSING_TARGET E lamp nodes[0].options[0].target", "UNREACHABLE_NODE E call nodes[4]"}},
		"a dead end":     {func(g *tree.Graph) { g.Nodes[2].Next = "" }, []string{"DEAD_END E wait nodes[2]"}},
		"a node that is alone": {func(g *tree.Graph) {
			g.Nodes = append(g.Nodes, tree.Node{ID: "alone", Kind: tree.Solution, Title: "Alone", Text: "x", Outcome: tree.Resolved})
		}, []string{"UNREACHABLE_NODE E alone nodes[5]"}},
		"a circle":                 {func(g *tree.Graph) { g.Nodes[0].Options[0].Target, g.Nodes[1].Options[0].Target = "plug", "lamp" }, []string{"UNREACHABLE_NODE E done nodes[3]", "UNREACHABLE_NODE E call nodes[4]", "NO_WAY_OUT E lamp nodes[0]"}},
		"a node to itself":         {func(g *tree.Graph) { g.Nodes[2].Next = "wait" }, []string{"NO_WAY_OUT E wait nodes[2]"}},
		"one answer":               {func(g *tree.Graph) { g.Nodes[0].Options = g.Nodes[0].Options[1:] }, []string{"TOO_FEW_OPTIONS E lamp nodes[0].options", "UNREACHABLE_NODE E call nodes[4]"}},
		"an id twice":              {func(g *tree.Graph) { g.Nodes[4].ID = "done"; g.Nodes[0].Options[0].Target = "done" }, []string{"DUPLICATE_NODE_ID E done nodes[4].id"}},
		"an option's id twice":     {func(g *tree.Graph) { g.Nodes[0].Options[1].ID = "yes" }, []string{"DUPLICATE_OPTION_ID E lamp nodes[0].options[1].id"}},
		"a label twice":            {func(g *tree.Graph) { g.Nodes[0].Options[1].Label = " YES " }, []string{"DUPLICATE_OPTION_LABEL E lamp nodes[0].options[1].label"}},
		"a key twice":              {func(g *tree.Graph) { g.Nodes[0].Options[1].Key = "y" }, []string{"DUPLICATE_OPTION_KEY E lamp nodes[0].options[1].key"}},
		"a key of two letters":     {func(g *tree.Graph) { g.Nodes[0].Options[1].Key = "no" }, []string{"INVALID_KEY E lamp nodes[0].options[1].key"}},
		"no title":                 {func(g *tree.Graph) { g.Nodes[2].Title = " " }, []string{"EMPTY_TITLE E wait nodes[2].title"}},
		"no label":                 {func(g *tree.Graph) { g.Nodes[0].Options[1].Label = "" }, []string{"EMPTY_LABEL E lamp nodes[0].options[1].label"}},
		"a title too long":         {func(g *tree.Graph) { g.Nodes[2].Title = long }, []string{"TEXT_TOO_LONG E wait nodes[2].title"}},
		"a title of two lines":     {func(g *tree.Graph) { g.Nodes[2].Title = "a\nb" }, []string{"INVALID_TEXT E wait nodes[2].title"}},
		"a control character":      {func(g *tree.Graph) { g.Nodes[2].Text = "a\x1b[2J" }, []string{"INVALID_TEXT E wait nodes[2].text"}},
		"an unknown kind":          {func(g *tree.Graph) { g.Nodes[2].Kind = "QUESTION" }, []string{"INVALID_KIND E wait nodes[2].kind"}},
		"an unknown outcome":       {func(g *tree.Graph) { g.Nodes[3].Outcome = "FINE" }, []string{"INVALID_OUTCOME E done nodes[3].outcome"}},
		"an id with a space":       {func(g *tree.Graph) { g.Nodes[0].Options[0].ID = "y s" }, []string{"INVALID_ID E lamp nodes[0].options[0].id"}},
		"a script as a link":       {func(g *tree.Graph) { g.Nodes[3].Links[0].URL = "javascript:alert(1)" }, []string{"INVALID_LINK E done nodes[3].links[0].url"}},
		"a command in a question":  {func(g *tree.Graph) { g.Nodes[0].Commands = []string{"ls"} }, []string{"MISPLACED_FIELD E lamp nodes[0].commands"}},
		"a way on from a solution": {func(g *tree.Graph) { g.Nodes[3].Next = "lamp" }, []string{"MISPLACED_FIELD E done nodes[3].next"}},
		"results and a way on":     {func(g *tree.Graph) { g.Nodes[1].Next = "lamp" }, []string{"MISPLACED_FIELD E plug nodes[1].next"}},
		"an empty command":         {func(g *tree.Graph) { g.Nodes[1].Commands = []string{"ls", ""} }, []string{"EMPTY_TEXT E plug nodes[1].commands[1]"}},
		"too many follow-ups":      {func(g *tree.Graph) { g.Nodes[3].FollowUps = strings.Split(strings.Repeat("x", 21), "") }, []string{"TOO_MANY_ITEMS E done nodes[3].followUps"}},
		"a long question":          {func(g *tree.Graph) { g.Nodes[0].Title = strings.Repeat("x", 141) }, []string{"LONG_QUESTION W lamp nodes[0].title"}},
		"a solution without text":  {func(g *tree.Graph) { g.Nodes[3].Text = "" }, []string{"SOLUTION_WITHOUT_TEXT W done nodes[3].text"}},
		"errors before warnings": {func(g *tree.Graph) { g.Nodes[0].Title = strings.Repeat("x", 141); g.Nodes[2].Title = "" }, []string{
			"EMPTY_TITLE E wait nodes[2].title", "LONG_QUESTION W lamp nodes[0].title",
		}},
		"the deepest that is allowed": {func(g *tree.Graph) { *g = chain(tree.MaxDepth + 1) }, nil},
		"too many nodes":              {func(g *tree.Graph) { *g = wide(tree.MaxNodes + 1) }, []string{"TOO_MANY_NODES E  nodes"}},
		"as many nodes as allowed":    {func(g *tree.Graph) { *g = wide(tree.MaxNodes - 1) }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := cable()
			tt.change(&g)
			var got []string
			for _, p := range tree.Validate(g) {
				got = append(got, string(p.Code)+" "+string(p.Severity[0])+" "+string(p.NodeID)+" "+p.Path)
				if !strings.HasSuffix(p.Message, ".") {
					t.Errorf("the message %q does not end with a full stop", p.Message)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidate_TooDeep(t *testing.T) {
	t.Parallel()
	g := tree.Graph{Root: "n0"}
	for i := range tree.MaxDepth + 1 {
		g.Nodes = append(g.Nodes, tree.Node{ID: nodeID(i), Kind: tree.Action, Title: "On", Next: nodeID(i + 1)})
	}
	g.Nodes = append(g.Nodes, tree.Node{ID: nodeID(tree.MaxDepth + 1), Kind: tree.Solution, Title: "End", Text: "x", Outcome: tree.Resolved})
	problems := tree.Validate(g)
	if len(problems) != 1 || problems[0].Code != tree.TooDeep || problems[0].NodeID != nodeID(tree.MaxDepth+1) {
		t.Errorf("problems %+v", problems)
	}
	g.Nodes[0].Next = nodeID(2)
	g.Nodes = append(g.Nodes[:1], g.Nodes[2:]...)
	if problems := tree.Validate(g); len(problems) != 0 {
		t.Errorf("one node fewer: %+v", problems)
	}
}

func TestCheck_WantsATitle(t *testing.T) {
	t.Parallel()
	problems := tree.Check(" ", cable())
	if len(problems) != 1 || problems[0].Code != tree.EmptyTitle || problems[0].Path != "title" {
		t.Errorf("problems %+v", problems)
	}
}

// A graph without errors keeps what Validate promises, as a plain search sees it.
func TestValidate_WithoutErrorsEveryWalkCanEnd(t *testing.T) {
	t.Parallel()
	sound := 0
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.OneOf(anyGraph(), soundGraph()).Draw(t, "graph")
		if tree.HasErrors(tree.Validate(g)) {
			return
		}
		sound++
		if reached := from(g, g.Root); len(reached) != len(g.Nodes) {
			t.Fatalf("%d of %d nodes can be reached", len(reached), len(g.Nodes))
		}
		for _, n := range g.Nodes {
			ends := false
			for id := range from(g, n.ID) {
				ends = ends || g.Node(id).Kind == tree.Solution
			}
			if !ends {
				t.Fatalf("no solution can be reached from %s", n.ID)
			}
		}
	})
	if sound == 0 {
		t.Error("no graph without errors was drawn")
	}
}

func TestValidate_FindsNothingInSoundGraphs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := soundGraph().Draw(t, "graph")
		for _, p := range tree.Validate(g) {
			if p.Code != tree.UnreachableNode { // a drawn action may jump over nothing, a question over nobody
				t.Fatalf("%+v", p)
			}
		}
	})
}

func nodeID(i int) tree.NodeID { return tree.NodeID(fmt.Sprint("n", i)) }

// from returns the nodes that can be reached from id, id included.
func from(g tree.Graph, id tree.NodeID) map[tree.NodeID]bool {
	seen := map[tree.NodeID]bool{}
	todo := []tree.NodeID{id}
	for len(todo) > 0 {
		id, todo = todo[len(todo)-1], todo[:len(todo)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		n := g.Node(id)
		for _, o := range n.Options {
			todo = append(todo, o.Target)
		}
		if n.Next != "" {
			todo = append(todo, n.Next)
		}
	}
	return seen
}

func BenchmarkValidate2000Nodes(b *testing.B) {
	g := wide(tree.MaxNodes - 1)
	for b.Loop() {
		if len(tree.Validate(g)) != 0 {
			b.Fatal("problems")
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add("n0", "n0", "n1", "", "DECISION", "Yes", 3)
	f.Add("", "\x00", "n1", "https://[::1", "ACTION", "\xff", 30)
	f.Add("n0", "n", "n1", "a|b", "INPUT", "{{a}} (x{9}){9}", 9)
	f.Fuzz(func(t *testing.T, root, id, target, link, kind, text string, n int) {
		g := tree.Graph{Root: tree.NodeID(root)}
		for i := range min(max(n, 0), 50) {
			node := tree.Node{ID: tree.NodeID(fmt.Sprint(id, i%7)), Kind: tree.Kind(kind), Title: text, Text: text, Outcome: tree.Outcome(text), Links: []tree.Link{{Title: text, URL: link}}}
			node.Options = []tree.Option{{ID: tree.OptionID(id), Label: text, Key: root, Target: tree.NodeID(target)}, {ID: "b", Label: "b", Target: tree.NodeID(fmt.Sprint(id, i+1))}}
			node.Fields = []tree.Field{{Name: id, Label: text, Type: tree.FieldType(kind), Pattern: link, Choices: []string{text, link}}, {Name: "a", Label: text, Type: tree.TextField, Pattern: text}}
			node.Branches = []tree.Branch{{Name: id, Test: tree.Equals, Value: text, Target: tree.NodeID(target)}, {Name: "a", Test: tree.Test(text), Value: link, Target: tree.NodeID(fmt.Sprint(id, i))}}
			if i%3 == 0 {
				node.Options, node.Next = nil, tree.NodeID(target)
			}
			g.Nodes = append(g.Nodes, node)
		}
		for _, p := range tree.Validate(g) {
			if p.Code == "" || p.Severity == "" || p.Message == "" || p.Path == "" {
				t.Errorf("half a problem: %+v", p)
			}
		}
	})
}
