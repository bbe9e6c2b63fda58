package tree

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Draft returns what a session says as the graph of a new tree: the way from where
// it began to where it stands or ended. What was undone is left out. Nodes of trees
// are taken as their authors wrote them, with the values' names and not the values;
// those of subtrees and of trees that were switched to stand beside the others. A
// step of one's own becomes a question or an action. A session that was completed
// before a solution ends in one made of its reason.
//
// Whoever walks the graph and answers as the session did meets the same nodes. Ways
// that it did not take lead nowhere yet, and that is all that Validate holds against
// it. Beyond MaxDepth nodes the rest is left out, and the way to it is open too.
// Command output is not copied, sensitive values are replaced in people's own words,
// and notes, by which nodes get more text, come only if asked for.
//
// It needs the log and the versions that the session went through; one that is
// missing comes back as an UnreadVersion.
func (s *Session) Draft(includeNotes bool) (Graph, error) {
	visits, err := s.visits(includeNotes)
	if err != nil {
		return Graph{}, err
	}
	// With room for all its nodes, so that ways can be pointed to while they are made.
	d := &drafting{visits: visits, nodes: make([]Node, 0, MaxDepth), taken: map[string]bool{}, next: map[string]int{}, index: map[NodeID]int{}}
	d.lay()
	d.forgetUnknown()
	g := Graph{Nodes: d.nodes}
	if len(g.Nodes) > 0 {
		g.Root = g.Nodes[0].ID
	}
	return g, nil
}

// visit is one place of the way that a draft is made of.
type visit struct {
	key   visitKey
	node  Node     // with every way open
	way   int      // by which it was left; see Node.way
	notes []string // to go into the node's text
}

// visitKey tells whether two visits may share a node.
type visitKey struct {
	at, through spot // through: of a solution that continued, the subtree node whose ways it took
	seq         int  // of what no tree has: it is shared with nothing
}

type spot struct {
	ref  VersionRef
	node NodeID
}

func (p Place) spot() spot { return spot{VersionRef{p.TreeID, p.Version}, p.NodeID} }

// visits returns the way as it stands: what was answered, the steps of one's own,
// and, last, where it stands or ended. A node that was left for another tree
// without an answer counts only when it was answered later.
func (s *Session) visits(includeNotes bool) ([]visit, error) {
	redact := newCensor(s, true)
	notes := func(step *Step) []string {
		var out []string
		for _, n := range step.Notes {
			if includeNotes && n.Text != "" {
				out = append(out, asMarkdown(withoutNames(redact.text(n.Text), nil)))
			}
		}
		return out
	}
	var visits []visit
	var values []Value
	for i := range s.Steps {
		step := &s.Steps[i]
		place := step.Places[len(step.Places)-1]
		switch {
		case step.Undone || step.End == Switched || step.End == Returned:
		case step.Own:
			w := ownWords(step, redact)
			visits = append(visits, visit{key: visitKey{seq: step.Seq}, node: w.node("", ""), notes: notes(step)})
		case step.End == Answered:
			node, err := s.Versions.node(place)
			if err != nil {
				return nil, err
			}
			v := visit{key: visitKey{at: place.spot()}, node: node.open(), notes: notes(step)}
			values = together(values, step.Values)
			ways := node
			if node.Kind == Solution {
				// The walk went on behind the subtree, by the ways of its node.
				outer := step.Places[len(step.Places)-2]
				if ways, err = s.Versions.node(outer); err != nil {
					return nil, err
				}
				v.key.through = outer.spot()
				v.node = Node{ID: node.ID, Kind: Action, Title: node.Title, Text: node.Text, Links: node.Links, Branches: ways.open().Branches}
			}
			v.way = ways.wayTaken(step.OptionID, values)
			visits = append(visits, v)
		case step.End == Finished && step.NodeKind != Solution:
			visits = append(visits, s.earlyEnd(redact, notes(step)))
		case place.NodeID != "":
			node, err := s.Versions.node(place)
			if err != nil {
				return nil, err
			}
			visits = append(visits, visit{key: visitKey{at: place.spot()}, node: node.open(), notes: notes(step)})
		}
	}
	return visits, nil
}

