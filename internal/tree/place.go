package tree

import (
	"fmt"
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// MaxPlaces is how many trees deep a walk can be, by subtrees and by switching.
const MaxPlaces = 50

// Place is where a walk stands, or will stand again, in one version of a tree. A
// walk that goes through a subtree or switches to another tree has several.
type Place struct {
	TreeID  ID     // zero outside any tree
	Version int    // of that tree
	Title   string // of that version
	// NodeID is where the walk stands there. Below a subtree's place it is the
	// SUBTREE node, below a place that was switched to the node where that was.
	NodeID NodeID
	Why    Arrival
}

// Arrival says how a walk came to a place.
type Arrival string

// The ways to come to a place.
const (
	Began       Arrival = "START"   // the session began there
	WentThrough Arrival = "SUBTREE" // by a SUBTREE node of the place before
	SwitchedTo  Arrival = "SWITCH"  // by the decision of whoever has the session
)

// VersionRef names a version of a tree.
type VersionRef struct {
	TreeID ID
	Number int
}

// Versions holds versions with their graphs, by their names.
type Versions map[VersionRef]*Version

// UnreadVersion is the error of a change that needs a version which is not among
// those that were read.
type UnreadVersion VersionRef

// Error says which version it is.
func (u UnreadVersion) Error() string {
	return fmt.Sprintf("version %d of tree %s was not read", u.Number, u.TreeID)
}

func (v *Version) ref() VersionRef { return VersionRef{TreeID: v.TreeID, Number: v.Number} }

// place is the version's root.
func (v *Version) place(why Arrival) Place {
	return Place{TreeID: v.TreeID, Version: v.Number, Title: v.Title, NodeID: v.Graph.Root, Why: why}
}

// Ref names the version of the place; ok is false outside any tree.
func (p Place) Ref() (ref VersionRef, ok bool) {
	return VersionRef{TreeID: p.TreeID, Number: p.Version}, !p.TreeID.IsZero()
}

// node returns the node at a place; nil outside any tree. An UnreadVersion
// comes back as an error; so does a node that is not there, which Validate keeps
// from being published.
func (vs Versions) node(p Place) (*Node, error) {
	ref, ok := p.Ref()
	if !ok {
		return nil, nil
	}
	v := vs[ref]
	if v == nil || v.Graph == nil {
		return nil, UnreadVersion(ref)
	}
	if node := v.Graph.Node(p.NodeID); node != nil {
		return node, nil
	}
	return nil, fmt.Errorf("version %d of tree %s has no node %q", p.Version, p.TreeID, p.NodeID)
}

// enter leads on from a SUBTREE node to the root of the version that it names,
// until the walk stands at a node that asks for something. A walk that would be
// deeper than MaxPlaces is a Conflict.
func (vs Versions) enter(places []Place) ([]Place, error) {
	for {
		node, err := vs.node(places[len(places)-1])
		switch {
		case err != nil:
			return nil, err
		case node == nil || node.Kind != Subtree:
			return places, nil
		case len(places) >= MaxPlaces:
			return nil, fault.New(fault.Conflict, "This walk is %d trees deep, the most that one can be. Return to an earlier tree first.", MaxPlaces)
		}
		ref := VersionRef{TreeID: node.Tree, Number: node.Version}
		v := vs[ref]
		if v == nil || v.Graph == nil {
			return nil, UnreadVersion(ref)
		}
		places = append(slices.Clone(places), v.place(WentThrough))
	}
}

// goOn leaves a subtree and takes the way on of the SUBTREE node that led there.
func (vs Versions) goOn(places []Place, values []Value) ([]Place, error) {
	outer := slices.Clone(places[:len(places)-1])
	node, err := vs.node(outer[len(outer)-1])
	if err != nil {
		return nil, err
	}
	outer[len(outer)-1].NodeID = node.after(values)
	return outer, nil
}

// here is the place where the session stands.
func (st *State) here() Place {
	if n := len(st.Places); n > 0 {
		return st.Places[n-1]
	}
	return Place{}
}

// switched returns how many places lie below the one that was switched to last;
// 0 where there is none.
func (st *State) switched() int {
	for i := len(st.Places) - 1; i > 0; i-- {
		if st.Places[i].Why == SwitchedTo {
			return i
		}
	}
	return 0
}

// Switch goes on in another tree, or, without a version, outside any. Return
// leads back to where the session stands now. Leaving a tree that it is not in is
// BadUserInput, a walk that would be too deep a Conflict. For the rest see Choose.
func (s *Session) Switch(actor account.Actor, expectedStep int, v *Version, now time.Time) (Entry, error) {
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	if len(s.Places) >= MaxPlaces {
		return Entry{}, s.conflict("This walk is %d trees deep, the most that one can be. Return to an earlier tree first.", MaxPlaces)
	}
	to := Place{Why: SwitchedTo}
	if v != nil {
		to = v.place(SwitchedTo)
		s.Versions[v.ref()] = v
	} else if _, inside := s.here().Ref(); !inside {
		return Entry{}, fault.Input("input.treeId", "The session is outside any tree already. Name the tree to go on in.")
	}
	e := s.entry(Switched, actor, now)
	e.OptionLabel = to.Title
	return s.move(e, append(slices.Clone(s.Places), to))
}

// Return goes back to where the session stood when it switched trees last. What
// was done since then stands. Where it did not switch, that is a Conflict. For
// the rest see Choose.
func (s *Session) Return(actor account.Actor, expectedStep int, now time.Time) (Entry, error) {
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	n := s.switched()
	if n == 0 {
		return Entry{}, s.conflict("The session is in the tree that it began with. To undo a step, go back.")
	}
	places := slices.Clone(s.Places[:n])
	e := s.entry(Returned, actor, now)
	e.OptionLabel = places[n-1].Title
	return s.move(e, places)
}
