package tree

import (
	"fmt"
	"slices"
	"time"
)

// Fold works out where a session stands from the places where it began, what it
// was started with, when, and its log. A log that no session can have is an error for the operator.
func Fold(start []Place, given []Value, startedAt time.Time, log []Entry) (State, error) {
	st := begin(start, given, startedAt)
	for i := range log {
		if err := st.apply(log[i]); err != nil {
			return State{}, err
		}
	}
	return st, nil
}

// begin is the state of a session without entries.
func begin(places []Place, given []Value, at time.Time) State {
	if len(places) == 0 {
		places = []Place{{Why: Began}}
	}
	st := State{Status: InProgress, UpdatedAt: at, Given: given, Values: given}
	st.enter(places, at)
	return st
}

// apply moves the state along by one entry. It is the only thing that does.
func (st *State) apply(e Entry) error {
	here := st.here()
	ended := st.Status != InProgress
	if ended != (e.Kind == Reopened) || e.Seq != st.LastSeq+1 || e.At.Before(st.UpdatedAt) ||
		e.NodeID != here.NodeID || e.TreeID != here.TreeID || e.Version != here.Version {
		return fmt.Errorf("tree session log: entry %d (%s at node %q of version %d of tree %s) cannot follow entry %d (%s at node %q of version %d of tree %s)",
			e.Seq, e.Kind, e.NodeID, e.Version, e.TreeID, st.LastSeq, st.Status, here.NodeID, here.Version, here.TreeID)
	}
	switch e.Kind {
	case Answered, Switched, Returned:
		places := st.after(e)
		if len(places) == 0 || places[len(places)-1].NodeID != e.To {
			return fmt.Errorf("tree session log: entry %d leads to node %q, which is not where it says it leads", e.Seq, e.To)
		}
		st.leave(e)
		st.enter(places, e.At)
		st.Values = together(without(st.Values, e.Cleared), e.Values)
	case WentBack:
		target := st.standing(e.Target)
		if e.Target == 0 || target == nil || target.NodeID != e.To {
			return fmt.Errorf("tree session log: entry %d goes back to entry %d, which is no step that stands", e.Seq, e.Target)
		}
		st.undo(e, target)
	case OwnStep:
		st.insert(e)
	case Noted:
		step := st.present()
		if e.Target != 0 {
			step = st.step(e.Target)
		}
		if step == nil {
			return fmt.Errorf("tree session log: entry %d is a note on entry %d, which is no step", e.Seq, e.Target)
		}
		step.Notes = append(step.Notes, StepNote{Seq: e.Seq, Text: e.Note, Output: e.Output, Internal: e.internal(), At: e.At, By: e.By})
	case Finished:
		st.leave(e)
		st.Status, st.Outcome, st.Reason, st.EndedAt = Completed, e.Outcome, e.Reason, e.At
		st.Escalation = nil // nobody has to be called any more
	case GaveUp:
		st.leave(e)
		st.Status, st.Reason, st.EndedAt = Abandoned, e.Reason, e.At
		st.Escalation = nil
	case Reopened:
		// The visit that the end broke off goes on, with its notes. The time in
		// between is nobody's work.
		last := &st.Steps[len(st.Steps)-1]
		*last = Step{Places: last.Places, NodeID: last.NodeID, Notes: last.Notes, EnteredAt: e.At}
		st.Status, st.Outcome, st.Reason, st.EndedAt = InProgress, "", "", time.Time{}
	case HandedOver, Called, CalledOff, Claimed, Hinted:
		if err := st.ask(e); err != nil {
			return err
		}
		// Where the session stands stays. What was said of it is a note.
		if step := st.present(); step != nil && e.Note != "" {
			step.Notes = append(step.Notes, StepNote{Seq: e.Seq, Text: e.Note, Internal: e.internal(), At: e.At, By: e.By})
		}
	case Suggested: // it is no note: a dismissed one would read as advice
	default:
		return fmt.Errorf("tree session log: entry %d is of the unknown kind %q", e.Seq, e.Kind)
	}
	if e.Kind != Reopened {
		st.Active += min(e.At.Sub(st.UpdatedAt), MaxPause)
	}
	st.LastSeq, st.UpdatedAt = e.Seq, e.At
	return nil
}

// after returns the places after an entry that may move the session.
func (st *State) after(e Entry) []Place {
	switch e.Kind {
	case Answered, Switched, Returned:
		if e.Places != nil {
			return e.Places
		}
		places := slices.Clone(st.Places)
		places[len(places)-1].NodeID = e.To
		return places
	case WentBack:
		if target := st.standing(e.Target); target != nil {
			return target.Places
		}
	}
	return st.Places
}

// present returns the visit that lasts, or nil.
func (st *State) present() *Step {
	if n := len(st.Steps); n > 0 && st.Steps[n-1].Seq == 0 {
		return &st.Steps[n-1]
	}
	return nil
}

// leave ends the visit that lasts.
func (st *State) leave(e Entry) {
	step := st.present()
	if step == nil {
		return
	}
	step.end(e)
}

// end writes down how a visit ended.
func (step *Step) end(e Entry) {
	step.Seq, step.End = e.Seq, e.Kind
	step.NodeKind, step.NodeTitle, step.NodeText, step.Links = e.NodeKind, e.NodeTitle, e.NodeText, e.Links
	step.OptionID, step.OptionLabel = e.OptionID, e.OptionLabel
	step.Values, step.Cleared, step.Facts, step.Output = e.Values, e.Cleared, e.Facts, e.Output
	step.LeftAt, step.By = e.At, e.By
	if e.Note != "" {
		step.Notes = append(step.Notes, StepNote{Seq: e.Seq, Text: e.Note, Internal: e.internal(), At: e.At, By: e.By})
	}
}

// enter begins a visit.
func (st *State) enter(places []Place, at time.Time) {
	st.Places, st.CurrentNodeID = places, places[len(places)-1].NodeID
	st.Steps = append(st.Steps, Step{Places: places, NodeID: st.CurrentNodeID, EnteredAt: at})
}

// insert puts a step that is not in the tree before the visit that lasts. It took
// the time since that visit began, which begins anew.
func (st *State) insert(e Entry) {
	own := Step{Own: true, Places: st.Places, NodeID: st.CurrentNodeID, EnteredAt: e.EnteredAt}
	own.end(e)
	last := len(st.Steps) - 1
	st.Steps = append(st.Steps, st.Steps[last])
	st.Steps[last] = own
	st.Steps[last+1].EnteredAt = e.At
}

// undo marks the target and what followed it, and stands where the target was
// taken. A visit in which only steps of one's own are undone lasts on.
func (st *State) undo(e Entry, target *Step) {
	from := slices.IndexFunc(st.Steps, func(s Step) bool { return s.Seq == target.Seq })
	places, undone := target.Places, st.Steps[from:]
	if !slices.ContainsFunc(undone[:len(undone)-1], func(s Step) bool { return !s.Own }) {
		undone = undone[:len(undone)-1]
	} else {
		st.leave(e)
	}
	for i := range undone {
		undone[i].Undone = true
	}
	if st.present() == nil {
		st.enter(places, e.At)
	}
	st.Values = st.Given
	for i := range st.Steps {
		if !st.Steps[i].Undone {
			st.Values = together(without(st.Values, st.Steps[i].Cleared), st.Steps[i].Values)
		}
	}
}