// earlyEnd is the solution of a session that was completed before one.
func (s *Session) earlyEnd(redact censor, notes []string) visit {
	reason := withoutNames(redact.text(s.Reason), nil)
	title, _, more := strings.Cut(strings.TrimSpace(reason), "\n")
	node := Node{Kind: Solution, Title: shortened(strings.Join(strings.Fields(title), " "), MaxNodeTitle), Outcome: s.Outcome}
	if more || node.Title != title {
		node.Text = asMarkdown(reason)
	}
	return visit{key: visitKey{seq: s.LastSeq}, node: node, notes: notes}
}

// open returns a copy of the node whose ways all lead nowhere.
func (n *Node) open() Node {
	out := *n
	out.Options, out.Branches, out.Next = slices.Clone(n.Options), slices.Clone(n.Branches), ""
	for i := range out.Options {
		out.Options[i].Target = ""
	}
	for i := range out.Branches {
		out.Branches[i].Target = ""
	}
	return out
}

// way returns where the way with that number leads: the options come first, then
// the branches, then the one way on.
func (n *Node) way(number int) *NodeID {
	if number < len(n.Options) {
		return &n.Options[number].Target
	}
	if number -= len(n.Options); number < len(n.Branches) {
		return &n.Branches[number].Target
	}
	return &n.Next
}

// wayTaken returns the number of the way that was taken.
func (n *Node) wayTaken(option OptionID, values []Value) int {
	for i := range n.Options {
		if n.Options[i].ID == option {
			return i
		}
	}
	for i := range n.Branches {
		if n.Branches[i].holds(values) {
			return i
		}
	}
	return len(n.Branches)
}

// drafting lays visits out as nodes.
type drafting struct {
	visits []visit
	nodes  []Node
	keys   []visitKey     // of the nodes
	index  map[NodeID]int // of the nodes
	taken  map[string]bool
	next   map[string]int
}

// lay gives each visit a node. A visit to where the way was before shares that
// node, unless the same answer led elsewhere then, as when a step of one's own came
// in between: it gets another node of its own.
func (d *drafting) lay() {
	from := new(NodeID) // the way that leads to the visit
	for i := range d.visits {
		to, laid := d.index[*from]
		if !laid {
			to = d.shared(from, i)
		}
		if to < 0 {
			if len(d.nodes) >= MaxDepth {
				*from = ""
				return
			}
			to = d.add(d.visits[i])
			*from = d.nodes[to].ID
		}
		d.nodes[to].note(d.visits[i].notes)
		from = d.nodes[to].way(d.visits[i].way)
	}
}

// shared leads a way to a node that the visits from i on can share, and returns
// its place; -1 where there is none.
func (d *drafting) shared(from *NodeID, i int) int {
	for j := range d.nodes {
		if *from = d.nodes[j].ID; d.follows(j, i) {
			return j
		}
	}
	return -1
}

// follows says whether the visits from i on can begin at a node: whether the ways
// that were laid from it lead where they went. The last visit shares no node unless
// it is a solution, for where it leads is open.
func (d *drafting) follows(at, i int) bool {
	for ; i < len(d.visits); i++ {
		if d.keys[at] != d.visits[i].key {
			return false
		}
		if i == len(d.visits)-1 {
			return d.nodes[at].Kind == Solution
		}
		to := *d.nodes[at].way(d.visits[i].way)
		if to == "" {
			return true
		}
		at = d.index[to]
	}
	return false
}

// add makes a node, with its own id where that is free.
func (d *drafting) add(v visit) int {
	base := string(v.node.ID)
	if base == "" {
		base = nodeSlug(v.node.Title)
	}
	node := v.node
	node.ID = NodeID(unique(base, d.taken, d.next))
	d.index[node.ID] = len(d.nodes)
	d.nodes, d.keys = append(d.nodes, node), append(d.keys, v.key)
	return len(d.nodes) - 1
}

// note adds notes to the node's text, each once and as far as there is room.
func (n *Node) note(notes []string) {
	for _, note := range notes {
		if strings.Contains(n.Text, note) {
			continue
		}
		if n.Text != "" {
			note = "\n\n" + note
		}
		n.Text = shortened(n.Text+note, MaxNodeText)
	}
}

