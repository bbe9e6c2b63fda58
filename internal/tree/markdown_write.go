package tree

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/branchline/branchline/internal/fault"
)

// EncodeMarkdown returns the file as an outline that ParseMarkdown reads back
// exactly. Each node is written as people write it; what would not come back so,
// such as a text with an arrow in a list, is written in a block marked
// "branchline". A graph with errors that no outline can hold, such as a node of no
// kind, is BadUserInput.
func EncodeMarkdown(f File) (string, error) {
	w := newOutlineWriter(&f)
	for _, all := range []bool{false, true} {
		text := w.file(all)
		p := newMarkdownParser(text)
		if p.refuse() {
			break
		}
		p.read()
		p.resolve()
		if back := p.file(); !HasErrors(p.problems) && bytes.Equal(EncodeJSON(back), EncodeJSON(f)) {
			return text, nil
		}
	}
	return "", fault.Input("input.format", "This tree has errors, or is so large, that a Markdown outline cannot hold it. Mend the errors, or export it as JSON.")
}

// outlineWriter writes a file as an outline. What it writes of a node is read
// again before it is kept.
type outlineWriter struct {
	f        *File
	index    map[NodeID]int
	names    map[string]int // how many nodes can be called so
	slugs    map[string]int
	headings []string // of each node, without the mark
	faithful []bool   // that heading gives the node's title
}

func newOutlineWriter(f *File) *outlineWriter {
	w := &outlineWriter{f: f, index: map[NodeID]int{}, names: map[string]int{}, slugs: map[string]int{}}
	for i := range f.Graph.Nodes {
		n := &f.Graph.Nodes[i]
		w.index[n.ID] = i
		w.slugs[nodeSlug(n.Title)]++
		for _, name := range (&outlineNode{Node: *n}).names() {
			w.names[name]++
		}
	}
	for i := range f.Graph.Nodes {
		heading, faithful := w.heading(&f.Graph.Nodes[i])
		w.headings, w.faithful = append(w.headings, heading), append(w.faithful, faithful)
	}
	return w
}

// kindWord returns what begins the heading of a node whose kind its title does
// not show.
func kindWord(n *Node) string {
	switch n.Kind {
	case Input:
		return "Input: "
	case Subtree:
		return "Subtree: "
	case Solution:
		switch n.Outcome {
		case Resolved:
			return "Resolved: "
		case Escalated:
			return "Escalate: "
		case Unresolved:
			return "Unresolved: "
		}
	}
	return ""
}

// heading returns a node's heading: with as few signs as give its title, kind
// and id back. It says whether there is such a heading.
func (w *outlineWriter) heading(n *Node) (string, bool) {
	class := "." + strings.ToLower(string(n.Kind))
	if n.Kind == Solution {
		class = "." + strings.ToLower(string(n.Outcome))
	}
	id := "#" + string(n.ID)
	unique := w.slugs[nodeSlug(n.Title)] == 1 && w.names[(&outlineNode{Node: *n}).names()[0]] == 1
	for _, heading := range []string{
		kindWord(n) + n.Title,
		kindWord(n) + n.Title + " {" + id + "}",
		n.Title + " {" + class + "}",
		n.Title + " {" + id + " " + class + "}",
	} {
		if !unique && !strings.Contains(heading, " {#") {
			continue
		}
		p := newMarkdownParser("# T\n\n## " + heading + "\n")
		p.read()
		if f := p.file(); len(p.problems) == 0 && len(f.Graph.Nodes) == 1 {
			if m := f.Graph.Nodes[0]; m.ID == n.ID && m.Title == n.Title && m.Kind == n.Kind && m.Outcome == n.Outcome && m.Text == "" {
				return heading, true
			}
		}
	}
	return strings.TrimSpace(outlineWords(n.Title) + " {" + id + " " + class + "}"), false
}

// outlineWords returns what of a title can stand anywhere.
func outlineWords(title string) string {
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune("[]{}#`*\\<>", r) || !oneLine(string(r)) {
			return ' '
		}
		return r
	}, title)
	return strings.Join(strings.Fields(clean), " ")
}

// ref returns how a way names a node.
func (w *outlineWriter) ref(id NodeID) string {
	i, found := w.index[id]
	if !found {
		return "#" + string(id)
	}
	n := &w.f.Graph.Nodes[i]
	name := (&outlineNode{Node: *n}).names()[0]
	title := kindWord(n) + n.Title
	if read := newOutlineNode(title, 0); w.faithful[i] && w.names[name] == 1 && read.names()[0] == name && read.id == "" &&
		!linked.MatchString(title) && !strings.HasPrefix(title, "#") && strings.TrimSpace(title) == title {
		return title
	}
	if title = outlineWords(n.Title); title == "" {
		return "#" + string(id)
	}
	return "[" + title + "](#" + string(id) + ")"
}

