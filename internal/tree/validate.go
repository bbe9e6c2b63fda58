package tree

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/fault"
)

// Check finds what keeps a tree with that title and graph from being published,
// and what somebody should look at: errors first, then warnings, each in the
// order of the graph.
func Check(title string, g Graph) []Problem {
	v := &validator{}
	if strings.TrimSpace(title) == "" {
		v.add(Problem{Code: EmptyTitle, Path: "title", Message: "The tree has no title. Give it one."})
	} else {
		v.line("title", title, MaxTitle)
	}
	return sortProblems(append(v.problems, Validate(g)...))
}

// Validate finds the problems of a graph: errors first, then warnings, each in
// the order of the graph. It is pure and takes time in proportion to the graph.
//
// A graph without errors has a root, every node can be reached from it, and from
// every node a solution can be reached, whatever was written down before. What
// only other trees can tell is for SubtreeProblems to find.
func Validate(g Graph) []Problem {
	v := &validator{g: &g}
	if len(g.Nodes) > MaxNodes {
		v.add(Problem{Code: TooManyNodes, Path: "nodes", Message: fmt.Sprintf("The tree has %d nodes; at most %d are allowed. Split it into several trees.", len(g.Nodes), MaxNodes)})
		return v.problems
	}
	v.index = make(map[NodeID]int, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		v.at, v.node = i, n
		v.content()
		if first, found := v.index[n.ID]; found {
			v.nodeError(DuplicateNodeID, "id", "The node %d has the id %q too. Give each node an id of its own.", first+1, n.ID)
			continue
		}
		v.index[n.ID] = i
	}
	v.ways()
	v.values(nil)
	return sortProblems(v.problems)
}

// sortProblems puts errors before warnings and leaves the rest in order.
func sortProblems(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Severity, b.Severity) }) // ERROR < WARNING
	return problems
}

// storable returns BadUserInput for a graph that cannot be kept, problems or not.
func (g *Graph) storable(field string) error {
	if len(g.Nodes) > MaxNodes {
		return fault.Input(field, "The graph has %d nodes; at most %d are allowed. Split it into several trees.", len(g.Nodes), MaxNodes)
	}
	size := len(g.Root)
	ok := storable(string(g.Root))
	for i := range g.Nodes {
		g.Nodes[i].texts(func(s string) {
			ok = ok && storable(s)
			size += len(s)
		})
	}
	// The size of the texts comes first, so that JSON is not made of what is far
	// too large.
	if size <= MaxGraphBytes && ok {
		size = len(EncodeGraph(*g))
	}
	switch {
	case !ok:
		return fault.Input(field, "The graph holds a NUL character or invalid UTF-8. Remove it.")
	case size > MaxGraphBytes:
		return fault.Input(field, "The graph is larger than %d KiB. Shorten it or split it into several trees.", MaxGraphBytes>>10)
	}
	return nil
}

// texts calls yield with every string of the node.
func (n *Node) texts(yield func(string)) {
	for _, s := range []string{string(n.ID), string(n.Kind), n.Title, n.Text, n.Expected, string(n.Next), string(n.Outcome)} {
		yield(s)
	}
	for i := range n.Fields {
		f := &n.Fields[i]
		for _, s := range []string{f.Name, f.Label, string(f.Type), f.Pattern} {
			yield(s)
		}
		for _, s := range f.Choices {
			yield(s)
		}
	}
	for i := range n.Branches {
		b := &n.Branches[i]
		for _, s := range []string{b.Name, string(b.Test), b.Value, string(b.Target)} {
			yield(s)
		}
	}
	for i := range n.Options {
		o := &n.Options[i]
		for _, s := range []string{string(o.ID), o.Label, o.Key, string(o.Target)} {
			yield(s)
		}
	}
	for _, list := range [][]string{n.Commands, n.FollowUps} {
		for _, s := range list {
			yield(s)
		}
	}
	for i := range n.Links {
		yield(n.Links[i].Title)
		yield(n.Links[i].URL)
	}
}

type validator struct {
	g        *Graph
	index    map[NodeID]int // the first node with an id
	leads    [][]int32      // where each node's ways lead, those to nowhere left out
	reached  []bool         // the nodes that can be reached from the root
	patterns map[string]compiledPattern
	at       int // the node that is looked at
	node     *Node
	problems []Problem
}

func (v *validator) add(p Problem) {
	if p.Severity == "" {
		p.Severity = Error
	}
	v.problems = append(v.problems, p)
}

