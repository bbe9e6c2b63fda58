package tree

import (
	"fmt"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Bounds of what people say in a troubleshooting session, in characters.
const (
	MaxNote    = 10_000
	MaxReason  = 1000
	MaxTicket  = 200
	MaxClient  = 200
	MaxSubject = 200
	MaxKey     = 64 // of an idempotency key

	// MaxEntries bounds a session's log. The longest way through the deepest
	// tree takes MaxDepth entries; the rest is for notes and going back.
	MaxEntries = 2000
)

// MaxPause is the longest time between two entries that counts as work. Of a
// longer pause this much counts: people are called away in the middle of a call.
const MaxPause = 30 * time.Minute

// SessionStatus says where a troubleshooting session stands.
type SessionStatus string

// The statuses of a troubleshooting session.
const (
	InProgress SessionStatus = "IN_PROGRESS"
	Completed  SessionStatus = "COMPLETED" // it has an outcome
	Abandoned  SessionStatus = "ABANDONED" // it ended without one
)

// Valid says whether s is one of the statuses.
func (s SessionStatus) Valid() bool { return s == InProgress || s == Completed || s == Abandoned }

// EntryKind says what an entry of the log records.
type EntryKind string

// The kinds of entries.
const (
	Answered EntryKind = "ANSWER"   // an option was chosen, or an action without options was done
	WentBack EntryKind = "BACK"     // the answer Target and all that followed it were undone
	Noted    EntryKind = "NOTE"     // something was written down, about the answer Target or the node where the session stood
	Finished EntryKind = "COMPLETE" // the session ended with an outcome
	GaveUp   EntryKind = "ABANDON"  // the session ended without one
)

// Entry is one line of a session's log. It is written once. It keeps the words
// of the node as they were shown, so that the record stands without the tree.
type Entry struct {
	Seq  int // 1, 2, 3, … within the session
	Kind EntryKind

	NodeID    NodeID // where the session stood before the entry
	NodeKind  Kind
	NodeTitle string
	NodeText  string

	OptionID    OptionID // of an answer; empty where the node has one way on
	OptionLabel string
	To          NodeID // of an answer and of a step back: where the session stood afterwards

	Target  int     // of a note and a step back: the answer it is about; 0 for a note on the node itself
	Note    string  // of an answer and a note: what was written down
	Outcome Outcome // of a completion
	Reason  string  // of a completion and an abandonment; may be empty where a solution was reached

	EnteredAt time.Time // when the session came to the node
	At        time.Time // when the entry was made
	By        account.User
}

// Session is one walk through a tree by somebody who looks for a fault. Its log
// is the truth; State is the fold of it.
type Session struct {
	AccountID account.ID
	ID        SessionID

	TreeID  ID       // zero for a session that no tree fitted
	Version *Version // what is walked; its graph is nil unless asked for; nil if there is no tree or it was not asked for

	Starter account.User // who began it; the id is always there
	Holder  account.User // who has it now, and alone may walk it; the id is always there

	Ticket  string // the reference in the ticket system; may be empty
	Client  string // whose fault it is, as typed; may be empty
	Subject string // may be empty

	StartedAt time.Time
	// CurrentTitle is the title of the node where it stands, or stood when it ended.
	CurrentTitle string
	State
	CurrentNode *Node   // the node with the id CurrentNodeID; nil unless asked for, and in a session without a tree
	Log         []Entry // in order of Seq; nil unless asked for
}

// State is where a session stands. All of it follows from the log.
type State struct {
	Status        SessionStatus
	Outcome       Outcome   // empty unless completed
	Reason        string    // why it ended before a solution
	EndedAt       time.Time // zero while in progress
	LastSeq       int       // of the latest entry; 0 at the start. What clients send as the expected step
	CurrentNodeID NodeID    // where it stands, or stood when it ended; empty in a session without a tree
	UpdatedAt     time.Time // of the latest entry, or of the start
	// Active is the time between the entries, of each pause at most MaxPause.
	// Read without the log it is right to the second below.
	Active time.Duration

	Steps []Step // every visit in order, the present one last; nil unless the log was asked for
}

// Step is one visit to a node. A session without entries has one, to the root.
type Step struct {
	Seq int       // of the entry that ended the visit; 0 while it lasts
	End EntryKind // the kind of that entry; empty while it lasts

	NodeID    NodeID
	NodeKind  Kind // kind, title and text are empty while the visit lasts
	NodeTitle string
	NodeText  string

	OptionID    OptionID // of an answer
	OptionLabel string
	Notes       []StepNote // in order

	EnteredAt time.Time
	LeftAt    time.Time    // zero while the visit lasts
	By        account.User // who ended the visit; zero while it lasts
	Undone    bool         // somebody went back to here or to an earlier step
}

// StepNote is something that was written down about a step.
type StepNote struct {
	Seq  int // of the entry
	Text string
	At   time.Time
	By   account.User
}

// Choice answers the node where a troubleshooting session stands.
type Choice struct {
	Option OptionID // empty for an action that has one way on
	Note   string   // may be empty
}

// Completion ends a troubleshooting session with an outcome. At a solution both
// may be empty: the outcome is the solution's. Before one, both are needed.
type Completion struct {
	Outcome Outcome // at a solution: empty, or the solution's own
	Reason  string  // at a solution: empty
}

// NewWalk returns a session at the root of a version, whose graph has to be there.
func NewWalk(id SessionID, v *Version, starter account.User, now time.Time) *Session {
	s := &Session{
		AccountID:   v.AccountID,
		ID:          id,
		TreeID:      v.TreeID,
		Version:     v,
		Starter:     starter,
		Holder:      starter,
		StartedAt:   now,
		CurrentNode: v.Graph.Node(v.Graph.Root),
		State:       begin(v.Graph.Root, now),
	}
	s.CurrentTitle = s.CurrentNode.Title
	return s
}

// Choose takes an option of the present node, or the one way on, and moves
// there. An option of another node is BadUserInput, as is a choice at a
// solution. It needs the log and the graph, as all transitions do. Each of them
// appends one entry or none: a stale expectedStep or a session that ended is a
// Conflict that carries currentStep, currentNodeId and status; anybody but who
// has the session is Forbidden.
func (s *Session) Choose(actor account.Actor, expectedStep int, c Choice, now time.Time) (Entry, error) {
	note, err := cleanText("input.note", c.Note, MaxNote)
	if err != nil {
		return Entry{}, err
	}
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	node := s.CurrentNode
	e := s.entry(Answered, now)
	e.Note = note
	switch {
	case node.Kind == Solution:
		return Entry{}, fault.Input("input.optionId", "This is a solution: there is no way on. Complete the session or go back.")
	case c.Option == "" && len(node.Options) > 0:
		return Entry{}, fault.Input("input.optionId", "Choose one of the options of this node.")
	case c.Option == "":
		e.To = node.Next
	default:
		option := node.Option(c.Option)
		if option == nil {
			return Entry{}, fault.Input("input.optionId", "This node has no such option. Choose one of its options.")
		}
		e.OptionID, e.OptionLabel, e.To = option.ID, option.Label, option.Target
	}
	return e, s.append(e)
}

// GoBack undoes the answer with the seq toStep and all that followed it, so that
// the session stands where that answer was given. With 0 it undoes the latest
// answer that stands. What is undone stays in the log. An answer that is not
// there, or undone already, is BadUserInput. For the rest see Choose.
func (s *Session) GoBack(actor account.Actor, expectedStep, toStep int, now time.Time) (Entry, error) {
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	step := s.standing(toStep)
	switch {
	case step == nil && toStep == 0:
		return Entry{}, fault.Input("input.toStep", "This is the first step: there is nothing to go back to.")
	case step == nil:
		return Entry{}, fault.Input("input.toStep", "There is no step %d to go back to. Choose a step that was answered and not undone.", toStep)
	}
	e := s.entry(WentBack, now)
	e.Target, e.To = step.Seq, step.NodeID
	return e, s.append(e)
}

// AddNote writes something down about the node where the session stands, or,
// with the seq of an answer, about that one, undone or not. A seq that is no
// answer's is BadUserInput, as is empty text. For the rest see Choose.
func (s *Session) AddNote(actor account.Actor, expectedStep, onStep int, text string, now time.Time) (Entry, error) {
	text, err := cleanText("input.text", text, MaxNote)
	if err != nil {
		return Entry{}, err
	}
	if text == "" {
		return Entry{}, fault.Input("input.text", "Write the note's text.")
	}
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	if onStep != 0 && s.answer(onStep) == nil {
		return Entry{}, fault.Input("input.onStep", "There is no answered step %d. Leave it out to write about the present one.", onStep)
	}
	e := s.entry(Noted, now)
	e.Target, e.Note = onStep, text
	return e, s.append(e)
}

// Complete ends the session with an outcome: at a solution with the solution's,
// before one with the one given and a reason. Otherwise it is BadUserInput. For
// the rest see Choose.
func (s *Session) Complete(actor account.Actor, expectedStep int, c Completion, now time.Time) (Entry, error) {
	reason, err := cleanText("input.reason", c.Reason, MaxReason)
	if err != nil {
		return Entry{}, err
	}
	if err := s.mayRecord(actor, expectedStep, true); err != nil {
		return Entry{}, err
	}
	e := s.entry(Finished, now)
	e.Outcome, e.Reason = c.Outcome, reason
	if s.CurrentNode != nil && s.CurrentNode.Kind == Solution {
		switch {
		case c.Outcome != "" && c.Outcome != s.CurrentNode.Outcome:
			return Entry{}, fault.Input("input.outcome", "This solution ends the session as %s. Leave the outcome out, or go back.", s.CurrentNode.Outcome)
		case reason != "":
			return Entry{}, fault.Input("input.reason", "A reason is for ending before a solution. Leave it out, or add a note first.")
		}
		e.Outcome = s.CurrentNode.Outcome
		return e, s.append(e)
	}
	switch {
	case !c.Outcome.Valid():
		return Entry{}, fault.Input("input.outcome", "The session is not at a solution. Say how it ended: RESOLVED, ESCALATED or UNRESOLVED.")
	case reason == "":
		return Entry{}, fault.Input("input.reason", "The session is not at a solution. Say in a sentence why it ends here.")
	}
	return e, s.append(e)
}

// Abandon ends the session without an outcome. For its errors see Choose.
func (s *Session) Abandon(actor account.Actor, expectedStep int, reason string, now time.Time) (Entry, error) {
	reason, err := cleanText("input.reason", reason, MaxReason)
	if err != nil {
		return Entry{}, err
	}
	if err := s.mayRecord(actor, expectedStep, true); err != nil {
		return Entry{}, err
	}
	e := s.entry(GaveUp, now)
	e.Reason = reason
	return e, s.append(e)
}

// Taken returns the steps that are over, in order: those that were answered, and
// the last one of a session that ended. Undone ones come only if asked for, and
// of the visits that nobody answered only those with notes.
func (s *Session) Taken(includeUndone bool) []Step {
	var taken []Step
	for _, step := range s.Steps {
		switch {
		case step.Seq == 0:
		case step.Undone && (!includeUndone || step.End != Answered && len(step.Notes) == 0):
		default:
			taken = append(taken, step)
		}
	}
	return taken
}

// CurrentNotes returns the notes on the node where the session stands. There
// are none once it has ended: they are in its last step.
func (s *Session) CurrentNotes() []StepNote {
	if n := len(s.Steps); n > 0 && s.Steps[n-1].Seq == 0 {
		return s.Steps[n-1].Notes
	}
	return nil
}

// Duration returns how long the session took, or takes until now.
func (s *Session) Duration(now time.Time) time.Duration {
	if s.Status != InProgress {
		now = s.EndedAt
	}
	return max(0, now.Sub(s.StartedAt))
}

// mayRecord says whether the actor may append an entry to what they saw. An
// entry that ends the session finds room in a full log too.
func (s *Session) mayRecord(actor account.Actor, expectedStep int, ending bool) error {
	var f *fault.Fault
	switch {
	case actor.AccountID != s.AccountID || actor.UserID != s.Holder.ID:
		return fault.New(fault.Forbidden, "Somebody else has this session. Only they can go on with it.")
	case s.Status == Completed:
		f = fault.New(fault.Conflict, "This session is already completed. Start a new one.")
	case s.Status == Abandoned:
		f = fault.New(fault.Conflict, "This session was abandoned. Start a new one.")
	case expectedStep != s.LastSeq:
		f = fault.New(fault.Conflict, "The session has moved on since you saw it. Look at where it stands now, then try again.")
	case s.LastSeq >= MaxEntries && !ending:
		f = fault.New(fault.Conflict, "This session has %d entries, the most that one can have. Complete it and start a new one for the rest.", MaxEntries)
	default:
		return nil
	}
	return f.With("currentStep", s.LastSeq).With("currentNodeId", string(s.CurrentNodeID)).With("status", string(s.Status))
}

// entry returns an entry about the node where the session stands. The log's
// times never run backwards, whatever the clock does.
func (s *Session) entry(kind EntryKind, now time.Time) Entry {
	if now.Before(s.UpdatedAt) {
		now = s.UpdatedAt
	}
	e := Entry{Seq: s.LastSeq + 1, Kind: kind, NodeID: s.CurrentNodeID, EnteredAt: s.StartedAt, At: now, By: s.Holder}
	if n := len(s.Steps); n > 0 {
		e.EnteredAt = s.Steps[n-1].EnteredAt
	}
	if node := s.CurrentNode; node != nil {
		e.NodeKind, e.NodeTitle, e.NodeText = node.Kind, node.Title, node.Text
	}
	return e
}

// append adds an entry to the log and moves the state along.
func (s *Session) append(e Entry) error {
	node := s.CurrentNode
	if e.To != "" {
		if node = s.Version.Graph.Node(e.To); node == nil {
			return fmt.Errorf("tree session %s: version %d of its tree has no node %q", s.ID, s.Version.Number, e.To) // Validate keeps such a graph from being published
		}
	}
	if err := s.apply(e); err != nil {
		return err
	}
	s.Log = append(s.Log, e)
	if e.To != "" {
		s.CurrentNode, s.CurrentTitle = node, node.Title
	}
	return nil
}

// standing returns the answer with that seq if it is not undone; with 0 the
// latest such answer; nil if there is none.
func (st *State) standing(seq int) *Step {
	for i := len(st.Steps) - 1; i >= 0; i-- {
		step := &st.Steps[i]
		if step.End == Answered && !step.Undone && (seq == 0 || step.Seq == seq) {
			return step
		}
	}
	return nil
}

// answer returns the answer with that seq, undone or not, or nil.
func (st *State) answer(seq int) *Step {
	for i := range st.Steps {
		if st.Steps[i].Seq == seq && st.Steps[i].End == Answered {
			return &st.Steps[i]
		}
	}
	return nil
}
