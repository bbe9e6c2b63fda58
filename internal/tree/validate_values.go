package tree

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fields checks what an input asks for.
func (v *validator) fields() {
	n := v.node
	v.list(len(n.Fields), MaxFields, "fields")
	for i := range n.Fields {
		f := &n.Fields[i]
		path := at("fields", i)
		if !validName(f.Name) {
			v.nodeError(InvalidName, path+".name", "A name is a lower case letter and at most %d more of a–z, 0–9 and _.", MaxFieldName-1)
		} else if i < MaxFields && slices.ContainsFunc(n.Fields[:i], func(e Field) bool { return e.Name == f.Name }) {
			v.nodeError(DuplicateFieldName, path+".name", "Another field of this input has the name %q. Give each a name of its own.", f.Name)
		}
		v.required(EmptyLabel, path+".label", f.Label, MaxLabel, "This field has no label. Say what to write down.")
		if !f.Type.Valid() {
			v.nodeError(InvalidType, path+".type", "A field is a TEXT, a NUMBER, a CHOICE or YES_NO.")
			continue
		}
		v.pattern(path, f)
		v.choices(path, f)
	}
}

func (v *validator) pattern(path string, f *Field) {
	path += ".pattern"
	switch {
	case f.Pattern == "":
	case f.Type != TextField:
		v.nodeError(MisplacedField, path, "Only a text has a pattern. Remove it or make this a text.")
	case utf8.RuneCountInString(f.Pattern) > MaxPattern:
		v.nodeError(TextTooLong, path, "This pattern is longer than %d characters. Shorten it.", MaxPattern)
	case !oneLine(f.Pattern):
		v.nodeError(InvalidText, path, "This pattern holds line breaks, control characters or invalid UTF-8. Remove them.")
	default:
		if _, err := v.compile(f.Pattern); err != nil {
			v.nodeError(InvalidPattern, path, "This pattern cannot be used: %s. Correct it, or leave it out to take any text.", err)
		}
	}
}

// compile compiles each pattern once: that takes longer than all else about it.
func (v *validator) compile(pattern string) (*regexp.Regexp, error) {
	if v.patterns == nil {
		v.patterns = map[string]compiledPattern{}
	}
	c, found := v.patterns[pattern]
	if !found {
		c.expression, c.err = compilePattern(pattern)
		v.patterns[pattern] = c
	}
	return c.expression, c.err
}

type compiledPattern struct {
	expression *regexp.Regexp
	err        error
}

func (v *validator) choices(path string, f *Field) {
	path += ".choices"
	if f.Type != ChoiceField {
		if len(f.Choices) > 0 {
			v.nodeError(MisplacedField, path, "Only a choice has choices. Remove them or make this a choice.")
		}
		return
	}
	if len(f.Choices) < 2 {
		v.nodeError(TooFewChoices, path, "A choice needs at least two things to choose from.")
	}
	v.list(len(f.Choices), MaxChoices, path)
	var folded []string
	for i, c := range f.Choices[:min(len(f.Choices), MaxChoices)] {
		v.required(EmptyText, at(path, i), c, MaxLabel, "This choice is empty. Remove it.")
		name := fold(c)
		switch {
		case c != strings.TrimSpace(c):
			v.nodeError(InvalidText, at(path, i), "This choice begins or ends with a space. Remove it.")
		case name != "" && slices.Contains(folded, name):
			v.nodeError(DuplicateChoice, at(path, i), "Another choice of this field is called %q. Nobody could tell them apart.", c)
		}
		folded = append(folded, name)
	}
}

// branches checks the conditions of a node as far as the node alone can tell.
func (v *validator) branches() {
	n := v.node
	v.list(len(n.Branches), MaxBranches, "branches")
	for i := range n.Branches {
		b := &n.Branches[i]
		path := at("branches", i)
		if !validName(b.Name) && !strings.HasPrefix(b.Name, clientPrefix) {
			v.nodeError(InvalidName, path+".name", "A name is a lower case letter and at most %d more of a–z, 0–9 and _.", MaxFieldName-1)
		}
		switch {
		case !b.Test.Valid():
			v.nodeError(InvalidTest, path+".test", "A branch tests EQUALS, CONTAINS, LESS, GREATER or IS_SET.")
		case b.Test == IsSet && b.Value != "":
			v.nodeError(MisplacedField, path+".value", "IS_SET compares with nothing. Remove the value or choose another test.")
		case b.Test == IsSet:
		case strings.TrimSpace(b.Value) == "":
			v.nodeError(EmptyText, path+".value", "This branch compares with nothing. Say with what, or test IS_SET.")
		default:
			v.text(path+".value", b.Value, MaxValue, false)
		}
	}
}