// nodeProblem adds a problem of the node that is looked at; path is within it.
func (v *validator) nodeProblem(severity Severity, code ProblemCode, path, format string, args ...any) {
	full := "nodes[" + strconv.Itoa(v.at) + "]"
	if path != "" {
		full += "." + path
	}
	v.add(Problem{Code: code, Severity: severity, NodeID: v.node.ID, Path: full, Message: fmt.Sprintf(format, args...)})
}

func (v *validator) nodeError(code ProblemCode, path, format string, args ...any) {
	v.nodeProblem(Error, code, path, format, args...)
}

// line checks a text of one line that belongs to the whole tree.
func (v *validator) line(path, text string, limit int) {
	switch {
	case !oneLine(text):
		v.add(Problem{Code: InvalidText, Path: path, Message: "This text holds line breaks, control characters or invalid UTF-8. Remove them."})
	case utf8.RuneCountInString(text) > limit:
		v.add(Problem{Code: TextTooLong, Path: path, Message: fmt.Sprintf("This text is longer than %d characters. Shorten it.", limit)})
	}
}

// text checks a node's text of any number of lines, or of one.
func (v *validator) text(path, text string, limit int, lines bool) {
	switch {
	case !lines && !oneLine(text):
		v.nodeError(InvalidText, path, "This text holds line breaks, control characters or invalid UTF-8. Remove them.")
	case !printable(text):
		v.nodeError(InvalidText, path, "This text holds control characters or invalid UTF-8. Remove them.")
	case len(text) > limit && utf8.RuneCountInString(text) > limit:
		v.nodeError(TextTooLong, path, "This text is longer than %d characters. Shorten it.", limit)
	}
}

// required checks a text of one line that must not be empty.
func (v *validator) required(code ProblemCode, path, text string, limit int, format string, args ...any) {
	if strings.TrimSpace(text) == "" {
		v.nodeError(code, path, format, args...)
		return
	}
	v.text(path, text, limit, false)
}

// content checks what stands in a node, not where its ways lead.
func (v *validator) content() {
	n := v.node
	if !n.ID.Valid() {
		v.nodeError(InvalidID, "id", "An id is 1 to 64 of the characters A–Z, a–z, 0–9, _ and -.")
	}
	v.required(EmptyTitle, "title", n.Title, MaxNodeTitle, "This node has no title. Say in a line what it asks or does.")
	v.text("text", n.Text, MaxNodeText, true)
	switch n.Kind {
	case Decision:
		if len(n.Options) < 2 {
			v.nodeError(TooFewOptions, "options", "A question needs at least two answers.")
		}
		if utf8.RuneCountInString(n.Title) > LongQuestion {
			v.nodeProblem(Warning, QuestionTooLong, "title", "This question is longer than %d characters. Move the details into its text.", LongQuestion)
		}
	case Action:
	case Input:
		if len(n.Fields) == 0 {
			v.nodeError(TooFewFields, "fields", "An input asks for at least one value. Add a field.")
		}
	case Subtree:
		if n.Tree.IsZero() {
			v.nodeError(NoSubtree, "tree", "It is not said which tree the walk goes through here. Choose one.")
		}
		if n.Version < 0 {
			v.nodeError(InvalidVersion, "version", "Versions are counted from 1. Leave it out: publishing sets it.")
		}
	case Solution:
		if !n.Outcome.Valid() {
			v.nodeError(InvalidOutcome, "outcome", "A solution ends as RESOLVED, ESCALATED or UNRESOLVED.")
		}
		if strings.TrimSpace(n.Text) == "" {
			v.nodeProblem(Warning, SolutionWithoutText, "text", "This solution has no text. Say what to write into the ticket.")
		}
	default:
		v.nodeError(InvalidKind, "kind", "A node is a DECISION, an ACTION, an INPUT, a SUBTREE or a SOLUTION.")
	}
	v.misplaced()
	v.options()
	v.fields()
	v.branches()
	v.list(len(n.Commands), MaxCommands, "commands")
	for i, c := range n.Commands {
		if path := at("commands", i); strings.TrimSpace(c) == "" {
			v.nodeError(EmptyText, path, "This command is empty. Remove it.")
		} else {
			v.text(path, c, MaxCommand, true)
		}
	}
	v.text("expected", n.Expected, MaxExpected, true)
	v.list(len(n.FollowUps), MaxFollowUps, "followUps")
	for i, f := range n.FollowUps {
		v.required(EmptyText, at("followUps", i), f, MaxFollowUp, "This follow-up is empty. Remove it.")
	}
	v.list(len(n.Links), MaxLinks, "links")
	for i, l := range n.Links {
		v.required(EmptyText, at("links", i)+".title", l.Title, MaxLabel, "This link has no title. Say what it leads to.")
		if !validURL(l.URL) {
			v.nodeError(InvalidLink, at("links", i)+".url", "This is not the address of a web page. Write it like https://example.com/page.")
		}
	}
}