// forgetUnknown takes back what looks at values that no way of the draft brings:
// names in texts become plain words, branches that were not taken go.
func (d *drafting) forgetUnknown() {
	known := d.known()
	for i := range d.nodes {
		n := &d.nodes[i]
		asked := known[i]
		plain := func(text string) string {
			return withoutNames(text, func(name string) bool { return len(asked[name]) > 0 })
		}
		list := func(texts []string) []string {
			texts = slices.Clone(texts)
			for j := range texts {
				texts[j] = plain(texts[j])
			}
			return texts
		}
		n.Title, n.Text, n.Expected = plain(n.Title), plain(n.Text), plain(n.Expected)
		n.Commands, n.FollowUps = list(n.Commands), list(n.FollowUps)
		for j := range n.Options {
			n.Options[j].Label = plain(n.Options[j].Label)
		}
		if n.Kind == Input { // what it asks for counts for its own ways too
			asked = asked.with(n)
		}
		n.Branches = slices.DeleteFunc(n.Branches, func(b Branch) bool {
			return b.Target == "" && !slices.ContainsFunc(asked[b.Name], func(f *Field) bool {
				code, _ := new(validator).meets(f, &b)
				return code == ""
			})
		})
	}
}

// askedFields are fields by their names.
type askedFields map[string][]*Field

// with returns these fields and the node's.
func (a askedFields) with(n *Node) askedFields {
	all := askedFields{}
	all.join(a)
	for i := range n.Fields {
		all.join(askedFields{n.Fields[i].Name: {&n.Fields[i]}})
	}
	return all
}

// join adds fields, and says whether there were new ones.
func (a askedFields) join(more askedFields) (grew bool) {
	for name, fields := range more {
		for _, f := range fields {
			if !slices.Contains(a[name], f) {
				a[name], grew = append(a[name], f), true
			}
		}
	}
	return grew
}

// known returns what is asked for on the ways to each node.
func (d *drafting) known() []askedFields {
	known := make([]askedFields, len(d.nodes))
	for i := range known {
		known[i] = askedFields{}
	}
	for grew := true; grew; {
		grew = false
		for i := range d.nodes {
			after := known[i].with(&d.nodes[i])
			d.nodes[i].targets(func(_ way, target NodeID) {
				if target != "" && known[d.index[target]].join(after) {
					grew = true
				}
			})
		}
	}
	return known
}

// Words are what somebody said of a step that is not in the tree.
type Words struct {
	Title  string // what was asked or tried
	Answer string // the answer, or what came of it; may be empty
	Note   string // may be empty
}

// ownWords returns the words of a step of one's own, without sensitive values.
func ownWords(step *Step, redact censor) Words {
	w := Words{
		Title:  shortened(withoutNames(redact.text(step.NodeTitle), nil), MaxNodeTitle),
		Answer: shortened(withoutNames(redact.text(step.OptionLabel), nil), MaxAnswer),
	}
	for _, n := range step.Notes {
		if n.Seq == step.Seq {
			w.Note = shortened(withoutNames(redact.text(n.Text), nil), MaxNote)
		}
	}
	return w
}

// node returns the words as a node that leads to next: a question with an answer
// as a decision, whose other answer leads to other, else an action.
func (w Words) node(next, other NodeID) Node {
	node := Node{Kind: Action, Title: w.Title}
	if w.Answer == "" {
		node.Next = next
		return node
	}
	label := shortened(w.Answer, MaxLabel)
	if label != w.Answer {
		node.Text = asMarkdown(w.Answer)
	}
	node.Options = []Option{{ID: OptionID(nodeSlug(label)), Label: label, Target: next}}
	if strings.HasSuffix(w.Title, "?") {
		node.Kind = Decision
		taken := map[string]bool{string(node.Options[0].ID): true}
		label := otherAnswer(label)
		node.Options = append(node.Options, Option{ID: OptionID(unique(nodeSlug(label), taken, map[string]int{})), Label: label, Target: other})
	}
	return node
}

// otherAnswer returns what else could have been answered.
func otherAnswer(answer string) string {
	switch fold(answer) {
	case Yes:
		return "No"
	case No:
		return "Yes"
	case "something else":
		return "None of these"
	}
	return "Something else"
}

// withoutNames returns a text in which {{name}} shows no value, unless the name is
// known: {name} stands there instead.
func withoutNames(text string, known func(name string) bool) string {
	for { // braces may stand within braces
		plain := replacePlaceholders(text, func(place, name string) string {
			if strings.HasPrefix(name, clientPrefix) && known != nil || known != nil && known(name) {
				return place
			}
			return "{" + name + "}"
		})
		if plain == text {
			return text
		}
		text = plain
	}
}

// asMarkdown returns plain text of any number of lines as Markdown that shows it.
func asMarkdown(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = escapeMarkdown(strings.TrimRight(line, " \t"))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// shortened returns the text, or as much of it as there is room for.
func shortened(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:limit-1]), " \n") + "…"
}