// values checks that the values which texts show and branches look at are asked
// for before, and that the branches' tests fit them. While names is nil, the
// trees that the graph goes through may ask for anything; with names they ask
// for those, and only what depends on that is reported.
func (v *validator) values(names map[string]bool) {
	asked := v.asked(names == nil)
	var known []knownNames // made when it is needed: most graphs have no values
	look := func(path, name string, after bool) {
		if known == nil {
			known = v.known(asked)
		}
		set := known[v.at].before
		if after {
			set = known[v.at].after
		}
		a, through := asked[name], set.has(throughSubtree)
		switch {
		case a != nil && (set.has(a.number) || !v.reached[v.at]):
		case through && (names == nil || names[name]):
		case !through && names != nil: // said without them
		case a != nil:
			v.nodeError(UnknownInput, path, "The value %q is asked for only after this place. Ask for it on a way that leads here.", name)
		default:
			v.nodeError(UnknownInput, path, "No input asks for the value %q. Correct the name, or add an input before this place.", name)
		}
	}
	for i := range v.g.Nodes {
		n := &v.g.Nodes[i]
		v.at, v.node = i, n
		n.filled(func(path, text string) {
			placeholders(text, func(name string) {
				if !strings.HasPrefix(name, clientPrefix) {
					look(path, name, false)
				}
			})
		})
		for j := range n.Branches {
			b, path := &n.Branches[j], at("branches", j)
			switch {
			case strings.HasPrefix(b.Name, clientPrefix):
				v.nodeError(UnknownInput, path+".name", "A branch looks at values that inputs ask for, not at facts of the client. Ask for the value.")
			case j < MaxBranches && validName(b.Name):
				look(path+".name", b.Name, true)
				if a := asked[b.Name]; a != nil && names == nil {
					v.fits(path, b, a)
				}
			}
		}
	}
}

// clientPrefix begins the names of the facts of a session's client.
const clientPrefix = "client."

// filled calls yield with each text of the node in which values are shown.
func (n *Node) filled(yield func(path, text string)) {
	yield("title", n.Title)
	yield("text", n.Text)
	yield("expected", n.Expected)
	for i, s := range n.Commands {
		if strings.Contains(s, "{{") {
			yield(at("commands", i), s)
		}
	}
	for i := range n.Options {
		if strings.Contains(n.Options[i].Label, "{{") {
			yield(at("options", i)+".label", n.Options[i].Label)
		}
	}
	for i, s := range n.FollowUps {
		if strings.Contains(s, "{{") {
			yield(at("followUps", i), s)
		}
	}
}

// askedName is a name under which inputs write values down.
type askedName struct {
	number int      // of the name, from 1
	fields []*Field // that have it, those that are alike left out
}

// asked returns what the graph's inputs ask for, by name.
func (v *validator) asked(report bool) map[string]*askedName {
	asked := map[string]*askedName{}
	for i := range v.g.Nodes {
		n := &v.g.Nodes[i]
		if n.Kind != Input {
			continue
		}
		v.at, v.node = i, n
		for j := range n.Fields {
			f := &n.Fields[j]
			a := asked[f.Name]
			if a == nil {
				a = &askedName{number: len(asked) + 1}
				asked[f.Name] = a
			}
			if slices.ContainsFunc(a.fields, func(e *Field) bool {
				return e.Type == f.Type && e.Pattern == f.Pattern && slices.Equal(e.Choices, f.Choices)
			}) {
				continue
			}
			if report && j < MaxFields && len(a.fields) > 0 && (a.fields[0].Type != f.Type || !slices.Equal(a.fields[0].Choices, f.Choices)) {
				v.nodeProblem(Warning, OrphanInput, at("fields", j)+".name", "Another input writes down a value of another type or choice as %q. The later one takes its place. Give one of them another name.", f.Name)
			}
			if len(a.fields) < MaxFields { // so that the time stays in proportion
				a.fields = append(a.fields, f)
			}
		}
	}
	return asked
}

