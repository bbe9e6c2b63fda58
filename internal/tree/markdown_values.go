package tree

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

var (
	conditional = regexp.MustCompile(`^(?i:if)[ \t]+\{\{`)
	condition   = regexp.MustCompile(`^(?i:if)[ \t]+\{\{[ \t]*([a-z][a-z0-9_]*)[ \t]*\}\}[ \t]+(?:(is set)|(is|contains|<|>)[ \t]+(\S.*))$`)
)

// condition reads a list item with an arrow as a branch, where it begins with
// "If {{", or as the way on, where it says "Otherwise" behind branches.
func (p *markdownParser) condition(node *outlineNode, w *outlineWay) {
	if node.Kind == Decision || w.key != "" {
		return
	}
	if strings.EqualFold(w.label, "otherwise") && slices.ContainsFunc(node.ways, func(w *outlineWay) bool { return w.branch != nil }) {
		w.next = true
		return
	}
	if !conditional.MatchString(w.label) {
		return
	}
	w.branch = &Branch{}
	m := condition.FindStringSubmatch(w.label)
	if m == nil {
		p.problem(Syntax, w.offset, "Write a condition like this: - If {{speed}} < 10 → Title. The words is, contains, < and > compare; is set does not.")
		return
	}
	w.branch.Name = m[1]
	if m[2] != "" {
		w.branch.Test = IsSet
		return
	}
	w.branch.Test, w.branch.Value = wordTests[m[3]], m[4]
	if quoted := ""; strings.HasPrefix(m[4], `"`) && json.Unmarshal([]byte(m[4]), &quoted) == nil {
		w.branch.Value = quoted
	}
}

// wordTests are the tests by the words that the outline has for them.
var wordTests = map[string]Test{"is": Equals, "contains": Contains, "<": Less, ">": Greater}

// parseField reads a field: its name as code, its label, and in parentheses what
// else is to be said. Parentheses that say anything else belong to the label.
func parseField(text string) Field {
	name, label, _ := strings.Cut(text[1:], "`")
	f := Field{Name: name, Label: strings.TrimSpace(label), Type: TextField}
	if !strings.HasSuffix(f.Label, ")") {
		return f
	}
	for from := 0; ; {
		i := strings.Index(f.Label[from:], "(")
		if i < 0 {
			return f
		}
		from += i + 1
		said := Field{Name: name, Label: strings.TrimSpace(f.Label[:from-1]), Type: TextField}
		if said.parseTerms(f.Label[from : len(f.Label)-1]) {
			return said
		}
	}
}

// parseTerms reads what a field says in parentheses: terms with semicolons
// between them.
func (f *Field) parseTerms(text string) bool {
	for {
		term, rest, more := strings.Cut(text, ";")
		if pattern, ok := strings.CutPrefix(text, "matches `"); ok {
			// A pattern may hold semicolons.
			if f.Pattern, rest, ok = strings.Cut(pattern, "`"); !ok || f.Pattern == "" {
				return false
			}
			term = ""
			if rest = strings.TrimSpace(rest); rest != "" {
				if rest, more = strings.CutPrefix(rest, ";"); !more {
					return false
				}
			} else {
				more = false
			}
		}
		switch term = strings.TrimSpace(term); strings.ToLower(term) {
		case "":
			if f.Pattern == "" {
				return false
			}
		case "required":
			f.Required = true
		case "sensitive":
			f.Sensitive = true
		case "text":
		case "number":
			f.Type = NumberField
		case "yes/no":
			f.Type = YesNoField
		default:
			list, ok := strings.CutPrefix(term, "one of:")
			if !ok {
				return false
			}
			f.Type = ChoiceField
			for choice := range strings.SplitSeq(list, ",") {
				f.Choices = append(f.Choices, strings.TrimSpace(choice))
			}
		}
		if !more {
			return true
		}
		text = strings.TrimSpace(rest)
	}
}

// exactFile and exactNode are what blocks marked "branchline" say: members of
// the JSON format, which come before what the outline says.
type (
	exactFile struct {
		File
		members []string
		text    *string // the description
	}
	exactNode struct {
		Node
		members []string
		text    *string
		places  map[string]int
	}
)

// closeFence reads a block of code as a whole.
func (p *markdownParser) closeFence(node *outlineNode) {
	begin, end := p.fenceFrom, max(p.fenceFrom, p.line.offset)
	if p.fenceAs == fenceMembers {
		p.members(node, begin, end)
		return
	}
	lines := strings.Split(strings.TrimSuffix(p.text[begin:end], "\n"), "\n")
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		set := len(line) - len(strings.TrimLeft(line, " "))
		lines[i] = line[min(set, p.fenceSet):]
	}
	text := strings.Join(lines, "\n")
	switch {
	case p.fenceAs == fenceCommand:
		node.Commands = append(node.Commands, text)
		node.commands = append(node.commands, begin)
	case node == nil:
		p.exact.text = &text
		p.places["description"] = begin
	default:
		node.exact.text = &text
		node.textAt = begin
	}
}

// members reads a block of members of the JSON format.
func (p *markdownParser) members(node *outlineNode, begin, end int) {
	sub := newJSONParser(p.text[begin:end])
	var readers map[string]func(string)
	var said *[]string
	if node == nil {
		f := &p.exact.File
		said = &p.exact.members
		readers = map[string]func(string){"title": sub.into(&f.Title), "tags": sub.strings(&f.Tags), "root": sub.into((*string)(&f.Graph.Root))}
	} else {
		said = &node.exact.members
		readers = sub.nodeMembers(&node.exact.Node)
		for _, name := range []string{"id", "kind", "text"} { // the heading and a block of text say them
			delete(readers, name)
		}
	}
	for name, read := range readers {
		readers[name] = func(path string) {
			*said = append(*said, name)
			read(path)
		}
	}
	sub.whole(readers)
	line, _ := p.position(begin)
	for _, problem := range sub.problems {
		problem.Line += line - 1
		p.problems = append(p.problems, problem)
	}
	if node == nil {
		return
	}
	if node.exact.places == nil {
		node.exact.places = map[string]int{}
	}
	for path, offset := range sub.places {
		node.exact.places[path] = begin + offset
	}
}

// take puts into the file what its block says.
func (e *exactFile) take(f *File) {
	for _, member := range e.members {
		switch member {
		case "title":
			f.Title = e.Title
		case "tags":
			f.Tags = e.Tags
		case "root":
			f.Graph.Root = e.Graph.Root
		}
	}
	if e.text != nil {
		f.Description = *e.text
	}
}

// takeExact puts into the node what its blocks say.
func (p *markdownParser) takeExact(path string, node *outlineNode) {
	e := &node.exact
	if e.text != nil {
		node.Text = *e.text
		p.places[path+".text"] = node.textAt
	}
	for inner, offset := range e.places {
		p.places[path+"."+inner] = offset
	}
	for _, member := range e.members {
		switch member {
		case "title":
			node.Title = e.Title
		case "commands":
			node.Commands = e.Commands
		case "expected":
			node.Expected = e.Expected
		case "options":
			node.Options = e.Options
		case "fields":
			node.Fields = e.Fields
		case "tree":
			node.Tree = e.Tree
		case "version":
			node.Version = e.Version
		case "next":
			node.Next = e.Next
		case "branches":
			node.Branches = e.Branches
		case "outcome":
			node.Outcome = e.Outcome
		case "followUps":
			node.FollowUps = e.FollowUps
		case "continue":
			node.Continue = e.Continue
		case "links":
			node.Links = e.Links
		}
	}
}