// misplaced finds fields that nodes of this kind do not have.
func (v *validator) misplaced() {
	n := v.node
	if !n.Kind.Valid() {
		return
	}
	wrong := func(path string, misplaced bool, why string) {
		if misplaced {
			v.nodeError(MisplacedField, path, "%s", why)
		}
	}
	wrong("commands", n.Kind != Action && len(n.Commands) > 0, "Only actions have commands. Remove them or make this an action.")
	wrong("expected", n.Kind != Action && n.Expected != "", "Only actions have an expected result. Remove it or make this an action.")
	wrong("fields", n.Kind != Input && len(n.Fields) > 0, "Only inputs ask for values. Remove the fields or make this an input.")
	wrong("tree", n.Kind != Subtree && !n.Tree.IsZero(), "Only subtrees lead through another tree. Remove it or make this a subtree.")
	wrong("version", n.Kind != Subtree && n.Version != 0, "Only subtrees have a version. Remove it.")
	wrong("outcome", n.Kind != Solution && n.Outcome != "", "Only solutions have an outcome. Remove it or make this a solution.")
	wrong("followUps", n.Kind != Solution && len(n.FollowUps) > 0, "Only solutions have follow-ups. Remove them or make this a solution.")
	wrong("continue", n.Kind != Solution && n.Continue, "Only solutions say whether the tree goes on that the walk came from. Remove it or make this a solution.")
	switch n.Kind {
	case Solution:
		wrong("options", len(n.Options) > 0, "A solution is an end. Remove its options or make it a question.")
		wrong("branches", len(n.Branches) > 0, "A solution is an end. Remove its branches or make it an action.")
		wrong("next", n.Next != "", "A solution is an end. Remove its way on or make it an action.")
	case Decision:
		wrong("branches", len(n.Branches) > 0, "A question goes on by its answers. Remove the branches beside them.")
		wrong("next", n.Next != "", "A question goes on by its answers. Remove the way on beside them.")
	case Input:
		wrong("options", len(n.Options) > 0, "An input goes on by its values. Remove the options, or make them choices of a field and branches.")
	case Subtree:
		wrong("options", len(n.Options) > 0, "A subtree has one way on, for when the walk comes back. Remove the options, or lead on to a question.")
	case Action:
		wrong("branches", len(n.Branches) > 0 && len(n.Options) > 0, "An action has either results to choose from or a way on with branches. Remove one of them.")
		wrong("next", n.Next != "" && len(n.Options) > 0, "An action has either results to choose from or one way on. Remove one of them.")
	}
}

func (v *validator) options() {
	n := v.node
	v.list(len(n.Options), MaxOptions, "options")
	// What comes after too many is not compared any more, so that the time stays
	// in proportion.
	var labels [MaxOptions]string
	for i := range n.Options {
		o := &n.Options[i]
		path := at("options", i)
		v.required(EmptyLabel, path+".label", o.Label, MaxLabel, "This option has no label. Say what it stands for.")
		if !o.ID.Valid() {
			v.nodeError(InvalidID, path+".id", "An id is 1 to 64 of the characters A–Z, a–z, 0–9, _ and -.")
		}
		if o.Key != "" && (len(o.Key) != 1 || !strings.Contains("abcdefghijklmnopqrstuvwxyz0123456789", o.Key)) {
			v.nodeError(InvalidKey, path+".key", "A key is one lower case letter or digit.")
		}
		if i >= MaxOptions {
			continue
		}
		labels[i] = fold(o.Label)
		earlier := n.Options[:i]
		if slices.ContainsFunc(earlier, func(e Option) bool { return e.ID == o.ID }) {
			v.nodeError(DuplicateOptionID, path+".id", "Another option of this node has the id %q. Give each an id of its own.", o.ID)
		}
		if labels[i] != "" && slices.Contains(labels[:i], labels[i]) {
			v.nodeError(DuplicateOptionLabel, path+".label", "Another option of this node is called %q. Nobody could tell them apart.", strings.TrimSpace(o.Label))
		}
		if o.Key != "" && slices.ContainsFunc(earlier, func(e Option) bool { return e.Key == o.Key }) {
			v.nodeError(DuplicateOptionKey, path+".key", "Another option of this node has the key %q. Choose another one.", o.Key)
		}
	}
}

