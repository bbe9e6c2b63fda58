package tree

import (
	"fmt"
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// MaxHint bounds the text of a hint, in characters.
const MaxHint = MaxNote

// Urgency says how soon help is needed.
type Urgency string

// The urgencies, the most urgent last.
const (
	LowUrgency      Urgency = "LOW"      // today
	NormalUrgency   Urgency = "NORMAL"   // when somebody is free
	HighUrgency     Urgency = "HIGH"     // somebody waits
	CriticalUrgency Urgency = "CRITICAL" // many cannot work
)

// Urgencies lists the urgencies, the most urgent first.
func Urgencies() []Urgency {
	return []Urgency{CriticalUrgency, HighUrgency, NormalUrgency, LowUrgency}
}

// Valid says whether u is one of the urgencies.
func (u Urgency) Valid() bool { return slices.Contains(Urgencies(), u) }

// Escalation is a request to the team for help. A session has one open at most;
// whoever has the session made it, and goes on walking meanwhile. It ends when
// somebody claims the session or answers, when it is taken back, and with what
// makes it idle: the session is handed over, completed or given up.
type Escalation struct {
	Seq     int // of the entry: with the session it names the escalation
	Urgency Urgency
	Reason  string
	At      time.Time
	By      account.User // who asks
}

// ask opens or ends the escalation by an entry that moves nothing.
func (st *State) ask(e Entry) error {
	open := 0
	if st.Escalation != nil {
		open = st.Escalation.Seq
	}
	switch {
	case e.Kind == Called && open == 0:
		st.Escalation = &Escalation{Seq: e.Seq, Urgency: e.Urgency, Reason: e.Reason, At: e.At, By: e.By}
	case e.Kind == HandedOver, e.Kind != Called && open > 0 && e.Target == open:
		if !e.KeepsOpen {
			st.Escalation = nil
		}
	default:
		return fmt.Errorf("tree session log: entry %d (%s, about entry %d) cannot stand where the open escalation is entry %d", e.Seq, e.Kind, e.Target, open)
	}
	return nil
}

// Escalate asks the team for help. Whoever has the session may, and keeps it. An
// urgency that is none and a reason that is empty or too long are BadUserInput; a
// session that asks already is a Conflict. For the rest see Choose.
func (s *Session) Escalate(actor account.Actor, expectedStep int, urgency Urgency, reason string, now time.Time) (Entry, error) {
	reason, err := cleanText("input.reason", reason, MaxReason)
	switch {
	case err != nil:
		return Entry{}, err
	case reason == "":
		return Entry{}, fault.Input("input.reason", "Say in a sentence where you are stuck.")
	case !urgency.Valid():
		return Entry{}, fault.Input("input.urgency", "There is no urgency %q. Use LOW, NORMAL, HIGH or CRITICAL.", urgency)
	}
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	if s.Escalation != nil {
		return Entry{}, s.conflict("The team is asked for help already. Take that back to ask anew.").With("escalationStep", s.Escalation.Seq)
	}
	e := s.entry(Called, actor, now)
	e.Urgency, e.Reason = urgency, reason
	return e, s.append(e)
}

// Claim gives the session to the helper, who is an active engineer or above. Of
// several who claim one escalation the first wins; the others get a Conflict that
// says who has the session. So does whoever has it.
func (s *Session) Claim(helper account.User, escalation int, now time.Time) (Entry, error) {
	if err := s.mayHelp(helper, escalation, "You asked for this help yourself. Somebody else has to claim the session."); err != nil {
		return Entry{}, err
	}
	e := s.help(Claimed, helper, now)
	e.Person = helper
	return e, s.append(e)
}

// Answer writes a hint down for whoever asked, who keeps the session. The
// escalation ends by it unless keepOpen says otherwise: the hint may be all that
// is needed, and who asked can ask again. A hint that is empty or too long is
// BadUserInput. For the rest see Claim.
func (s *Session) Answer(helper account.User, escalation int, hint string, keepOpen bool, now time.Time) (Entry, error) {
	hint, err := cleanText("input.hint", hint, MaxHint)
	switch {
	case err != nil:
		return Entry{}, err
	case hint == "":
		return Entry{}, fault.Input("input.hint", "Write the hint.")
	}
	if err := s.mayHelp(helper, escalation, "You asked for this help yourself. Add a note instead."); err != nil {
		return Entry{}, err
	}
	if keepOpen && s.LastSeq >= MaxEntries {
		return Entry{}, s.conflict("This session has %d entries, the most that one can have. Claim it, or let the hint end the escalation.", MaxEntries)
	}
	e := s.help(Hinted, helper, now)
	e.Note, e.KeepsOpen = hint, keepOpen
	return e, s.append(e)
}

// TakeBack ends the escalation: help is needed no longer. Whoever asked may, and
// admins and owners; others get Forbidden. For the conflicts see Claim.
func (s *Session) TakeBack(actor account.Actor, escalation int, now time.Time) (Entry, error) {
	if !s.mayDirect(actor) {
		return Entry{}, fault.New(fault.Forbidden, "Somebody else asked for this help. Only they, admins and owners can take that back.")
	}
	if err := s.asks(escalation); err != nil {
		return Entry{}, err
	}
	e := s.entry(CalledOff, actor, now)
	e.Target = escalation
	return e, s.append(e)
}

// mayHelp says whether the escalation is open and the helper may end it.
func (s *Session) mayHelp(helper account.User, escalation int, own string) error {
	if err := s.asks(escalation); err != nil {
		return err
	}
	switch {
	case helper.AccountID != s.AccountID:
		return fault.Missing("troubleshooting session")
	case helper.ID == s.Holder.ID:
		return s.conflict("%s", own).With("heldBy", s.Holder.Name).With("heldById", s.Holder.ID.String())
	case !helper.Role.AtLeast(account.Engineer) || !helper.DisabledAt.IsZero():
		return fault.New(fault.Forbidden, "Only active engineers, admins and owners can help with a session.")
	}
	return nil
}

// help returns an entry about the open escalation.
func (s *Session) help(kind EntryKind, helper account.User, now time.Time) Entry {
	e := s.entry(kind, account.Actor{AccountID: helper.AccountID, UserID: helper.ID, Role: helper.Role}, now)
	e.By, e.Target = helper, s.Escalation.Seq
	return e
}

// asks returns a Conflict unless the escalation with that seq is open. It says
// who has the session and how the escalation ended.
func (s *Session) asks(escalation int) error {
	if s.Escalation != nil && s.Escalation.Seq == escalation {
		return nil
	}
	lost := func(format string, args ...any) *fault.Fault {
		return s.conflict(format, args...).With("heldBy", s.Holder.Name).With("heldById", s.Holder.ID.String())
	}
	end := s.escalationEnd(escalation)
	if end == nil {
		return lost("There is no open escalation %d. Look at where the session stands now.", escalation)
	}
	conflict := map[EntryKind]string{
		Claimed:    "%s has claimed this session.",
		Hinted:     "%s has answered this escalation.",
		CalledOff:  "%s has taken this escalation back.",
		HandedOver: "%s has handed this session over.",
		Finished:   "%s has completed this session.",
		GaveUp:     "%s has given this session up.",
	}[end.Kind]
	return lost(conflict, end.By.Name).With("escalationEnd", string(end.Kind)).With("endedBy", end.By.Name)
}

// escalationEnd returns the entry that ended the escalation with that seq; nil
// while it is open, and if there was none.
func (s *Session) escalationEnd(escalation int) *Entry {
	if !s.asked(escalation) {
		return nil
	}
	for i := escalation; i < len(s.Log); i++ {
		switch e := &s.Log[i]; e.Kind {
		case Claimed, CalledOff, HandedOver, Finished, GaveUp:
			return e
		case Hinted:
			if !e.KeepsOpen {
				return e
			}
		}
	}
	return nil
}

// asked says whether the entry with that seq was an escalation.
func (s *Session) asked(escalation int) bool {
	return escalation > 0 && escalation <= len(s.Log) && s.Log[escalation-1].Kind == Called
}

// join adds people to those who had a part in the session. Who began it is not
// listed: they may read it anyway.
func (s *Session) join(people ...account.UserID) {
	for _, id := range people {
		if !id.IsZero() && id != s.Starter.ID && !slices.Contains(s.People, id) {
			s.People = append(slices.Clip(s.People), id)
		}
	}
}

// Hints returns what was answered to the escalation with that seq, in order. It
// needs the log.
func (s *Session) Hints(escalation int) []StepNote {
	var hints []StepNote
	for i := range s.Log {
		if e := &s.Log[i]; e.Kind == Hinted && e.Target == escalation {
			hints = append(hints, StepNote{Seq: e.Seq, Text: e.Note, At: e.At, By: e.By})
		}
	}
	return hints
}

// Happened returns the entries that are neither steps nor about one: help was
// asked for and given, the session changed hands, ended and went on.
func (s *Session) Happened() []Entry {
	var events []Entry
	for i := range s.Log {
		switch e := s.Log[i]; e.Kind {
		case HandedOver, Called, CalledOff, Claimed, Hinted, Suggested, Reopened:
			events = append(events, e)
		case Finished, GaveUp:
			if i < len(s.Log)-1 { // it was reopened
				events = append(events, e)
			}
		}
	}
	return events
}

// Tried returns what was asked and done on the way to where the session stands,
// in order, steps of one's own included: what a helper asks first. It needs the log.
func (s *Session) Tried() []Step {
	var tried []Step
	for i := range s.Steps {
		if step := &s.Steps[i]; !step.Undone && (step.End == Answered || step.End == OwnStep) {
			tried = append(tried, *step)
		}
	}
	return tried
}

// RuledOut returns what turned out not to be it, in order: answers, and solutions
// that were reached, from which somebody went back and which do not stand
// otherwise. Values that were corrected are none. It needs the log.
func (s *Session) RuledOut() []Step {
	seen := map[finding]bool{}
	for _, step := range s.Tried() {
		seen[findingOf(&step)] = true
	}
	seen[finding{tree: s.here().TreeID, node: s.CurrentNodeID, solution: true}] = true
	var out []Step
	for i := range s.Steps {
		step := &s.Steps[i]
		said := step.End == OwnStep || step.End == Answered && step.NodeKind != Input || step.End == WentBack && step.NodeKind == Solution
		if !step.Undone || !said || seen[findingOf(step)] {
			continue
		}
		seen[findingOf(step)] = true
		out = append(out, *step)
	}
	return out
}

// finding is what tells two steps apart that say something else.
type finding struct {
	tree          ID
	node          NodeID
	solution      bool
	title, answer string
}

func findingOf(step *Step) finding {
	f := finding{node: step.NodeID, solution: step.End == WentBack, answer: string(step.OptionID)}
	if n := len(step.Places); n > 0 {
		f.tree = step.Places[n-1].TreeID
	}
	if step.Own {
		f.node, f.title, f.answer = "", step.NodeTitle, step.OptionLabel
	}
	return f
}