// throughSubtree is in a set of names where a subtree, which may ask for more,
// was gone through.
const throughSubtree = 0

// nameSet is a set of the numbers of names.
type nameSet []uint64

func (s nameSet) has(number int) bool { return s[number/64]>>(number%64)&1 != 0 }
func (s nameSet) add(number int)      { s[number/64] |= 1 << (number % 64) }
func (s nameSet) join(other nameSet) {
	for i := range s {
		s[i] |= other[i]
	}
}

// knownNames is what may have been written down on the ways to a node: before
// it, and after it.
type knownNames struct{ before, after nameSet }

// known works out which names may have been written down at each node. Nodes on
// a common circle share what they know, so each circle is looked at once, after
// all that leads to it.
func (v *validator) known(asked map[string]*askedName) []knownNames {
	words := (len(asked) + 64) / 64
	known := make([]knownNames, len(v.g.Nodes))
	addOwn := func(set nameSet, n *Node) {
		switch n.Kind {
		case Input:
			for j := range n.Fields {
				set.add(asked[n.Fields[j].Name].number)
			}
		case Subtree:
			set.add(throughSubtree)
		}
	}
	circles := circlesOf(v.leads)
	sets := make(nameSet, 2*len(circles)*words) // all of them in one piece
	into := make([]nameSet, len(circles))       // what the ways into each circle bring
	number := make([]int, len(v.g.Nodes))
	for c, circle := range circles {
		into[c] = sets[2*c*words : (2*c+1)*words]
		for _, i := range circle {
			number[i] = c
		}
	}
	for c := len(circles) - 1; c >= 0; c-- { // circles come after those that they lead to
		circle, round := circles[c], len(circles[c]) > 1 || slices.Contains(v.leads[circles[c][0]], int32(circles[c][0]))
		after := sets[(2*c+1)*words : (2*c+2)*words]
		copy(after, into[c])
		for _, i := range circle {
			addOwn(after, &v.g.Nodes[i])
		}
		before := into[c]
		if round {
			before = after
		}
		for _, i := range circle {
			known[i] = knownNames{before, after}
			for _, to := range v.leads[i] {
				if number[to] != c {
					into[number[to]].join(after)
				}
			}
		}
	}
	return known
}

// circlesOf returns the strongly connected components of a graph, each after
// those that it leads to (Tarjan, 1972). Its recursion is as deep as the graph
// has nodes.
func circlesOf(leads [][]int32) [][]int {
	var circles [][]int
	index, low := make([]int, len(leads)), make([]int, len(leads))
	open := make([]bool, len(leads))
	var stack []int
	count := 0
	var visit func(i int)
	visit = func(i int) {
		count++
		index[i], low[i] = count, count
		stack, open[i] = append(stack, i), true
		for _, to := range leads[i] {
			if to := int(to); index[to] == 0 {
				visit(to)
				low[i] = min(low[i], low[to])
			} else if open[to] {
				low[i] = min(low[i], index[to])
			}
		}
		if low[i] != index[i] {
			return
		}
		at := slices.Index(stack, i)
		circle := slices.Clone(stack[at:])
		stack = stack[:at]
		for _, j := range circle {
			open[j] = false
		}
		circles = append(circles, circle)
	}
	for i := range leads {
		if index[i] == 0 {
			visit(i)
		}
	}
	return circles
}

// fits checks that one of the fields with the branch's name can meet its test.
func (v *validator) fits(path string, b *Branch, asked *askedName) {
	code, message := ProblemCode(""), ""
	for _, f := range asked.fields {
		if !f.Type.Valid() {
			return
		}
		if code, message = v.meets(f, b); code == "" {
			return
		}
	}
	at := path + ".value"
	if code == UnfitTest {
		at = path + ".test"
	}
	v.nodeError(code, at, "%s", message)
}

