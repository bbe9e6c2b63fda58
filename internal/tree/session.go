package tree

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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

	MaxOutput = 64 << 10 // of pasted command output, in bytes
	MaxAnswer = 1000     // of a step of one's own

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
	Answered EntryKind = "ANSWER"   // an option was chosen, values were written down, or the one way on was taken
	WentBack EntryKind = "BACK"     // the step Target and all that followed it were undone
	Noted    EntryKind = "NOTE"     // something was written down, about the step Target or the node where the session stood
	Finished EntryKind = "COMPLETE" // the session ended with an outcome
	GaveUp   EntryKind = "ABANDON"  // the session ended without one

	OwnStep  EntryKind = "OWN_STEP" // something was asked or tried that is not in the tree
	Switched EntryKind = "SWITCH"   // the walk went on in another tree, or outside any
	Returned EntryKind = "RETURN"   // it came back from there

	HandedOver EntryKind = "HANDOVER"   // Person has the session from here on
	Reopened   EntryKind = "REOPEN"     // it had ended, and goes on
	Called     EntryKind = "ESCALATE"   // whoever has it asked the team for help
	CalledOff  EntryKind = "TAKE_BACK"  // they need it no longer
	Claimed    EntryKind = "CLAIM"      // Person, who helps, has the session from here on
	Hinted     EntryKind = "HINT"       // a colleague answered without taking the session
	Suggested  EntryKind = "SUGGESTION" // what Person suggested was accepted or dismissed
)

// Step says whether an entry of this kind is a step, which can be gone back to
// and written about.
func (k EntryKind) Step() bool {
	return k == Answered || k == OwnStep || k == Switched || k == Returned
}

// Entry is one line of a session's log. It is written once. It keeps the words
// of the node as they were shown, so that the record stands without the tree.
type Entry struct {
	Seq  int // 1, 2, 3, … within the session
	Kind EntryKind

	TreeID    ID     // where the session stood before the entry; zero outside any tree
	Version   int    // of that tree
	NodeID    NodeID // empty outside any tree
	NodeKind  Kind   // empty outside any tree, and of a step of one's own
	NodeTitle string // with values filled in; of a step of one's own: what was asked or tried
	NodeText  string // with values filled in

	OptionID    OptionID // of an answer; empty where the node has one way on
	OptionLabel string   // with values filled in; of a step of one's own: the answer, or what came of it; of a switch and a return: the tree's title
	Values      []Value  // of an answer to an input: what was written down
	Links       []Link   // of the node, where the entry ends the visit there
	// Cleared is, of an answer to an input, the names of values that were known and
	// that whoever answered emptied: they are known no more.
	Cleared []string
	Facts   []ClientFact // of the client, as the node showed them
	To      NodeID       // of what moves the session: where it stood afterwards
	// Places is where it stood afterwards, the innermost last. It is nil where
	// only the innermost place's node changed, and of a step back: the log says
	// where that leads.
	Places []Place

	Target int    // of a note and a step back: the step it is about; 0 for a note on the node itself. Of a claim, a hint and taking back: the escalation's entry
	Note   string // of a step and a note: what was written down; of a hint and a suggestion: its text
	Output string // of a step and a note: what a command put out, verbatim
	// Internal says that what was written down is for colleagues alone: of a step
	// the note, of a note all of it. What is said with a handover, an escalation, a
	// hint and a suggestion always is.
	Internal bool
	Outcome  Outcome      // of a completion
	Reason   string       // of a completion and an abandonment, where it may be empty if a solution was reached; of an escalation: where they are stuck
	Person   account.User // of a handover and a claim: who has the session from here on; of a suggestion: whose it was

	Urgency   Urgency // of an escalation
	KeepsOpen bool    // of a hint: the escalation goes on
	Accepted  bool    // of a suggestion: else it was dismissed

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
	Version *Version // where the walk began; its graph is nil unless asked for; nil if there is no tree or it was not asked for
	// Versions is what a change may need the graphs of: what the walk goes through
	// and leads to. A change that needs another one says so by an error and can be
	// made again with it. It is nil unless the session was read to be changed.
	Versions Versions

	Starter account.User // who began it; the id is always there
	Holder  account.User // who has it now, and alone may walk it; the id is always there

	Ticket  string // the reference in the ticket system; may be empty
	Client  string // whose fault it is: the record's name, or what was typed; may be empty
	Subject string // may be empty

	Scratchpad         string       // free notes beside the walk, no part of the record; empty unless asked for
	ScratchpadRevision int          // rises with every change; 0 before the first, and unless asked for
	Shares             []Share      // open links first, at most MaxListedShares; nil unless asked for
	ClientID           ClientID     // of the client's record; zero where there is none
	Facts              []ClientFact // of the client, as nodes show them; those of the end once it ended
	Record             *Client      // of the client; nil where there is none, and unless asked for

	StartedAt time.Time
	// CurrentTitle is the title of the node where it stands, or stood when it ended,
	// as it is shown; empty outside any tree.
	CurrentTitle string
	State
	// People are those whom the log names beside the starter, and who suggested
	// something: they had a part in it and may go on reading. In the order in which
	// they came.
	People []account.UserID
	// Suggestions are open, the earliest first. SuggestionCount is the number of the
	// latest one that was made.
	Suggestions     []Suggestion
	SuggestionCount int

	CurrentNode *Node   // the node with the id CurrentNodeID, as its author wrote it: see Shown; nil unless asked for, and outside any tree
	Log         []Entry // in order of Seq; nil unless asked for
}