func (v *validator) list(length, limit int, path string) {
	if length > limit {
		v.nodeError(TooManyItems, path, "There are %d of them; at most %d are allowed. Remove some.", length, limit)
	}
}

// ways checks where the ways lead: whether every node can be reached, and
// whether from each one a solution can.
func (v *validator) ways() {
	g := v.g
	if g.Root == "" || len(g.Nodes) == 0 {
		v.add(Problem{Code: NoRoot, Path: "root", Message: "The tree has no first node. Add one and make it the root."})
	}
	v.leads = make([][]int32, len(g.Nodes))
	ends := make([]bool, len(g.Nodes)) // solutions, dead ends, and nodes with a way to nowhere
	for i := range g.Nodes {
		n := &g.Nodes[i]
		v.at, v.node = i, n
		ways := 0
		n.targets(func(w way, target NodeID) {
			ways++
			to, found := v.index[target]
			switch {
			case target == "":
				v.nodeError(MissingTarget, w.path(), "This way leads nowhere yet. Choose the node that it leads to.")
			case !found:
				v.nodeError(MissingTarget, w.path(), "There is no node %q for this way to lead to. Add it or choose another one.", target)
			}
			if found {
				v.leads[i] = append(v.leads[i], int32(to))
			} else {
				ends[i] = true
			}
		})
		switch {
		case n.Kind == Solution:
			ends[i] = true
		case ways == 0:
			ends[i] = true
			if n.Kind != Decision { // TOO_FEW_OPTIONS says it of decisions
				v.nodeError(DeadEnd, "", "Nothing leads on from here. Add a way on, or make it a solution.")
			}
		case n.Kind != Decision && n.Next == "" && len(n.Options) == 0:
			ends[i] = true
			v.nodeError(DeadEnd, "next", "Nothing leads on from here where no branch holds. Add the way on that is taken then.")
		}
	}
	v.reached = make([]bool, len(g.Nodes))
	root, found := v.index[g.Root]
	if g.Root != "" && !found && len(g.Nodes) > 0 {
		v.add(Problem{Code: NoRoot, Path: "root", Message: fmt.Sprintf("The root %q is no node of the tree. Choose the node where a session begins.", g.Root)})
	}
	if found {
		v.reach(root)
	}
	v.trapped(ends)
}

// reach finds nodes that cannot be reached from the root, and whether the tree
// is too deep.
func (v *validator) reach(root int) {
	depth := make([]int, len(v.g.Nodes))
	depth[root] = 1
	queue := []int{root}
	deep := false
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		v.reached[i] = true
		if depth[i] > MaxDepth+1 && !deep {
			deep = true
			v.at, v.node = i, &v.g.Nodes[i]
			v.nodeError(TooDeep, "", "This node is more than %d steps from the root. Split the tree.", MaxDepth)
		}
		for _, to := range v.leads[i] {
			if depth[to] == 0 {
				depth[to] = depth[i] + 1
				queue = append(queue, int(to))
			}
		}
	}
	for i := range v.g.Nodes {
		if first, unique := v.index[v.g.Nodes[i].ID]; depth[i] == 0 && unique && first == i {
			v.at, v.node = i, &v.g.Nodes[i]
			v.nodeError(UnreachableNode, "", "No way leads to this node. Link it or remove it.")
		}
	}
}

// at returns the path of a list's element.
func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// fold returns a label as people compare it: case and spacing aside.
func fold(s string) string {
	folded := true // already, as ids, numbers and short values often are
	space := true  // the character before was one, or there was none
	for i := range len(s) {
		c := s[i]
		folded = folded && c >= ' ' && c < 0x7f && (c < 'A' || c > 'Z') && (c != ' ' || !space)
		space = c == ' '
	}
	if folded && (!space || s == "") {
		return s
	}
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}

// validURL says whether s is an http or https address with a host.
func validURL(s string) bool {
	if s == "" || len(s) > MaxURL || !oneLine(s) || strings.ContainsAny(s, " <>\"`") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