// file writes the whole file; with all, as much as possible in blocks.
func (w *outlineWriter) file(all bool) string {
	var b strings.Builder
	b.WriteString(w.head(all))
	for i := range w.f.Graph.Nodes {
		b.WriteString("\n")
		b.WriteString(w.section(i, all))
	}
	return b.String()
}

// head writes what stands before the first node.
func (w *outlineWriter) head(all bool) string {
	f := w.f
	var root NodeID
	if len(f.Graph.Nodes) == 0 || f.Graph.Root != f.Graph.Nodes[0].ID {
		root = f.Graph.Root
	}
	for level := range 4 {
		exactText, exactRest := level&1 != 0 || all, level&2 != 0 || all
		title := f.Title
		members := map[string]any{}
		if root != "" {
			members["root"] = root
		}
		if exactRest {
			title, members["title"] = outlineWords(f.Title), f.Title
			if len(f.Tags) > 0 {
				members["tags"] = f.Tags
			}
		}
		var b strings.Builder
		fmt.Fprintf(&b, "# %s\n", title)
		writeMembers(&b, members)
		writeText(&b, f.Description, exactText)
		if len(f.Tags) > 0 && !exactRest {
			fmt.Fprintf(&b, "\nTags: %s\n", strings.Join(f.Tags, ", "))
		}
		p := newMarkdownParser(b.String())
		p.read()
		if back := p.file(); level == 3 || len(p.problems) == 0 && len(p.nodes) == 0 &&
			back.Title == f.Title && back.Description == f.Description && slices.Equal(back.Tags, f.Tags) {
			return b.String()
		}
	}
	return ""
}

// section writes a node.
func (w *outlineWriter) section(i int, all bool) string {
	for level := range 4 {
		section := w.attempt(i, level&1 != 0 || all, level&2 != 0 || all)
		if level == 3 || all || w.comesBack(i, section) {
			return section
		}
	}
	return ""
}

// comesBack says whether a section by itself gives the node, links aside that
// lead nowhere.
func (w *outlineWriter) comesBack(i int, section string) bool {
	n := &w.f.Graph.Nodes[i]
	refs := map[string]*outlineNode{}
	n.targets(func(_ way, target NodeID) {
		to := &outlineNode{}
		to.ID = target
		refs[w.ref(target)] = to
	})
	p := newMarkdownParser("# T\n\n" + section)
	p.read()
	if len(p.problems) > 0 || len(p.nodes) != 1 {
		return false
	}
	for _, way := range p.nodes[0].ways {
		if way.to = refs[way.target]; way.to == nil {
			return false
		}
	}
	return bytes.Equal(EncodeGraph(Graph{Nodes: p.file().Graph.Nodes}), EncodeGraph(Graph{Nodes: []Node{*n}}))
}

// attempt writes a node; its text or the rest, if asked for, in blocks.
func (w *outlineWriter) attempt(i int, exactText, exactRest bool) string {
	n := &w.f.Graph.Nodes[i]
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n", w.headings[i])
	if exactRest {
		writeMembers(&b, w.members(i))
		writeText(&b, n.Text, exactText)
		return b.String()
	}
	if !w.faithful[i] {
		writeMembers(&b, map[string]any{"title": n.Title})
	}
	writeText(&b, n.Text, exactText)
	if !n.Tree.IsZero() {
		fmt.Fprintf(&b, "\nTree: %s", n.Tree)
		if n.Version != 0 {
			fmt.Fprintf(&b, ", version %d", n.Version)
		}
		b.WriteString("\n")
	}
	if len(n.Fields) > 0 {
		b.WriteString("\n")
	}
	for j := range n.Fields {
		fmt.Fprintf(&b, "- %s\n", outlineOf(&n.Fields[j]))
	}
	writeCommands(&b, n.Commands)
	if n.Expected != "" {
		b.WriteString("\n")
		for line := range strings.SplitSeq(n.Expected, "\n") {
			fmt.Fprintf(&b, "Expected: %s\n", line)
		}
	}
	if len(n.Links) > 0 {
		b.WriteString("\n")
	}
	for _, l := range n.Links {
		fmt.Fprintf(&b, "See: [%s](%s)\n", l.Title, l.URL)
	}
	w.writeWays(&b, n)
	return b.String()
}

