package tree

import (
	"slices"
	"strings"
)

// The bounds of the search for values that lead out of a circle. What they cut
// off counts as a circle.
const (
	maxTries    = 256       // combinations of values that are tried at one input
	maxTrapWork = 2_000_000 // ways looked at for one graph
)

// trapped finds nodes from which a walk cannot be brought to an end: those from
// which every way leads round in a circle, and those where that depends on what
// was written down before. It reports the first node of each such place.
func (v *validator) trapped(ends []bool) {
	t := &traps{validator: v, before: make([][]int32, len(ends)), work: maxTrapWork}
	var queue []int
	for i, leads := range v.leads {
		for _, to := range leads {
			t.before[to] = append(t.before[to], int32(i))
		}
		if ends[i] {
			queue = append(queue, i)
		}
	}
	out := slices.Clone(ends)
	t.spread(out, queue, func(int) bool { return true })
	t.safe = ends
	t.spread(t.safe, queue, t.sure)
	if slices.Contains(t.safe, false) {
		t.choose()
	}
	for i := range out {
		t.safe[i] = t.safe[i] || !out[i] // one problem for each place
	}
	v.circles(out)
	if slices.Contains(t.safe, false) {
		v.barred(t.safe)
	}
}

// barred reports the first node of each circle of nodes that are not safe.
func (v *validator) barred(safe []bool) {
	within := make([][]int32, len(v.leads))
	for i, leads := range v.leads {
		for _, to := range leads {
			if !safe[i] && !safe[to] {
				within[i] = append(within[i], to)
			}
		}
	}
	var first []int
	for _, circle := range circlesOf(within) {
		if i := slices.Min(circle); len(circle) > 1 || slices.Contains(within[i], int32(i)) {
			first = append(first, i)
		}
	}
	slices.Sort(first)
	for _, i := range first {
		v.at, v.node = i, &v.g.Nodes[i]
		v.nodeError(NoWayOut, "", "With some values, every way from here leads round in a circle: branches bar the way to a solution. Add a way out that no branch bars.")
	}
}

// circles reports the first node of each place that is not in the set, and adds
// the place to it.
func (v *validator) circles(out []bool) {
	for i := range v.g.Nodes {
		if out[i] {
			continue
		}
		v.at, v.node = i, &v.g.Nodes[i]
		v.nodeError(NoWayOut, "", "From here every way leads round in a circle. Add a way to a solution.")
		out[i] = true
		for queue := []int{i}; len(queue) > 0; queue = queue[1:] {
			for _, to := range v.leads[queue[0]] {
				if !out[to] {
					out[to] = true
					queue = append(queue, int(to))
				}
			}
		}
	}
}

// traps works out from which nodes a walk can be brought to an end whatever was
// written down before: those are safe. Whoever walks chooses the options, and
// the values at an input. A branch that looks at another value may turn out
// either way.
type traps struct {
	*validator
	before [][]int32 // which nodes lead to each one
	safe   []bool
	tests  map[string][]*Branch // the branches that look at each name
	values [][][]Value          // of each node, the values that are tried
	work   int                  // ways that may still be looked at
}

// spread adds to a set, of which queue is what is new, each node that leads into
// it and that joins, until there is none.
func (t *traps) spread(set []bool, queue []int, joins func(i int) bool) {
	queue = slices.Clone(queue)
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		t.work -= len(t.before[i])
		for _, from := range t.before[i] {
			if !set[from] && joins(int(from)) {
				set[from] = true
				queue = append(queue, int(from))
			}
		}
	}
}

// sure says whether a node that leads to a safe one is safe: where there is a
// choice it is, else all its ways have to lead to safe ones.
func (t *traps) sure(i int) bool {
	return len(t.g.Nodes[i].Options) > 0 || !slices.ContainsFunc(t.leads[i], func(to int32) bool { return !t.safe[to] })
}