// meets says what keeps a value of the field from ever meeting the branch's test.
// Where that is not certain it says nothing.
func (v *validator) meets(f *Field, b *Branch) (ProblemCode, string) {
	value := fold(b.Value)
	if b.Test == IsSet || !b.Test.Valid() || value == "" {
		return "", ""
	}
	_, number := cleanNumber(strings.TrimSpace(b.Value))
	switch {
	case (b.Test == Less || b.Test == Greater) && f.Type != NumberField:
		return UnfitTest, "Only numbers can be less or greater. Make the field a NUMBER, or test EQUALS."
	case b.Test == Contains && (f.Type == NumberField || f.Type == YesNoField):
		return UnfitTest, "Only texts and choices can be searched. Test EQUALS, or LESS or GREATER for a number."
	case f.Type == NumberField && !number:
		return ImpossibleValue, "A number is never " + strconv.Quote(b.Value) + ". Compare it with a number, such as 12.5."
	case f.Type == YesNoField && value != Yes && value != No:
		return ImpossibleValue, "The value is yes or no. Compare it with one of them."
	case f.Type == ChoiceField && !slices.ContainsFunc(f.Choices, func(c string) bool {
		return fold(c) == value || b.Test == Contains && strings.Contains(fold(c), value)
	}):
		return ImpossibleValue, "None of the choices meets this test. Compare with one of them: " + clip(strings.Join(f.Choices, ", ")) + "."
	case f.Type == TextField && f.Pattern != "" && b.Test == Equals && !number && plainWord.MatchString(b.Value):
		// Case is aside when texts are compared. A value that is not plain could
		// differ from what was entered in more than case.
		pattern, err := v.compile("(?i:" + f.Pattern + ")")
		if err == nil && !strings.Contains(f.Pattern, "(?") && !pattern.MatchString(b.Value) {
			return ImpossibleValue, "The field's pattern takes no such text. Correct the value or the pattern."
		}
	}
	return "", ""
}

var plainWord = regexp.MustCompile(`^[!-~]+$`)

// Pinned returns the graph of a tree's version, or of the newest published
// version where the number is 0; nil where there is none.
type Pinned func(tree ID, version int) *Graph

// SubtreeProblems finds what only other trees can tell of the graph of a tree,
// whose id is zero while it has none: a subtree that does not exist, a tree that
// goes through itself, and a value that none of the trees asks for. The graph
// itself is for Validate.
func SubtreeProblems(id ID, g *Graph, pinned Pinned) []Problem {
	if len(g.Nodes) > MaxNodes {
		return nil
	}
	v := &validator{g: g, index: make(map[NodeID]int, len(g.Nodes)), reached: make([]bool, len(g.Nodes)), leads: make([][]int32, len(g.Nodes))}
	walk := &subtrees{id: id, pinned: pinned, names: map[string]bool{}, cycle: map[pin]bool{}}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		v.at, v.node = i, n
		if _, found := v.index[n.ID]; !found {
			v.index[n.ID] = i
		}
		if n.Kind != Subtree || n.Tree.IsZero() {
			continue
		}
		switch found, cycle := walk.through(pin{n.Tree, n.Version}); {
		case cycle:
			v.nodeError(SubtreeCycle, "tree", "This leads through the tree itself again, and the walk would never come back. Choose another tree.")
		case !found:
			v.nodeError(SubtreeNotPublished, "tree", "There is no published tree with this id. Publish it first, or choose another one.")
		}
	}
	for i := range g.Nodes {
		g.Nodes[i].targets(func(_ way, target NodeID) {
			if to, found := v.index[target]; found {
				v.leads[i] = append(v.leads[i], int32(to))
			}
		})
	}
	if root, found := v.index[g.Root]; found {
		for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
			if !v.reached[queue[0]] {
				v.reached[queue[0]] = true
				for _, to := range v.leads[queue[0]] {
					queue = append(queue, int(to))
				}
			}
		}
	}
	v.values(walk.names)
	return v.problems
}

type pin struct {
	tree    ID
	version int
}

// subtrees follows subtrees through the versions that they are pinned to.
type subtrees struct {
	id     ID
	pinned Pinned
	names  map[string]bool // what they ask for
	cycle  map[pin]bool    // which lead back to id
}

// through follows one, and says whether it exists and whether it leads back.
func (s *subtrees) through(to pin) (found, cycle bool) {
	if !s.id.IsZero() && to.tree == s.id {
		return true, true
	}
	if cycle, seen := s.cycle[to]; seen {
		return true, cycle
	}
	g := s.pinned(to.tree, to.version)
	if g == nil {
		return false, false
	}
	s.cycle[to] = false
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for j := range n.Fields {
			s.names[n.Fields[j].Name] = true
		}
		if n.Kind == Subtree && !n.Tree.IsZero() {
			_, back := s.through(pin{n.Tree, n.Version})
			cycle = cycle || back
		}
	}
	s.cycle[to] = cycle
	return true, cycle
}
