package tree

// Bounds of a graph. Texts are counted in characters, not bytes.
const (
	MaxGraphBytes = 1 << 20 // of the graph as JSON
	MaxNodes      = 2000
	MaxDepth      = 200 // steps from the root to a node by the shortest way

	MaxNodeTitle = 200
	MaxNodeText  = 10_000
	MaxOptions   = 20 // of one node
	MaxLabel     = 120
	MaxCommands  = 20 // of one node
	MaxCommand   = 2000
	MaxExpected  = 2000
	MaxFollowUps = 20 // of one solution
	MaxFollowUp  = 500
	MaxLinks     = 10 // of one node
	MaxURL       = 2000
	MaxFields    = 20 // of one input
	MaxChoices   = 20 // of one field
	MaxPattern   = 500
	MaxBranches  = 20 // of one node

	// LongQuestion is the length from which a decision's title gets a warning:
	// what does not fit on two lines is not read aloud on a call.
	LongQuestion = 140
)

// NodeID names a node within its graph. Clients choose it: 1 to 64 of the
// characters A-Z, a-z, 0-9, "_" and "-". It stays the same from version to
// version, so that statistics and links outlive an edit.
type NodeID string

// Valid says whether id is made of 1 to 64 allowed characters.
func (id NodeID) Valid() bool { return validKey(string(id)) }

// OptionID names an option within its node. The rules are those of NodeID.
type OptionID string

// Valid says whether id is made of 1 to 64 allowed characters.
func (id OptionID) Valid() bool { return validKey(string(id)) }

func validKey(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Kind says what a node asks of the person who walks.
type Kind string

// The kinds of nodes.
const (
	Decision Kind = "DECISION" // a question with two or more answers
	Action   Kind = "ACTION"   // something to do, with results to choose from or one way on
	Input    Kind = "INPUT"    // values to write down, such as an address or a serial number
	Subtree  Kind = "SUBTREE"  // the walk goes through another tree and comes back here
	Solution Kind = "SOLUTION" // an end: resolved, escalated, or given up
)

// Valid says whether k is one of the kinds.
func (k Kind) Valid() bool {
	switch k {
	case Decision, Action, Input, Subtree, Solution:
		return true
	}
	return false
}

// Outcome says how a troubleshooting session ended.
type Outcome string

// The outcomes.
const (
	Resolved   Outcome = "RESOLVED"   // the fault is gone
	Escalated  Outcome = "ESCALATED"  // somebody else goes on
	Unresolved Outcome = "UNRESOLVED" // given up, or left as it is
)

// Valid says whether o is one of the outcomes.
func (o Outcome) Valid() bool { return o == Resolved || o == Escalated || o == Unresolved }

// Graph is the content of a tree: nodes and the ways between them. Despite the
// product's word "tree", ways may join and lead back. A Graph may have any
// number of problems; Validate finds them.
type Graph struct {
	Root  NodeID
	Nodes []Node // in the author's order, which carries no meaning
}

// Node is one place of a graph. Which fields it uses depends on its kind.
type Node struct {
	ID    NodeID
	Kind  Kind
	Title string // the question, the instruction's or the outcome's heading; plain text, one line
	Text  string // help, instruction or explanation; Markdown

	Commands []string // of an action: to copy, one each, verbatim
	Expected string   // of an action: what one sees when it worked; plain text
	Options  []Option // of a decision: the answers; of an action: its results
	Fields   []Field  // of an input: what is asked for, in order
	Tree     ID       // of a subtree: the tree that the walk goes through
	Version  int      // of a subtree: the version of it, set when this tree is published; 0 in a draft

	// Next is the one way on, of an input, a subtree, and an action without
	// options. The first of Branches whose condition holds comes before it.
	Next     NodeID
	Branches []Branch

	Outcome   Outcome  // of a solution
	FollowUps []string // of a solution: what remains to be done; plain text, one line each
	// Continue is of a solution: where the walk came from another tree, it goes
	// on there. Elsewhere the solution is an end like any other.
	Continue bool

	Links []Link // further reading
}

// Option is an answer to a decision or a result of an action.
type Option struct {
	ID     OptionID // unique in its node
	Label  string   // plain text, one line, unique in its node
	Key    string   // one lower case letter or digit that chooses it on a keyboard; may be empty
	Target NodeID
}

// Branch is a way that is taken when a value meets a condition.
type Branch struct {
	Name   string // of a field: the value that is looked at
	Test   Test
	Value  string // what it is compared with; empty with IsSet
	Target NodeID
}

// Link leads to further reading, such as an article of a knowledge base.
type Link struct {
	Title string // plain text, one line
	URL   string // http or https
}

// Node returns the node with that id, or nil. It is a linear search: build an
// index where many nodes are looked up.
func (g *Graph) Node(id NodeID) *Node {
	for i := range g.Nodes {
		if g.Nodes[i].ID == id {
			return &g.Nodes[i]
		}
	}
	return nil
}

// Option returns the node's option with that id, or nil.
func (n *Node) Option(id OptionID) *Option {
	for i := range n.Options {
		if n.Options[i].ID == id {
			return &n.Options[i]
		}
	}
	return nil
}

// targets calls yield with each way out of the node and where it leads.
func (n *Node) targets(yield func(w way, target NodeID)) {
	for i := range n.Options {
		yield(way{"options", i}, n.Options[i].Target)
	}
	for i := range n.Branches {
		yield(way{"branches", i}, n.Branches[i].Target)
	}
	if n.Next != "" {
		yield(way{}, n.Next)
	}
}

// way is a way out of a node: an element of a list, or, without one, the next node.
type way struct {
	list string
	i    int
}

// path returns the path of the way's target within the node.
func (w way) path() string {
	if w.list == "" {
		return "next"
	}
	return at(w.list, w.i) + ".target"
}

// after returns where the one way on leads, given what was written down.
func (n *Node) after(values []Value) NodeID {
	for i := range n.Branches {
		if n.Branches[i].holds(values) {
			return n.Branches[i].Target
		}
	}
	return n.Next
}
