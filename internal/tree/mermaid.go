package tree

import (
	"fmt"
	"strings"
	"unicode"
)

// EncodeMermaid returns the file as a flowchart of Mermaid, with a shape for
// each kind of node. No text can break the diagram or bring markup into it: all
// but letters, digits and harmless punctuation is written as character codes.
// What is not linked yet is left out, as is the help beside the titles.
func EncodeMermaid(f File) string {
	var b strings.Builder
	if title := mermaidText(f.Title); title != "" {
		fmt.Fprintf(&b, "---\ntitle: \"%s\"\n---\n", yamlText(f.Title))
	}
	b.WriteString("flowchart TD\n")
	g := &f.Graph
	index := make(map[NodeID]int, len(g.Nodes))
	for i := range g.Nodes {
		if _, found := index[g.Nodes[i].ID]; !found {
			index[g.Nodes[i].ID] = i
		}
	}
	if root, found := index[g.Root]; found {
		fmt.Fprintf(&b, "  start((\" \")) --> n%d\n", root)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		begin, end := mermaidShape(n)
		text := mermaidText(n.Title)
		if text == "" {
			text = "#8230;" // an ellipsis
		}
		fmt.Fprintf(&b, "  n%d%s\"%s\"%s\n", i, begin, text, end)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		edge := func(label string, target NodeID) {
			to, found := index[target]
			switch text := mermaidText(label); {
			case !found:
			case text == "":
				fmt.Fprintf(&b, "  n%d --> n%d\n", i, to)
			default:
				fmt.Fprintf(&b, "  n%d -->|\"%s\"| n%d\n", i, text, to)
			}
		}
		for j := range n.Options {
			edge(n.Options[j].Label, n.Options[j].Target)
		}
		for j := range n.Branches {
			edge(n.Branches[j].Name+" "+conditionOf(&n.Branches[j]), n.Branches[j].Target)
		}
		if len(n.Branches) > 0 {
			edge("otherwise", n.Next)
		} else {
			edge("", n.Next)
		}
	}
	return b.String()
}

func mermaidShape(n *Node) (begin, end string) {
	switch n.Kind {
	case Decision:
		return "{", "}"
	case Input:
		return "[/", "/]"
	case Subtree:
		return "[[", "]]"
	case Solution:
		if n.Outcome == Resolved {
			return "([", "])"
		}
		return "{{", "}}"
	}
	return "[", "]"
}

// mermaidText returns a text for between quotation marks. Letters, digits and
// spaces stay, and behind the first word some punctuation: at the beginning
// "1." or "-" would make a list. A colon never does: behind the word "style"
// Mermaid would take the codes after it for colours.
func mermaidText(text string) string {
	var b strings.Builder
	gap, word := false, false
	for _, r := range visibleLine(text) {
		if r == ' ' {
			gap = b.Len() > 0
			word = word || gap
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		switch {
		case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)), r >= 0x80 && (unicode.IsLetter(r) || unicode.IsMark(r)),
			strings.ContainsRune(",?!'", r), word && strings.ContainsRune(".-()/", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// yamlText returns a text for between quotation marks in YAML: what is not
// harmless as an escape.
func yamlText(text string) string {
	var b strings.Builder
	for _, r := range visibleLine(text) {
		switch {
		case r == ' ', unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune(",?!'.():/", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\U%08X", r)
		}
	}
	return b.String()
}
