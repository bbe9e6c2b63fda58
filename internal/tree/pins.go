package tree

import (
	"fmt"
	"slices"
)

// Bounds of the trees that one tree leads through. A walk reads the graphs of all
// of them when it begins, and a person who is more than a few trees deep no longer
// knows where the walk comes back to.
const (
	MaxSubtrees     = 100 // in all
	MaxSubtreeDepth = 10  // within one another
)

// Subtrees are the versions that a graph's subtrees lead to.
type Subtrees struct {
	Newest   map[ID]int // the newest version of each tree that is published
	Versions Versions   // those, and all that their subtrees lead to
	More     bool       // there are more than MaxSubtrees: Versions is not all
}

// subtrees lists the trees that the graph's own nodes lead through, each once.
func (g *Graph) subtrees() []ID {
	var ids []ID
	for i := range g.Nodes {
		if n := &g.Nodes[i]; n.Kind == Subtree && !n.Tree.IsZero() && !slices.Contains(ids, n.Tree) {
			ids = append(ids, n.Tree)
		}
	}
	return ids
}

// pinnedTo returns the graph with each subtree pinned to its tree's version
// there; nil pins none, as in a draft.
func (g *Graph) pinnedTo(newest map[ID]int) *Graph {
	if !slices.ContainsFunc(g.Nodes, func(n Node) bool { return n.Kind == Subtree }) {
		return g
	}
	pinned := &Graph{Root: g.Root, Nodes: slices.Clone(g.Nodes)}
	for i := range pinned.Nodes {
		if n := &pinned.Nodes[i]; n.Kind == Subtree {
			n.Version = newest[n.Tree]
		}
	}
	return pinned
}

// problems finds all that keeps a tree from being published, and warnings. The
// tree's id is zero while it has none.
func (st *Subtrees) problems(id ID, title string, g *Graph) []Problem {
	problems := Check(title, *g)
	if st.More {
		return sortProblems(append(problems, Problem{
			Code: TooManySubtrees, Severity: Error, Path: "nodes",
			Message: fmt.Sprintf("This tree leads through more than %d trees, counting those that its subtrees lead through. Remove some.", MaxSubtrees),
		}))
	}
	problems = append(problems, SubtreeProblems(id, g.pinnedTo(nil), st.graph)...)
	_, deep := st.reach(g)
	for i := range g.Nodes {
		if n := &g.Nodes[i]; n.Kind == Subtree && deep[n.Tree] > MaxSubtreeDepth {
			problems = append(problems, Problem{
				Code: SubtreeTooDeep, Severity: Error, NodeID: n.ID, Path: at("nodes", i) + ".tree",
				Message: fmt.Sprintf("This leads through %d trees within one another; at most %d are allowed. Choose another tree.", deep[n.Tree], MaxSubtreeDepth),
			})
		}
	}
	return sortProblems(problems)
}

// graph returns a version's graph, that of the newest one for 0; nil if there is none.
func (st *Subtrees) graph(tree ID, version int) *Graph {
	if version == 0 {
		version = st.Newest[tree]
	}
	if v := st.Versions[VersionRef{TreeID: tree, Number: version}]; v != nil {
		return v.Graph
	}
	return nil
}

// reach returns all versions that the graph leads to when it is pinned to the
// newest ones, and how many trees lie within one another behind each tree that it
// names.
func (st *Subtrees) reach(g *Graph) (refs []VersionRef, deep map[ID]int) {
	depth := map[VersionRef]int{}
	var below func(ref VersionRef) int
	below = func(ref VersionRef) int {
		if d, seen := depth[ref]; seen {
			return d
		}
		v := st.Versions[ref]
		if v == nil || v.Graph == nil {
			return 0
		}
		refs, depth[ref] = append(refs, ref), 1
		deepest := 0
		for i := range v.Graph.Nodes {
			if n := &v.Graph.Nodes[i]; n.Kind == Subtree {
				deepest = max(deepest, below(VersionRef{TreeID: n.Tree, Number: n.Version}))
			}
		}
		depth[ref] = deepest + 1
		return depth[ref]
	}
	deep = map[ID]int{}
	for _, id := range g.subtrees() {
		deep[id] = below(VersionRef{TreeID: id, Number: st.Newest[id]})
	}
	return refs, deep
}
