package tree

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ChangeKind says what became of a node, an option or a field.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "ADDED"
	Removed ChangeKind = "REMOVED"
	Changed ChangeKind = "CHANGED"
)

// NodeChange is what is different of one node between two graphs.
type NodeChange struct {
	NodeID  NodeID
	Kind    ChangeKind
	Title   string        // as in the newer graph; of a removed node, as it was
	Fields  []FieldChange // of a changed node, in the order of the JSON format
	Options []OptionChange
}

// OptionChange is what is different of one option of a changed node.
type OptionChange struct {
	OptionID OptionID
	Kind     ChangeKind
	Label    string        // as in the newer graph; of a removed option, as it was
	Moved    bool          // it leads elsewhere
	Fields   []FieldChange // of a changed option
}

// FieldChange is one member of the JSON format with its two values: a text as it
// is, any other value as JSON, and nothing as empty text.
type FieldChange struct {
	Field string // such as "title" or "next"
	Old   string
	New   string
}

// Comparison is what is different between two graphs, by the ids of nodes and
// options. The order of nodes carries no meaning and is no difference; that of
// options is one, as they are read in it.
type Comparison struct {
	Root    *FieldChange // nil where both begin at the same node
	Nodes   []NodeChange // added and changed ones in the newer graph's order, then removed ones in the older one's
	Added   int          // how many nodes were
	Removed int
	Changed int
}

// Compare finds what is different in b, the newer graph, from a. Of nodes with
// one id, the first counts.
func Compare(a, b *Graph) Comparison {
	var c Comparison
	if a.Root != b.Root {
		c.Root = &FieldChange{"root", string(a.Root), string(b.Root)}
	}
	before, after := byID(a), byID(b)
	for i := range b.Nodes {
		n := &b.Nodes[i]
		if after[n.ID] != n {
			continue
		}
		old := before[n.ID]
		if old == nil {
			c.Nodes = append(c.Nodes, NodeChange{NodeID: n.ID, Kind: Added, Title: n.Title})
			c.Added++
			continue
		}
		change := NodeChange{NodeID: n.ID, Kind: Changed, Title: n.Title, Fields: nodeFields(old, n), Options: compareOptions(old, n)}
		if len(change.Fields)+len(change.Options) > 0 {
			c.Nodes = append(c.Nodes, change)
			c.Changed++
		}
	}
	for i := range a.Nodes {
		if n := &a.Nodes[i]; before[n.ID] == n && after[n.ID] == nil {
			c.Nodes = append(c.Nodes, NodeChange{NodeID: n.ID, Kind: Removed, Title: n.Title})
			c.Removed++
		}
	}
	return c
}

// Same says whether nothing is different.
func (c *Comparison) Same() bool { return c.Root == nil && len(c.Nodes) == 0 }

func byID(g *Graph) map[NodeID]*Node {
	nodes := make(map[NodeID]*Node, len(g.Nodes))
	for i := range g.Nodes {
		if n := &g.Nodes[i]; nodes[n.ID] == nil {
			nodes[n.ID] = n
		}
	}
	return nodes
}

// nodeFields compares all of two nodes but their options.
func nodeFields(a, b *Node) []FieldChange {
	x, y := toJSON([]Node{*a})[0], toJSON([]Node{*b})[0]
	return changes([]FieldChange{
		{"kind", string(x.Kind), string(y.Kind)},
		{"title", x.Title, y.Title},
		{"text", x.Text, y.Text},
		{"commands", asJSON(x.Commands), asJSON(y.Commands)},
		{"expected", x.Expected, y.Expected},
		{"optionOrder", optionOrder(a, b), optionOrder(b, a)},
		{"fields", asJSON(x.Fields), asJSON(y.Fields)},
		{"tree", given(x.Tree), given(y.Tree)},
		{"version", number(x.Version), number(y.Version)},
		{"next", string(x.Next), string(y.Next)},
		{"branches", asJSON(x.Branches), asJSON(y.Branches)},
		{"outcome", string(x.Outcome), string(y.Outcome)},
		{"followUps", asJSON(x.FollowUps), asJSON(y.FollowUps)},
		{"continue", flag(x.Continue), flag(y.Continue)},
		{"links", asJSON(x.Links), asJSON(y.Links)},
	})
}

// changes returns those whose values differ.
func changes(fields []FieldChange) []FieldChange {
	fields = slices.DeleteFunc(fields, func(f FieldChange) bool { return f.Old == f.New })
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// optionOrder returns the ids of the options that both nodes have, in n's order.
func optionOrder(n, other *Node) string {
	var ids []string
	for i := range n.Options {
		if id := n.Options[i].ID; other.Option(id) != nil {
			ids = append(ids, string(id))
		}
	}
	return strings.Join(ids, ", ")
}

func compareOptions(a, b *Node) []OptionChange {
	var list []OptionChange
	for i := range b.Options {
		n := &b.Options[i]
		if b.Option(n.ID) != n {
			continue
		}
		old := a.Option(n.ID)
		if old == nil {
			list = append(list, OptionChange{OptionID: n.ID, Kind: Added, Label: n.Label})
			continue
		}
		fields := changes([]FieldChange{{"label", old.Label, n.Label}, {"key", old.Key, n.Key}, {"target", string(old.Target), string(n.Target)}})
		if len(fields) > 0 {
			list = append(list, OptionChange{OptionID: n.ID, Kind: Changed, Label: n.Label, Moved: old.Target != n.Target, Fields: fields})
		}
	}
	for i := range a.Options {
		if o := &a.Options[i]; a.Option(o.ID) == o && b.Option(o.ID) == nil {
			list = append(list, OptionChange{OptionID: o.ID, Kind: Removed, Label: o.Label})
		}
	}
	return list
}

// asJSON writes a list; an empty one is empty text.
func asJSON[T any](list []T) string {
	if len(list) == 0 {
		return ""
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(fmt.Errorf("tree: a list of texts cannot be written as JSON: %w", err))
	}
	return string(text)
}

func given(id ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func flag(b bool) string {
	if b {
		return "true"
	}
	return ""
}