// State is where a session stands. All of it follows from the log.
type State struct {
	Status        SessionStatus
	Outcome       Outcome   // empty unless completed
	Reason        string    // why it ended before a solution
	EndedAt       time.Time // zero while in progress
	LastSeq       int       // of the latest entry; 0 at the start. What clients send as the expected step
	CurrentNodeID NodeID    // where it stands, or stood when it ended; empty outside any tree
	// Places is in which tree it stands, and through which it came there: the
	// innermost last. There is always one; CurrentNodeID is the last one's node.
	Places []Place
	// Given is what it was started with, before the first entry.
	Given []Value
	// Values is what is known: what it was started with and what was written down, as
	// the steps that stand have it. Each name is there once, in the order in which
	// they came up.
	Values    []Value
	UpdatedAt time.Time // of the latest entry, or of the start
	// Active is the time between the entries, of each pause at most MaxPause.
	// Read without the log it is right to the second below.
	Active time.Duration
	// Escalation is the open one; nil if nobody is asked for help.
	Escalation *Escalation

	Steps []Step // every visit in order, the present one last; nil unless the log was asked for
}

// Step is one visit to a node, or a step that somebody took on their own. A
// session without entries has one, to the node where it began. Outside any tree
// there is a visit too, to no node.
type Step struct {
	Seq int       // of the entry that ended the visit; 0 while it lasts
	End EntryKind // the kind of that entry; empty while it lasts
	// Own marks what is not in the tree: the title is what was asked or tried, the
	// option's label the answer or what came of it. Its node is where the session
	// stood, and stayed.
	Own bool

	Places    []Place // where the visit was, the innermost last: the tree, its version and title are the last one's
	NodeID    NodeID
	NodeKind  Kind // kind, title and text are empty while the visit lasts
	NodeTitle string
	NodeText  string
	Links     []Link // of the node; of steps taken before they were kept, none

	OptionID    OptionID // of an answer
	OptionLabel string
	Values      []Value      // of an answer to an input
	Cleared     []string     // of an answer to an input: values that it emptied
	Facts       []ClientFact // of the client, as the node showed them
	Output      string       // that was given with the answer; notes have their own
	Notes       []StepNote   // in order

	EnteredAt time.Time
	LeftAt    time.Time    // zero while the visit lasts
	By        account.User // who ended the visit; zero while it lasts
	Undone    bool         // somebody went back to here or to an earlier step
}

// StepNote is something that was written down about a step.
type StepNote struct {
	Seq      int    // of the entry
	Text     string // empty where it is output alone
	Output   string // what a command put out, verbatim; may be empty
	Internal bool   // it is for colleagues alone
	At       time.Time
	By       account.User
}

// Choice answers the node where a troubleshooting session stands.
type Choice struct {
	Option   OptionID     // empty where the node has one way on
	Values   []GivenValue // of an input
	Note     string       // may be empty
	Output   string       // of a command; may be empty
	Internal bool         `json:",omitempty"` // the note is for colleagues alone; the output is not
}

// GivenValue is a value as somebody typed it.
type GivenValue struct {
	Name string // of a field
	Text string
}

// Completion ends a troubleshooting session with an outcome. At a solution both
// may be empty: the outcome is the solution's. Before one, both are needed.
type Completion struct {
	Outcome Outcome // at a solution: empty, or the solution's own
	Reason  string  // at a solution: empty
}

