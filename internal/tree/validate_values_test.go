package tree_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

// summaries says what the problems are: code, severity's first letter, node, path.
func summaries(t *testing.T, problems []tree.Problem) []string {
	t.Helper()
	var got []string
	for _, p := range problems {
		got = append(got, string(p.Code)+" "+string(p.Severity[0])+" "+string(p.NodeID)+" "+p.Path)
		if !strings.HasSuffix(p.Message, ".") {
			t.Errorf("the message %q does not end with a full stop", p.Message)
		}
	}
	return got
}

func TestValidate_NamesEachProblemOfValues(t *testing.T) {
	t.Parallel()
	field := func(g *tree.Graph, i int) *tree.Field { return &g.Nodes[0].Fields[i] }
	tests := map[string]struct {
		change func(g *tree.Graph)
		want   []string
	}{
		"a sound graph has none":  {func(*tree.Graph) {}, nil},
		"an input without fields": {func(g *tree.Graph) { g.Nodes[0].Fields, g.Nodes[0].Branches, g.Nodes[4].Text = nil, nil, "x" }, []string{"TOO_FEW_FIELDS E site nodes[0].fields", "UNREACHABLE_NODE E wait nodes[3]"}},
		"a bad name":              {func(g *tree.Graph) { field(g, 1).Name = "Down" }, []string{"INVALID_NAME E site nodes[0].fields[1].name", "UNKNOWN_INPUT E site nodes[0].branches[1].name"}},
		"a name twice": {func(g *tree.Graph) {
			field(g, 1).Name, field(g, 1).Type = "site", tree.TextField
			g.Nodes[0].Branches = nil
			g.Nodes[2].Next = "wait"
			g.Nodes[3].Next = "done"
		}, []string{"DUPLICATE_FIELD_NAME E site nodes[0].fields[1].name"}},
		"no label":                   {func(g *tree.Graph) { field(g, 0).Label = " " }, []string{"EMPTY_LABEL E site nodes[0].fields[0].label"}},
		"an unknown type":            {func(g *tree.Graph) { field(g, 0).Type = "DATE" }, []string{"INVALID_TYPE E site nodes[0].fields[0].type"}},
		"a pattern with a hole":      {func(g *tree.Graph) { field(g, 0).Pattern = "a(b" }, []string{"INVALID_PATTERN E site nodes[0].fields[0].pattern"}},
		"a pattern that breaks out":  {func(g *tree.Graph) { field(g, 0).Pattern = "a)|(b" }, []string{"INVALID_PATTERN E site nodes[0].fields[0].pattern"}},
		"a pattern that explodes":    {func(g *tree.Graph) { field(g, 0).Pattern = strings.Repeat(`\pL{1000}`, 50) }, []string{"INVALID_PATTERN E site nodes[0].fields[0].pattern"}},
		"a pattern that is too long": {func(g *tree.Graph) { field(g, 0).Pattern = strings.Repeat("x", 501) }, []string{"TEXT_TOO_LONG E site nodes[0].fields[0].pattern"}},
		"a pattern of a number":      {func(g *tree.Graph) { field(g, 1).Pattern = "x" }, []string{"MISPLACED_FIELD E site nodes[0].fields[1].pattern"}},
		"choices of a number":        {func(g *tree.Graph) { field(g, 1).Choices = []string{"x"} }, []string{"MISPLACED_FIELD E site nodes[0].fields[1].choices"}},
		"one choice":                 {func(g *tree.Graph) { field(g, 2).Choices = []string{"Fibre"} }, []string{"TOO_FEW_CHOICES E site nodes[0].fields[2].choices"}},
		"a choice twice":             {func(g *tree.Graph) { field(g, 2).Choices[1] = "FIBRE" }, []string{"DUPLICATE_CHOICE E site nodes[0].fields[2].choices[1]"}},
		"an empty choice":            {func(g *tree.Graph) { field(g, 2).Choices[1] = "" }, []string{"EMPTY_TEXT E site nodes[0].fields[2].choices[1]"}},
		"too many fields":            {func(g *tree.Graph) { g.Nodes[0].Fields = append(g.Nodes[0].Fields, manyFields(17)...) }, []string{"TOO_MANY_ITEMS E site nodes[0].fields"}},
		"an unknown test":            {func(g *tree.Graph) { g.Nodes[0].Branches[0].Test = "NOT" }, []string{"INVALID_TEST E site nodes[0].branches[0].test"}},
		"a branch on nothing":        {func(g *tree.Graph) { g.Nodes[0].Branches[0].Value = " " }, []string{"EMPTY_TEXT E site nodes[0].branches[0].value"}},
		"a value that is not needed": {func(g *tree.Graph) { g.Nodes[2].Branches[0].Test = tree.IsSet }, []string{"MISPLACED_FIELD E restart nodes[2].branches[0].value"}},
		"less than a choice":         {func(g *tree.Graph) { g.Nodes[2].Branches[0].Test = tree.Less }, []string{"UNFIT_TEST E restart nodes[2].branches[0].test"}},
		"a number that contains":     {func(g *tree.Graph) { g.Nodes[0].Branches[1].Test = tree.Contains }, []string{"UNFIT_TEST E site nodes[0].branches[1].test"}},
		"a number that is a word":    {func(g *tree.Graph) { g.Nodes[0].Branches[1].Value = "long" }, []string{"IMPOSSIBLE_VALUE E site nodes[0].branches[1].value"}},
		"neither yes nor no":         {func(g *tree.Graph) { g.Nodes[0].Branches[0].Value = "maybe" }, []string{"IMPOSSIBLE_VALUE E site nodes[0].branches[0].value"}},
		"none of the choices":        {func(g *tree.Graph) { g.Nodes[2].Branches[0].Value = "radio" }, []string{"IMPOSSIBLE_VALUE E restart nodes[2].branches[0].value"}},
		"not of the pattern": {func(g *tree.Graph) {
			g.Nodes[2].Branches[0] = tree.Branch{Name: "site", Test: tree.Equals, Value: "12", Target: "call"}
			g.Nodes[2].Branches[0].Value = "x-12"
		}, []string{"IMPOSSIBLE_VALUE E restart nodes[2].branches[0].value"}},
		"of the pattern, case aside": {func(g *tree.Graph) {
			g.Nodes[2].Branches[0] = tree.Branch{Name: "site", Test: tree.Equals, Value: "ber12", Target: "call"}
		}, nil},
		"a branch on a client's fact":       {func(g *tree.Graph) { g.Nodes[2].Branches[0].Name = "client.vpn" }, []string{"UNKNOWN_INPUT E restart nodes[2].branches[0].name"}},
		"a name that nobody asks for":       {func(g *tree.Graph) { g.Nodes[3].Text = "{{sita}} {{client.x}}" }, []string{"UNKNOWN_INPUT E wait nodes[3].text"}},
		"a name that a subtree may ask for": {func(g *tree.Graph) { g.Nodes[2].Text = "{{sita}}" }, nil},
		"a name that comes too late": {func(g *tree.Graph) {
			g.Nodes[0].Title = "{{site}}" // fine: the walk may come round again
			g.Root = "first"
			g.Nodes = append(g.Nodes, tree.Node{ID: "first", Kind: tree.Action, Title: "Look", Text: "{{site}}", Next: "site"})
		}, []string{"UNKNOWN_INPUT E first nodes[6].text"}},
		"one name for two things": {func(g *tree.Graph) {
			g.Nodes[3] = tree.Node{ID: "wait", Kind: tree.Input, Title: "Wait", Fields: []tree.Field{{Name: "site", Label: "Site", Type: tree.YesNoField}}, Next: "site"}
		}, []string{"ORPHAN_INPUT W wait nodes[3].fields[0].name"}},
		"no tree":                 {func(g *tree.Graph) { g.Nodes[1].Tree = tree.ID{} }, []string{"NO_SUBTREE E wifi nodes[1].tree"}},
		"a version below 0":       {func(g *tree.Graph) { g.Nodes[1].Version = -1 }, []string{"INVALID_VERSION E wifi nodes[1].version"}},
		"a subtree leads nowhere": {func(g *tree.Graph) { g.Nodes[1].Next = "" }, []string{"DEAD_END E wifi nodes[1]", "UNREACHABLE_NODE E restart nodes[2]", "UNREACHABLE_NODE E done nodes[4]"}},
		"branches and no way on":  {func(g *tree.Graph) { g.Nodes[2].Next = "" }, []string{"DEAD_END E restart nodes[2].next", "UNREACHABLE_NODE E done nodes[4]"}},
		"a branch to nowhere":     {func(g *tree.Graph) { g.Nodes[2].Branches[0].Target = "x" }, []string{"MISSING_TARGET E restart nodes[2].branches[0].target"}},
		"continue in an action":   {func(g *tree.Graph) { g.Nodes[3].Continue = true }, []string{"MISPLACED_FIELD E wait nodes[3].continue"}},
		"fields in an action":     {func(g *tree.Graph) { g.Nodes[3].Fields = manyFields(1) }, []string{"MISPLACED_FIELD E wait nodes[3].fields"}},
		"a tree in an action":     {func(g *tree.Graph) { g.Nodes[3].Tree, g.Nodes[3].Version = treeID(2), 1 }, []string{"MISPLACED_FIELD E wait nodes[3].tree", "MISPLACED_FIELD E wait nodes[3].version"}},
		"options in an input":     {func(g *tree.Graph) { g.Nodes[0].Options = []tree.Option{{ID: "a", Label: "A", Target: "done"}} }, []string{"MISPLACED_FIELD E site nodes[0].options"}},
		"branches in a solution": {func(g *tree.Graph) {
			g.Nodes[4].Branches = []tree.Branch{{Name: "site", Test: tree.IsSet, Target: "call"}}
		}, []string{"MISPLACED_FIELD E done nodes[4].branches"}},
		"branches beside options": {func(g *tree.Graph) {
			g.Nodes[3].Branches = []tree.Branch{{Name: "site", Test: tree.IsSet, Target: "call"}}
			g.Nodes[3].Next = ""
			g.Nodes[3].Options = []tree.Option{{ID: "a", Label: "A", Target: "site"}}
		}, []string{"MISPLACED_FIELD E wait nodes[3].branches"}},
		"asking again until it is right": {func(g *tree.Graph) { g.Nodes[0].Branches[1].Target = "site" }, nil},
		"a branch that always leads back": {func(g *tree.Graph) {
			g.Nodes[0].Branches[1] = tree.Branch{Name: "site", Test: tree.IsSet, Target: "wait"}
		}, []string{"NO_WAY_OUT E site nodes[0]"}},
		"a circle that an earlier value closes": {func(g *tree.Graph) {
			g.Nodes[2].Branches[0].Target = "restart"
		}, []string{"NO_WAY_OUT E restart nodes[2]"}},
		"a circle with the input in it, further back": {func(g *tree.Graph) {
			g.Nodes[1] = tree.Node{ID: "wifi", Kind: tree.Action, Title: "Look", Next: "restart"}
			g.Nodes[0].Branches = nil
			g.Nodes[2].Branches = []tree.Branch{{Name: "power", Test: tree.Equals, Value: "no", Target: "wait"}, {Name: "down", Test: tree.Less, Value: "5", Target: "call"}}
		}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := wan()
			tt.change(&g)
			problems := tree.Validate(g)
			if diff := cmp.Diff(tt.want, summaries(t, problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%+v", diff, problems)
			}
		})
	}
}

