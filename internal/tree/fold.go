package tree

import (
	"fmt"
	"time"
)

// Fold works out where a session stands from the node where it began, when, and
// its log. A log that no session can have is an error for the operator.
func Fold(root NodeID, startedAt time.Time, log []Entry) (State, error) {
	st := begin(root, startedAt)
	for i := range log {
		if err := st.apply(log[i]); err != nil {
			return State{}, err
		}
	}
	return st, nil
}

// begin is the state of a session without entries.
func begin(root NodeID, at time.Time) State {
	st := State{Status: InProgress, CurrentNodeID: root, UpdatedAt: at}
	if root != "" {
		st.Steps = []Step{{NodeID: root, EnteredAt: at}}
	}
	return st
}

// apply moves the state along by one entry. It is the only thing that does.
func (st *State) apply(e Entry) error {
	if st.Status != InProgress || e.Seq != st.LastSeq+1 || e.NodeID != st.CurrentNodeID || e.At.Before(st.UpdatedAt) {
		return fmt.Errorf("tree session log: entry %d (%s at node %q) cannot follow entry %d (%s at node %q)",
			e.Seq, e.Kind, e.NodeID, st.LastSeq, st.Status, st.CurrentNodeID)
	}
	switch e.Kind {
	case Answered:
		st.leave(e)
		st.enter(e.To, e.At)
	case WentBack:
		if target := st.standing(e.Target); e.Target == 0 || target == nil || target.NodeID != e.To {
			return fmt.Errorf("tree session log: entry %d goes back to entry %d, which is no answer that stands", e.Seq, e.Target)
		}
		st.leave(e)
		for i := len(st.Steps) - 1; i >= 0; i-- {
			st.Steps[i].Undone = true
			if st.Steps[i].Seq == e.Target {
				break
			}
		}
		st.enter(e.To, e.At)
	case Noted:
		step := st.present()
		if e.Target != 0 {
			step = st.answer(e.Target)
		}
		if step == nil {
			return fmt.Errorf("tree session log: entry %d is a note on entry %d, which is no answer", e.Seq, e.Target)
		}
		step.Notes = append(step.Notes, StepNote{Seq: e.Seq, Text: e.Note, At: e.At, By: e.By})
	case Finished:
		st.leave(e)
		st.Status, st.Outcome, st.Reason, st.EndedAt = Completed, e.Outcome, e.Reason, e.At
	case GaveUp:
		st.leave(e)
		st.Status, st.Reason, st.EndedAt = Abandoned, e.Reason, e.At
	default:
		return fmt.Errorf("tree session log: entry %d is of the unknown kind %q", e.Seq, e.Kind)
	}
	st.Active += min(e.At.Sub(st.UpdatedAt), MaxPause)
	st.LastSeq, st.UpdatedAt = e.Seq, e.At
	return nil
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
	step.Seq, step.End = e.Seq, e.Kind
	step.NodeKind, step.NodeTitle, step.NodeText = e.NodeKind, e.NodeTitle, e.NodeText
	step.OptionID, step.OptionLabel = e.OptionID, e.OptionLabel
	step.LeftAt, step.By = e.At, e.By
	if e.Note != "" {
		step.Notes = append(step.Notes, StepNote{Seq: e.Seq, Text: e.Note, At: e.At, By: e.By})
	}
}

// enter begins a visit.
func (st *State) enter(id NodeID, at time.Time) {
	st.CurrentNodeID = id
	st.Steps = append(st.Steps, Step{NodeID: id, EnteredAt: at})
}