// NewWalk returns a session at the root of a version, whose graph has to be
// there, or, without a version, outside any tree. The others are versions that
// subtrees lead to.
func NewWalk(id SessionID, v *Version, others Versions, starter account.User, now time.Time) (*Session, error) {
	s := &Session{AccountID: starter.AccountID, ID: id, Starter: starter, Holder: starter, StartedAt: now, Versions: Versions{}}
	maps.Copy(s.Versions, others)
	places := []Place{{Why: Began}}
	if v != nil {
		s.TreeID, s.Version = v.TreeID, v
		s.Versions[v.ref()] = v
		var err error
		if places, err = s.Versions.enter([]Place{v.place(Began)}); err != nil {
			return nil, fmt.Errorf("start tree session %s: %w", id, err)
		}
	}
	s.State = begin(places, nil, now)
	node, err := s.Versions.node(s.here())
	s.CurrentNode = node
	s.nameCurrent()
	return s, err
}

// Choose answers the present node: with an option, with the values of an input,
// or by going on where there is one way. From a solution that continues, it
// leads back to the tree that the walk came from. What another node asks for is
// BadUserInput, as are values that the fields do not take, all of them at once,
// and a choice at a solution that ends. It needs the log and the versions, as all
// transitions do. Each of them appends one entry or none: a stale expectedStep or
// a session that ended is a Conflict that carries currentStep, currentNodeId and
// status; anybody but who has the session is Forbidden.
func (s *Session) Choose(actor account.Actor, expectedStep int, c Choice, now time.Time) (Entry, error) {
	note, err := cleanText("input.note", c.Note, MaxNote)
	if err != nil {
		return Entry{}, err
	}
	output, err := s.cleanOutput("input.output", c.Output)
	if err != nil {
		return Entry{}, err
	}
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	node := s.Shown()
	if node == nil {
		return Entry{}, fault.Input("input.optionId", "The session is outside any tree. Add a step of your own, switch to a tree, or complete it.")
	}
	e := s.entry(Answered, actor, now)
	e.Note, e.Output, e.Internal = note, output, c.Internal && note != ""
	if e.Values, e.Cleared, err = node.take(c.Values, s.Values); err != nil {
		return Entry{}, err
	}
	option := node.Option(c.Option)
	switch {
	case c.Option != "" && option == nil && len(node.Options) == 0:
		return Entry{}, fault.Input("input.optionId", "This node has no options. Leave the option out.")
	case c.Option != "" && option == nil:
		return Entry{}, fault.Input("input.optionId", "This node has no such option. Choose one of its options.")
	case node.Kind == Solution && (!node.Continue || s.here().Why != WentThrough):
		return Entry{}, fault.Input("input.optionId", "This is a solution: there is no way on. Complete the session or go back.")
	case option == nil && len(node.Options) > 0:
		return Entry{}, fault.Input("input.optionId", "Choose one of the options of this node.")
	}
	places := slices.Clone(s.Places)
	values := together(without(s.Values, e.Cleared), e.Values)
	switch {
	case node.Kind == Solution:
		if places, err = s.Versions.goOn(places, values); err != nil {
			return Entry{}, err
		}
	case option != nil:
		e.OptionID, e.OptionLabel = option.ID, option.Label
		places[len(places)-1].NodeID = option.Target
	default:
		places[len(places)-1].NodeID = node.after(values)
	}
	return s.move(e, places)
}

// GoBack undoes the step with the seq toStep and all that followed it, so that
// the session stands where that step was taken, in whichever tree. With 0 it
// undoes the latest step that stands. What is undone stays in the log. A step
// that is not there, or undone already, is BadUserInput. For the rest see Choose.
func (s *Session) GoBack(actor account.Actor, expectedStep, toStep int, now time.Time) (Entry, error) {
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	step := s.standing(toStep)
	switch {
	case step == nil && toStep == 0:
		return Entry{}, fault.Input("input.toStep", "This is the first step: there is nothing to go back to.")
	case step == nil:
		return Entry{}, fault.Input("input.toStep", "There is no step %d to go back to. Choose a step that was taken and not undone.", toStep)
	}
	e := s.entry(WentBack, actor, now)
	e.Target, e.To = step.Seq, step.NodeID
	return e, s.append(e)
}

// Note is something to be written down about a step. Text and output may not
// both be empty.
type Note struct {
	OnStep   int // the seq of a step, undone or not; 0 for the node where the session stands
	Text     string
	Output   string // what a command put out, kept as it is
	Internal bool   `json:",omitempty"` // both are for colleagues alone
}