func (w *outlineWriter) writeWays(b *strings.Builder, n *Node) {
	if len(n.Options)+len(n.Branches)+len(n.FollowUps) > 0 || n.Next != "" {
		b.WriteString("\n")
	}
	taken := map[string]bool{} // as options are named when they are read
	for _, o := range n.Options {
		b.WriteString("- ")
		if o.Key != "" {
			fmt.Fprintf(b, "`%s` ", o.Key)
		}
		b.WriteString(o.Label)
		base := slug(o.Label, 64)
		if base == "" {
			base = hashed(o.Label)
		}
		if taken[base] || base != string(o.ID) {
			fmt.Fprintf(b, " {#%s}", o.ID)
		}
		taken[string(o.ID)] = true
		fmt.Fprintf(b, " → %s\n", w.ref(o.Target))
	}
	for _, branch := range n.Branches {
		fmt.Fprintf(b, "- If {{%s}} %s → %s\n", branch.Name, conditionOf(&branch), w.ref(branch.Target))
	}
	switch {
	case n.Next != "" && len(n.Branches) > 0:
		fmt.Fprintf(b, "- Otherwise → %s\n", w.ref(n.Next))
	case n.Next != "":
		fmt.Fprintf(b, "→ %s\n", w.ref(n.Next))
	}
	for _, followUp := range n.FollowUps {
		fmt.Fprintf(b, "- %s\n", followUp)
	}
	if n.Continue {
		b.WriteString("\n→ continue\n")
	}
}

// outlineOf returns a field as an outline has it; see parseField.
func outlineOf(f *Field) string {
	var terms []string
	switch f.Type {
	case NumberField:
		terms = append(terms, "number")
	case YesNoField:
		terms = append(terms, "yes/no")
	case ChoiceField:
		terms = append(terms, "one of: "+strings.Join(f.Choices, ", "))
	}
	if f.Pattern != "" {
		terms = append(terms, "matches `"+f.Pattern+"`")
	}
	if f.Required {
		terms = append(terms, "required")
	}
	if f.Sensitive {
		terms = append(terms, "sensitive")
	}
	text := "`" + f.Name + "` " + f.Label
	if len(terms) > 0 {
		text += " (" + strings.Join(terms, "; ") + ")"
	}
	return text
}

// conditionOf returns what a branch asks of its value.
func conditionOf(b *Branch) string {
	if b.Test == IsSet {
		return "is set"
	}
	value := b.Value
	if strings.TrimSpace(value) != value || value == "" || value == "set" || value[0] == '"' || arrow.MatchString(" "+value+" ") {
		// Quoted, with "<" and ">" escaped, so that no arrow is left in it.
		quoted, err := json.Marshal(value)
		if err != nil {
			panic(fmt.Errorf("tree: a text cannot be written as JSON: %w", err))
		}
		value = strings.ReplaceAll(string(quoted), "→", `\u2192`)
	}
	for word, test := range wordTests {
		if test == b.Test {
			return word + " " + value
		}
	}
	return "?" // no such test: the section does not come back
}

// members returns all that is in a node but what the heading and the text say.
func (w *outlineWriter) members(i int) map[string]any {
	n := w.f.Graph.Nodes[i]
	encoded, err := json.Marshal(toJSON([]Node{n})[0])
	if err != nil {
		panic(fmt.Errorf("tree: a node cannot be written as JSON: %w", err))
	}
	var members map[string]any
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.UseNumber()
	if err := dec.Decode(&members); err != nil {
		panic(fmt.Errorf("tree: a node cannot be read as JSON: %w", err))
	}
	delete(members, "id")
	delete(members, "kind")
	delete(members, "text")
	if w.faithful[i] {
		delete(members, "title")
		delete(members, "outcome")
	}
	return members
}

// writeMembers writes members of the JSON format as a block.
func writeMembers(b *strings.Builder, members map[string]any) {
	if len(members) == 0 {
		return
	}
	b.WriteString("\n```branchline\n")
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(members); err != nil {
		panic(fmt.Errorf("tree: texts and lists cannot be written as JSON: %w", err))
	}
	b.WriteString("```\n")
}

// writeText writes a text, as it is or as a block.
func writeText(b *strings.Builder, text string, exact bool) {
	switch {
	case text == "":
	case exact:
		fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
		fmt.Fprintf(b, "\n%sbranchline text\n%s\n%s\n", fence, text, fence)
	default:
		fmt.Fprintf(b, "\n%s\n", text)
	}
}

// writeCommands writes commands as blocks: those of one line together, any other
// by itself.
func writeCommands(b *strings.Builder, commands []string) {
	open := ""
	for _, c := range commands {
		fence := strings.Repeat("`", max(3, longestRun(c, '`')+1))
		if strings.TrimSpace(c) != c || strings.Contains(c, "\n") || len(fence) > 3 {
			fmt.Fprintf(b, "%s\n%scommand\n%s\n%s\n", open, fence, c, fence)
			open = ""
			continue
		}
		if open == "" {
			b.WriteString("\n```\n")
			open = "```\n"
		}
		b.WriteString(c + "\n")
	}
	b.WriteString(open)
}