// choose finds the inputs at which some values lead to safe nodes: first those
// whose own branches do, which is quick, then those whose values count later.
func (t *traps) choose() {
	t.tests = map[string][]*Branch{}
	for i := range t.g.Nodes {
		for j := range t.g.Nodes[i].Branches {
			b := &t.g.Nodes[i].Branches[j]
			t.tests[b.Name] = append(t.tests[b.Name], b)
		}
	}
	t.values = make([][][]Value, len(t.g.Nodes))
	joins := func(i int) bool { return t.sure(i) || t.leadsOut(i) }
	t.spread(t.safe, t.all(), joins)
	for again := true; again; {
		again = false
		for i := range t.g.Nodes {
			if !t.safe[i] && t.work > 0 && t.leadsOutLater(i) {
				t.safe[i], again = true, true
				t.spread(t.safe, []int{i}, joins)
			}
		}
	}
}

// all returns the safe nodes.
func (t *traps) all() []int {
	var safe []int
	for i, ok := range t.safe {
		if ok {
			safe = append(safe, i)
		}
	}
	return safe
}

// leadsOut says whether some values at an input lead to a safe node.
func (t *traps) leadsOut(i int) bool {
	return slices.ContainsFunc(t.tries(i), func(values []Value) bool { return t.turns(t.safe, i, values) })
}

// leadsOutLater says whether some values at an input lead to a safe node by way
// of others that are not safe, where branches look at the values too.
func (t *traps) leadsOutLater(i int) bool {
	for _, values := range t.tries(i) {
		if t.work -= len(t.safe); t.work < 0 {
			return false
		}
		set := slices.Clone(t.safe)
		t.spread(set, t.all(), func(j int) bool {
			n := &t.g.Nodes[j]
			switch {
			case len(n.Options) > 0:
				return true
			case j != i && (n.Kind == Subtree || slices.ContainsFunc(n.Fields, func(f Field) bool { return find(values, f.Name) >= 0 })):
				return false // it may write other values down
			}
			return t.turns(set, j, values)
		})
		if set[i] {
			return true
		}
	}
	return false
}

// turns says whether the way on from a node leads into the set, given some of
// the values and whatever the others are.
func (t *traps) turns(set []bool, i int, values []Value) bool {
	n := &t.g.Nodes[i]
	leads := func(target NodeID) bool {
		to, found := t.index[target]
		return !found || set[to]
	}
	t.work -= len(n.Branches)
	for j := range n.Branches {
		b := &n.Branches[j]
		switch known := find(values, b.Name) >= 0; {
		case known && b.holds(values):
			return leads(b.Target)
		case !known && !leads(b.Target):
			return false
		}
	}
	return leads(n.Next)
}

func find(values []Value, name string) int {
	return slices.IndexFunc(values, func(v Value) bool { return v.Name == name })
}

// tries returns combinations of values of an input's fields that make the
// graph's branches turn out differently; one of none where no branch looks at
// them. Other nodes have none.
func (t *traps) tries(i int) [][]Value {
	n := &t.g.Nodes[i]
	if n.Kind != Input || t.values[i] != nil {
		return t.values[i]
	}
	tries := [][]Value{nil}
	for i := range n.Fields {
		f := &n.Fields[i]
		tests := t.tests[f.Name]
		if len(tests) == 0 {
			continue
		}
		var longer [][]Value
		for _, text := range t.examples(f, tests) {
			for _, values := range tries {
				if len(longer) < maxTries {
					longer = append(longer, append(slices.Clone(values), Value{Name: f.Name, Text: text}))
				}
			}
		}
		tries = longer
	}
	t.values[i] = tries
	return tries
}

// examples returns values that the field takes and at which the tests turn out
// differently.
func (t *traps) examples(f *Field, tests []*Branch) []string {
	var examples []string
	switch f.Type {
	case YesNoField:
		return []string{Yes, No}
	case ChoiceField:
		return f.Choices
	case NumberField:
		large := strings.Repeat("9", maxDigits/2)
		examples = append(examples, "-"+large, large)
	default:
		// Some value that no test names. That a pattern takes one is assumed.
		examples = append(examples, "\x00")
	}
	free := *f
	free.Pattern = ""
	for _, b := range tests {
		text, err := free.Clean("", b.Value)
		if err != nil || text == "" || slices.Contains(examples, text) {
			continue
		}
		if pattern, err := t.compile(f.Pattern); f.Pattern != "" && (err != nil || !pattern.MatchString(text)) {
			continue
		}
		examples = append(examples, text)
	}
	return examples
}