func manyFields(n int) []tree.Field {
	var list []tree.Field
	for i := range n {
		list = append(list, tree.Field{Name: fmt.Sprint("f", i), Label: "F", Type: tree.TextField})
	}
	return list
}

func TestSubtreeProblems_LooksThroughTheTrees(t *testing.T) {
	t.Parallel()
	through := func(to tree.ID, asks string) *tree.Graph {
		return &tree.Graph{Root: "a", Nodes: []tree.Node{
			{ID: "a", Kind: tree.Input, Title: "A", Fields: []tree.Field{{Name: asks, Label: "A", Type: tree.TextField}}, Next: "b"},
			{ID: "b", Kind: tree.Subtree, Title: "B", Tree: to, Version: 1, Next: "c"},
			{ID: "c", Kind: tree.Solution, Title: "C", Text: "{{deep}}", Outcome: tree.Resolved, Continue: true},
		}}
	}
	trees := map[tree.ID]*tree.Graph{treeID(1): through(treeID(2), "one"), treeID(2): through(treeID(3), "deep"), treeID(3): through(tree.ID{}, "three"), treeID(4): through(treeID(4), "four")}
	pinned := func(id tree.ID, _ int) *tree.Graph { return trees[id] }
	g := wan()
	g.Nodes[2].Text = "{{deep}} {{deeper}} {{site}}"
	for name, tt := range map[string]struct {
		self, to tree.ID
		want     []string
	}{
		"what one of them asks for": {treeID(9), treeID(1), []string{"UNKNOWN_INPUT E restart nodes[2].text"}},
		"a tree of no id yet":       {tree.ID{}, treeID(2), []string{"UNKNOWN_INPUT E restart nodes[2].text"}},
		"itself":                    {treeID(9), treeID(9), []string{"SUBTREE_CYCLE E wifi nodes[1].tree", "UNKNOWN_INPUT E restart nodes[2].text", "UNKNOWN_INPUT E restart nodes[2].text"}},
		"itself, further on":        {treeID(3), treeID(1), []string{"SUBTREE_CYCLE E wifi nodes[1].tree", "UNKNOWN_INPUT E restart nodes[2].text"}},
		"a circle without it":       {treeID(9), treeID(4), []string{"UNKNOWN_INPUT E restart nodes[2].text", "UNKNOWN_INPUT E restart nodes[2].text"}},
		"no such tree":              {treeID(9), treeID(8), []string{"SUBTREE_NOT_PUBLISHED E wifi nodes[1].tree", "UNKNOWN_INPUT E restart nodes[2].text", "UNKNOWN_INPUT E restart nodes[2].text"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := tree.Graph{Root: g.Root, Nodes: slices.Clone(g.Nodes)}
			g.Nodes[1].Tree = tt.to
			if diff := cmp.Diff(tt.want, summaries(t, tree.SubtreeProblems(tt.self, &g, pinned))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// loopingGraph draws graphs whose branches lead anywhere, back included.
func loopingGraph() *rapid.Generator[tree.Graph] {
	return rapid.Custom(func(t *rapid.T) tree.Graph {
		n := rapid.IntRange(2, 5).Draw(t, "nodes")
		node := func(i int) tree.NodeID { return tree.NodeID(fmt.Sprint("n", i)) }
		to := func() tree.NodeID { return node(rapid.IntRange(0, n).Draw(t, "target")) }
		g := tree.Graph{Root: "n0"}
		for i := range n {
			m := tree.Node{ID: node(i), Kind: tree.Action, Title: "Do", Next: node(i + 1)}
			if rapid.Bool().Draw(t, "back") {
				m.Next = to()
			}
			if i == 0 || rapid.IntRange(0, 2).Draw(t, "input") == 0 {
				m.Kind = tree.Input
				for _, f := range []tree.Field{{Name: "a", Label: "A", Type: tree.YesNoField}, {Name: "b", Label: "B", Type: tree.NumberField}} {
					if i == 0 || rapid.Bool().Draw(t, "asked") {
						m.Fields = append(m.Fields, f)
					}
				}
			}
			if m.Kind == tree.Input && len(m.Fields) == 0 {
				m.Kind = tree.Action
			}
			for range rapid.IntRange(0, 2).Draw(t, "branches") {
				m.Branches = append(m.Branches, rapid.SampledFrom([]tree.Branch{
					{Name: "a", Test: tree.Equals, Value: "yes"},
					{Name: "a", Test: tree.IsSet},
					{Name: "a", Test: tree.Equals, Value: "no"},
					{Name: "b", Test: tree.Less, Value: "5"},
					{Name: "b", Test: tree.Greater, Value: "3"},
					{Name: "b", Test: tree.Equals, Value: "4"},
				}).Draw(t, "branch"))
				m.Branches[len(m.Branches)-1].Target = to()
			}
			if m.Kind == tree.Action && len(m.Branches) == 0 && rapid.Bool().Draw(t, "question") {
				m.Kind, m.Next = tree.Decision, ""
				m.Options = []tree.Option{{ID: "x", Label: "X", Target: to()}, {ID: "y", Label: "Y", Target: to()}}
			}
			g.Nodes = append(g.Nodes, m)
		}
		g.Nodes = append(g.Nodes, tree.Node{ID: node(n), Kind: tree.Solution, Title: "End", Text: "x", Outcome: tree.Resolved})
		return g
	})
}

// A graph without errors can be walked to an end from every node, whatever was
// written down before: a search over nodes and values finds the way.
func TestValidate_WithoutErrorsEveryWalkCanEndWhateverTheValues(t *testing.T) {
	t.Parallel()
	sound, strict := 0, 0
	as, bs := []string{"", "yes", "no"}, []string{"", "2", "3", "4", "5", "9"}
	rapid.Check(t, func(t *rapid.T) {
		g := loopingGraph().Draw(t, "graph")
		problems := tree.Validate(g)
		if diff := cmp.Diff(problems, tree.Validate(g)); diff != "" {
			t.Fatalf("twice, and different:\n%s", diff)
		}
		trapped := slices.ContainsFunc(problems, func(p tree.Problem) bool { return p.Code == tree.NoWayOut })
		type state struct {
			node tree.NodeID
			a, b string
		}
		// What leads on from a state, as the walk does it.
		moves := func(s state) []state {
			n := g.Node(s.node)
			var next []state
			for _, o := range n.Options {
				next = append(next, state{o.Target, s.a, s.b})
			}
			if len(n.Options) > 0 {
				return next
			}
			for _, a := range as {
				for _, b := range bs {
					asksA, asksB := asks(n, "a"), asks(n, "b")
					if a == "" && asksA || b == "" && asksB || !asksA && a != s.a || !asksB && b != s.b {
						continue
					}
					next = append(next, state{after(n, map[string]string{"a": a, "b": b}), a, b})
				}
			}
			return next
		}
		ends := map[state]bool{}
		for again := true; again; {
			again = false
			for _, n := range g.Nodes {
				for _, a := range as {
					for _, b := range bs {
						s := state{n.ID, a, b}
						if !ends[s] && (n.Kind == tree.Solution || slices.ContainsFunc(moves(s), func(m state) bool { return ends[m] })) {
							ends[s], again = true, true
						}
					}
				}
			}
		}
		all := len(ends) == len(g.Nodes)*len(as)*len(bs)
		switch {
		case !trapped && !all:
			t.Fatalf("from some nodes no end can be reached; %d states can", len(ends))
		case trapped && all:
			strict++ // it says so although there is a way
		case !trapped:
			sound++
		}
	})
	if sound == 0 || strict > sound/4 {
		t.Errorf("%d sound graphs, %d that were refused without need", sound, strict)
	}
}

func asks(n *tree.Node, name string) bool {
	return slices.ContainsFunc(n.Fields, func(f tree.Field) bool { return f.Name == name })
}

// after says where a node's way on leads: what Node.after does, written again.
func after(n *tree.Node, values map[string]string) tree.NodeID {
	for _, b := range n.Branches {
		v := values[b.Name]
		if v != "" && (b.Test == tree.IsSet || b.Test == tree.Equals && v == b.Value || b.Test == tree.Less && v < b.Value || b.Test == tree.Greater && v > b.Value) {
			return b.Target
		}
	}
	return n.Next
}

// BenchmarkValidate is of the largest graph, with values everywhere.
func BenchmarkValidate(b *testing.B) {
	g := tree.Graph{Root: "n0"}
	for i := range tree.MaxNodes - 1 {
		n := tree.Node{ID: nodeID(i), Kind: tree.Solution, Title: "End {{a0}}", Text: "x", Outcome: tree.Resolved}
		if 3*i+3 < tree.MaxNodes-1 {
			n = tree.Node{
				ID: nodeID(i), Kind: tree.Input, Title: "Values", Text: "{{client.vpn}}", Next: nodeID(3*i + 3),
				Fields: []tree.Field{
					{Name: fmt.Sprint("a", i), Label: "A", Type: tree.TextField, Pattern: "[a-z]+"}, {Name: fmt.Sprint("b", i), Label: "B", Type: tree.ChoiceField, Choices: []string{"x", "y"}},
				},
				Branches: []tree.Branch{
					{Name: "a0", Test: tree.Equals, Value: "abc", Target: nodeID(3*i + 1)}, {Name: fmt.Sprint("b", i), Test: tree.Equals, Value: "y", Target: nodeID(3*i + 2)}, {Name: fmt.Sprint("b", i), Test: tree.IsSet, Target: nodeID(i)},
				},
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
	for b.Loop() {
		if p := tree.Validate(g); len(p) != 0 {
			b.Fatal(p)
		}
	}
}