// AddNote writes something down about the node where the session stands or about
// an earlier step. A seq that is no step's is BadUserInput, as is nothing to
// write. For the rest see Choose.
func (s *Session) AddNote(actor account.Actor, expectedStep int, n Note, now time.Time) (Entry, error) {
	text, err := cleanText("input.text", n.Text, MaxNote)
	if err != nil {
		return Entry{}, err
	}
	output, err := s.cleanOutput("input.output", n.Output)
	if err != nil {
		return Entry{}, err
	}
	if text == "" && output == "" {
		return Entry{}, fault.Input("input.text", "Write the note's text.")
	}
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	if n.OnStep != 0 && s.step(n.OnStep) == nil {
		return Entry{}, fault.Input("input.onStep", "There is no step %d. Leave it out to write about the present one.", n.OnStep)
	}
	e := s.entry(Noted, actor, now)
	e.Target, e.Note, e.Output, e.Internal = n.OnStep, text, output, n.Internal
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
	e := s.entry(Finished, actor, now)
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
	e := s.entry(GaveUp, actor, now)
	e.Reason = reason
	return e, s.append(e)
}

// Taken returns the steps that are over, in order: those that were taken, and
// the last one of a session that ended. Undone ones come only if asked for. Of
// the visits that nobody answered only those count at which something was
// written, and, at the end, the one to the node where the session ended.
func (s *Session) Taken(includeUndone bool) []Step {
	var taken []Step
	for _, step := range s.Steps {
		said := step.End.Step() || len(step.Notes) > 0
		switch {
		case step.Seq == 0:
		case step.Undone && (!includeUndone || !said):
		case step.NodeID == "" && !said: // the end of a session outside any tree
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

// Shown returns the node where the session stands as its people see it, with
// values filled in; nil outside any tree, and where it was not read.
func (s *Session) Shown() *Node {
	if s.CurrentNode == nil {
		return nil
	}
	shown := s.CurrentNode.Fill(s.value)
	return &shown
}

// value returns what stands for a name in the texts of nodes; empty where nothing
// is known.
func (s *Session) value(name string) string {
	if fact, ok := strings.CutPrefix(name, clientPrefix); ok {
		return s.fact(fact)
	}
	for i := range s.Values {
		if s.Values[i].Name == name {
			return s.Values[i].Text
		}
	}
	return ""
}

// fact returns what is known of the session's client; empty where nothing is.
func (s *Session) fact(name string) string {
	if name == nameFact {
		return s.Client
	}
	for _, f := range s.Facts {
		if f.Name == name {
			return f.Text
		}
	}
	return ""
}

// shownFacts returns the facts of the client that a node shows, in the order of
// their names.
func (s *Session) shownFacts(n *Node) []ClientFact {
	var facts []ClientFact
	n.filled(func(_, text string) {
		placeholders(text, func(name string) {
			name, ok := strings.CutPrefix(name, clientPrefix)
			text := s.fact(name)
			if ok && text != "" && !slices.ContainsFunc(facts, func(f ClientFact) bool { return f.Name == name }) {
				facts = append(facts, ClientFact{name, text})
			}
		})
	})
	slices.SortFunc(facts, func(a, b ClientFact) int { return strings.Compare(a.Name, b.Name) })
	return facts
}

// setClient makes the session one for a client that has a record.
func (s *Session) setClient(c *Client) {
	s.ClientID, s.Client, s.Facts, s.Record = c.ID, c.Name, c.Facts, c
}

// Give sets what is known from the start, such as values that come with a ticket.
// It is for a session without entries. A value whose field the session's tree asks
// for is kept in the form in which the field keeps it, any other one as text; empty
// ones are left out. All that is wrong comes back at once, as BadUserInput faults
// joined together.
func (s *Session) Give(given []GivenValue) error {
	var graph *Graph
	if s.Version != nil {
		graph = s.Version.Graph
	}
	values, err := graph.known("input.values", given)
	if err != nil {
		return err
	}
	s.Given, s.Values = values, values
	s.nameCurrent()
	return nil
}

// heldBy says whether the actor has the session.
func (s *Session) heldBy(actor account.Actor) bool {
	return actor.AccountID == s.AccountID && actor.UserID == s.Holder.ID
}

// mayDirect says whether the actor may say who has the session and whether it
// goes on: whoever has it, admins and owners.
func (s *Session) mayDirect(actor account.Actor) bool {
	return s.heldBy(actor) || actor.AccountID == s.AccountID && actor.Role.AtLeast(account.Admin)
}

// mayRecord says whether the actor may append an entry to what they saw.
func (s *Session) mayRecord(actor account.Actor, expectedStep int, ending bool) error {
	if !s.heldBy(actor) {
		return fault.New(fault.Forbidden, "Somebody else has this session. Only they can go on with it.")
	}
	return s.expect(expectedStep, ending)
}

// expect says whether a session that goes on is where the client saw it. An
// entry that ends it finds room in a full log too.
func (s *Session) expect(expectedStep int, ending bool) error {
	switch {
	case s.Status == Completed:
		return s.conflict("This session is already completed. Start a new one.")
	case s.Status == Abandoned:
		return s.conflict("This session was abandoned. Start a new one.")
	case expectedStep != s.LastSeq:
		return s.conflict("The session has moved on since you saw it. Look at where it stands now, then try again.")
	case s.LastSeq >= MaxEntries && !ending:
		return s.conflict("This session has %d entries, the most that one can have. Complete it and start a new one for the rest.", MaxEntries)
	}
	return nil
}

// conflict returns a Conflict that carries where the session stands.
func (s *Session) conflict(format string, args ...any) *fault.Fault {
	return fault.New(fault.Conflict, format, args...).
		With("currentStep", s.LastSeq).With("currentNodeId", string(s.CurrentNodeID)).With("status", string(s.Status))
}

// entry returns an entry about the node where the session stands. The log's
// times never run backwards, whatever the clock does.
func (s *Session) entry(kind EntryKind, actor account.Actor, now time.Time) Entry {
	if now.Before(s.UpdatedAt) {
		now = s.UpdatedAt
	}
	here := s.here()
	e := Entry{
		Seq: s.LastSeq + 1, Kind: kind, TreeID: here.TreeID, Version: here.Version, NodeID: here.NodeID,
		EnteredAt: s.StartedAt, At: now, By: s.person(actor),
	}
	if n := len(s.Steps); n > 0 {
		e.EnteredAt = s.Steps[n-1].EnteredAt
	}
	if node := s.Shown(); node != nil {
		e.NodeKind, e.NodeTitle, e.NodeText = node.Kind, node.Title, node.Text
		switch kind {
		case Answered, WentBack, Switched, Returned, Finished, GaveUp: // it ends the visit
			e.Links = node.Links
		}
		e.Facts = s.shownFacts(s.CurrentNode)
	}
	return e
}

// internal says whether what was written down is for colleagues alone. What is
// said to somebody who takes the session over is, and what is said between those
// who are stuck and those who help: it is no word to the client.
func (e *Entry) internal() bool {
	switch e.Kind {
	case HandedOver, Called, Hinted, Suggested:
		return true
	}
	return e.Internal
}

// person returns the actor as a user; of somebody who neither has the session nor
// began it only the id.
func (s *Session) person(actor account.Actor) account.User {
	for _, user := range []account.User{s.Holder, s.Starter} {
		if user.ID == actor.UserID {
			return user
		}
	}
	return account.User{AccountID: actor.AccountID, ID: actor.UserID}
}

// move appends an entry that leads to places, and on through the subtrees there.
func (s *Session) move(e Entry, places []Place) (Entry, error) {
	places, err := s.Versions.enter(places)
	if err != nil {
		return Entry{}, err
	}
	here := places[len(places)-1]
	e.To = here.NodeID
	stayed := slices.Clone(s.Places)
	stayed[len(stayed)-1].NodeID = e.To
	if !slices.Equal(stayed, places) {
		e.Places = places
	}
	return e, s.append(e)
}

// append adds an entry to the log and moves the state along.
func (s *Session) append(e Entry) error {
	node := s.CurrentNode
	if places := s.after(e); !slices.Equal(places, s.Places) {
		var err error
		if node, err = s.Versions.node(places[len(places)-1]); err != nil {
			return fmt.Errorf("tree session %s: %w", s.ID, err)
		}
	}
	if err := s.apply(e); err != nil {
		return err
	}
	s.Log = append(s.Log, e)
	s.CurrentNode = node
	s.nameCurrent()
	if e.Kind == HandedOver || e.Kind == Claimed {
		s.Holder = e.Person
	}
	s.join(e.By.ID, e.Person.ID)
	return nil
}

// nameCurrent sets the current title to that of the current node as it is shown.
func (s *Session) nameCurrent() {
	s.CurrentTitle = ""
	if node := s.Shown(); node != nil {
		s.CurrentTitle = node.Title
	}
}

// standing returns the step with that seq if it is not undone; with 0 the latest
// such step; nil if there is none.
func (st *State) standing(seq int) *Step {
	for i := len(st.Steps) - 1; i >= 0; i-- {
		step := &st.Steps[i]
		if step.End.Step() && !step.Undone && (seq == 0 || step.Seq == seq) {
			return step
		}
	}
	return nil
}

// step returns the step with that seq, undone or not, or nil.
func (st *State) step(seq int) *Step {
	for i := range st.Steps {
		if st.Steps[i].Seq == seq && st.Steps[i].End.Step() {
			return &st.Steps[i]
		}
	}
	return nil
}
