package tree_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// fixed returns the id that ends in n, of any kind.
func fixed[ID any, P interface {
	*ID
	Scan(src any) error
}](n int,
) ID {
	var id ID
	if err := P(&id).Scan(uuid.MustParse(fmt.Sprintf("01938f5e-0000-7000-8000-%012x", n)).String()); err != nil {
		panic(err)
	}
	return id
}

var (
	emil = account.User{AccountID: fixed[account.ID](1), ID: fixed[account.UserID](2), Name: "Emil Engineer", Role: account.Engineer}
	carl = account.User{AccountID: fixed[account.ID](1), ID: fixed[account.UserID](3), Name: "Carl Colleague", Role: account.Engineer}
)

func actor(u account.User) account.Actor {
	return account.Actor{AccountID: u.AccountID, UserID: u.ID, Role: u.Role}
}

// begin starts a session of Emil's on a graph.
func begin(g tree.Graph) *tree.Session {
	version := &tree.Version{AccountID: emil.AccountID, TreeID: fixed[tree.ID](4), Number: 3, Title: "Lamp is dark", Graph: &g}
	s, err := tree.NewWalk(fixed[tree.SessionID](5), version, nil, emil, nine)
	if err != nil {
		panic(err)
	}
	return s
}

// sameIDs lets cmp compare ids.
var sameIDs = cmp.Options{}

// walker makes entries a minute apart and stops the test at the first refusal.
type walker struct {
	t *testing.T
	*tree.Session
	now time.Time
}

func (w *walker) tick() time.Time {
	w.now = w.now.Add(time.Minute)
	return w.now
}

func (w *walker) must(e tree.Entry, err error) tree.Entry {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *walker) choose(option tree.OptionID, note string) {
	w.t.Helper()
	w.must(w.Choose(actor(emil), w.LastSeq, tree.Choice{Option: option, Note: note}, w.tick()))
}

func (w *walker) back(to int) {
	w.t.Helper()
	w.must(w.GoBack(actor(emil), w.LastSeq, to, w.tick()))
}

func (w *walker) note(on int, text string) {
	w.t.Helper()
	w.must(w.AddNote(actor(emil), w.LastSeq, tree.Note{OnStep: on, Text: text}, w.tick()))
}

func (w *walker) complete(c tree.Completion) {
	w.t.Helper()
	w.must(w.Complete(actor(emil), w.LastSeq, c, w.tick()))
}

func TestSession_GoingBackUndoesAndKeeps(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	w.choose("no", "first")     // 1
	w.choose("still", "second") // 2
	w.choose("", "")            // 3
	w.note(0, "on the lamp")    // 4
	w.back(2)                   // 5
	if w.CurrentNodeID != "plug" || w.CurrentTitle != "Plug the cable in" || w.CurrentNode.ID != "plug" {
		t.Errorf("it stands at %s, %q", w.CurrentNodeID, w.CurrentTitle)
	}
	type visit struct {
		Node   tree.NodeID
		Seq    int
		End    tree.EntryKind
		Undone bool
		Notes  int
	}
	var got []visit
	for _, s := range w.Steps {
		got = append(got, visit{s.NodeID, s.Seq, s.End, s.Undone, len(s.Notes)})
	}
	want := []visit{
		{"lamp", 1, tree.Answered, false, 1},
		{"plug", 2, tree.Answered, true, 1},
		{"wait", 3, tree.Answered, true, 0},
		{"lamp", 5, tree.WentBack, true, 1},
		{"plug", 0, "", false, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
	if len(w.Taken(false)) != 1 || len(w.Taken(true)) != 4 {
		t.Errorf("taken: %d, with undone ones %d", len(w.Taken(false)), len(w.Taken(true)))
	}
	w.note(2, "on what was undone") // 6
	w.note(0, "here")               // 7
	if notes := w.CurrentNotes(); len(notes) != 1 || notes[0].Text != "here" {
		t.Errorf("notes on the present node: %v", notes)
	}
	if _, err := w.GoBack(actor(emil), w.LastSeq, 2, w.tick()); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("back to what was undone: %v", err)
	}
	w.back(0) // to the lamp
	if w.CurrentNodeID != "lamp" || len(w.Taken(false)) != 0 {
		t.Errorf("it stands at %s", w.CurrentNodeID)
	}
	if _, err := w.GoBack(actor(emil), w.LastSeq, 0, w.tick()); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("back from the first step: %v", err)
	}
}

func TestSession_CompleteTakesTheSolutionsOutcome(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	w.choose("yes", "")
	for name, c := range map[string]tree.Completion{
		"another outcome": {Outcome: tree.Resolved},
		"a reason":        {Reason: "because"},
	} {
		if _, err := w.Complete(actor(emil), 1, c, w.now); !errors.Is(err, fault.BadUserInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Choose(actor(emil), 1, tree.Choice{Option: "yes"}, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("a choice at a solution: %v", err)
	}
	w.complete(tree.Completion{})
	if w.Status != tree.Completed || w.Outcome != tree.Escalated || !w.EndedAt.Equal(w.now) || w.Duration(w.now.Add(time.Hour)) != 2*time.Minute {
		t.Errorf("%+v", w.State)
	}
	last := w.Taken(false)[1]
	if last.NodeKind != tree.Solution || last.NodeTitle != "Call the network team" || last.NodeText != "They can see the port." || !last.LeftAt.Equal(w.now) {
		t.Errorf("the last step is %+v", last)
	}
}

func TestSession_CompleteEarlyNeedsOutcomeAndReason(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	for name, c := range map[string]tree.Completion{
		"nothing":       {},
		"no reason":     {Outcome: tree.Resolved, Reason: " \n"},
		"no outcome":    {Reason: "because"},
		"wrong outcome": {Outcome: "FINE", Reason: "because"},
	} {
		if _, err := w.Complete(actor(emil), 0, c, w.now); !errors.Is(err, fault.BadUserInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.complete(tree.Completion{Outcome: tree.Unresolved, Reason: "The customer hung up"})
	if w.Status != tree.Completed || w.Outcome != tree.Unresolved || w.Reason != "The customer hung up" || w.CurrentNodeID != "lamp" {
		t.Errorf("%+v", w.State)
	}
}

func TestSession_Refuses(t *testing.T) {
	t.Parallel()
	ended := &walker{t, begin(cable()), nine}
	ended.must(ended.Abandon(actor(emil), 0, "", nine))
	running := &walker{t, begin(cable()), nine}
	running.choose("no", "")
	stranger := actor(emil)
	stranger.AccountID = fixed[account.ID](9)
	tests := map[string]struct {
		do   func(now time.Time) (tree.Entry, error)
		want fault.Code
	}{
		"who has it not": {func(now time.Time) (tree.Entry, error) {
			return running.Choose(actor(carl), 1, tree.Choice{Option: "fixed"}, now)
		}, fault.Forbidden},
		"the same user id elsewhere": {func(now time.Time) (tree.Entry, error) {
			return running.Choose(stranger, 1, tree.Choice{Option: "fixed"}, now)
		}, fault.Forbidden},
		"a stale step": {func(now time.Time) (tree.Entry, error) {
			return running.Choose(actor(emil), 0, tree.Choice{Option: "no"}, now)
		}, fault.Conflict},
		"a step to come": {func(now time.Time) (tree.Entry, error) { return running.GoBack(actor(emil), 2, 0, now) }, fault.Conflict},
		"another node's option": {func(now time.Time) (tree.Entry, error) {
			return running.Choose(actor(emil), 1, tree.Choice{Option: "no"}, now)
		}, fault.BadUserInput},
		"no option":                 {func(now time.Time) (tree.Entry, error) { return running.Choose(actor(emil), 1, tree.Choice{}, now) }, fault.BadUserInput},
		"back to what is no answer": {func(now time.Time) (tree.Entry, error) { return running.GoBack(actor(emil), 1, 7, now) }, fault.BadUserInput},
		"back to less than nothing": {func(now time.Time) (tree.Entry, error) { return running.GoBack(actor(emil), 1, -1, now) }, fault.BadUserInput},
		"a note on no answer": {func(now time.Time) (tree.Entry, error) {
			return running.AddNote(actor(emil), 1, tree.Note{OnStep: 2, Text: "x"}, now)
		}, fault.BadUserInput},
		"an empty note": {func(now time.Time) (tree.Entry, error) {
			return running.AddNote(actor(emil), 1, tree.Note{OnStep: 0, Text: " \r\n"}, now)
		}, fault.BadUserInput},
		"a note too long": {func(now time.Time) (tree.Entry, error) {
			return running.AddNote(actor(emil), 1, tree.Note{OnStep: 0, Text: strings.Repeat("ä", tree.MaxNote+1)}, now)
		}, fault.BadUserInput},
		"a NUL in a note": {func(now time.Time) (tree.Entry, error) {
			return running.AddNote(actor(emil), 1, tree.Note{OnStep: 0, Text: "a\x00"}, now)
		}, fault.BadUserInput},
		"after the end": {func(now time.Time) (tree.Entry, error) {
			return ended.Choose(actor(emil), 1, tree.Choice{Option: "no"}, now)
		}, fault.Conflict},
		"a second end": {func(now time.Time) (tree.Entry, error) { return ended.Abandon(actor(emil), 1, "", now) }, fault.Conflict},
	}
	for name, tt := range tests {
		_, err := tt.do(nine.Add(time.Hour))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		if tt.want == fault.Conflict {
			if ext := fault.Of(err).Extensions; ext["currentStep"] != 1 || ext["currentNodeId"] == "" || ext["status"] == "" {
				t.Errorf("%s: the conflict says %v", name, ext)
			}
		}
	}
	if len(running.Log) != 1 || len(ended.Log) != 1 {
		t.Errorf("a refused change was recorded: %d, %d entries", len(running.Log), len(ended.Log))
	}
}

func TestSession_ALongPauseIsNoWork(t *testing.T) {
	t.Parallel()
	s := begin(cable())
	for i, at := range []time.Duration{10 * time.Minute, 5 * time.Hour, 5*time.Hour + time.Minute, 4 * time.Hour} {
		if _, err := s.AddNote(actor(emil), i, tree.Note{OnStep: 0, Text: "x"}, nine.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	if want := 10*time.Minute + tree.MaxPause + time.Minute; s.Active != want {
		t.Errorf("active for %s, want %s", s.Active, want)
	}
	if last := s.Log[3].At; !last.Equal(nine.Add(5*time.Hour + time.Minute)) {
		t.Errorf("a clock that was set back made an entry at %s", last)
	}
}

func TestSession_ALogHasAnEnd(t *testing.T) {
	t.Parallel()
	s := begin(cable())
	for i := range tree.MaxEntries {
		if _, err := s.AddNote(actor(emil), i, tree.Note{OnStep: 0, Text: "x"}, nine); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AddNote(actor(emil), tree.MaxEntries, tree.Note{OnStep: 0, Text: "x"}, nine); !errors.Is(err, fault.Conflict) {
		t.Errorf("one more note: %v", err)
	}
	if _, err := s.Complete(actor(emil), tree.MaxEntries, tree.Completion{Outcome: tree.Resolved, Reason: "x"}, nine); err != nil {
		t.Errorf("a full session cannot be completed: %v", err)
	}
}

func TestFold_RefusesALogThatNoSessionHas(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	w.choose("no", "")
	w.choose("still", "")
	w.back(1)
	tests := map[string]func(log []tree.Entry){
		"a gap":                 func(log []tree.Entry) { log[1].Seq = 3 },
		"another node":          func(log []tree.Entry) { log[1].NodeID = "done" },
		"an unknown kind":       func(log []tree.Entry) { log[1].Kind = "X" },
		"back to no answer":     func(log []tree.Entry) { log[2].Target = 0 },
		"back to another node":  func(log []tree.Entry) { log[2].To = "done" },
		"an entry after an end": func(log []tree.Entry) { log[0].Kind = tree.GaveUp },
		"time that runs back":   func(log []tree.Entry) { log[1].At = nine.Add(-time.Second) },
	}
	for name, spoil := range tests {
		log := append([]tree.Entry(nil), w.Log...)
		spoil(log)
		if _, err := tree.Fold(begin(cable()).Places, nil, nine, log); err == nil || fault.Of(err) != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// model is what a session should do, written down as simply as it can be: the
// answers that stand, as a stack, and everything that was said.
type model struct {
	graph    tree.Graph
	stack    []modelStep
	node     tree.NodeID
	notes    []string
	statuses tree.SessionStatus
}

type modelStep struct {
	seq  int
	node tree.NodeID
}

// For any interleaving of changes, legal or not, the session does what the model
// does, the fold of its log is where it stands, and nothing is lost.
func TestSession_AnyInterleaving(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := soundGraph().Draw(t, "graph")
		s := begin(g)
		m := &model{graph: g, node: g.Root, statuses: tree.InProgress}
		now := nine
		for range rapid.IntRange(0, 30).Draw(t, "changes") {
			now = now.Add(time.Duration(rapid.IntRange(-60, 3600).Draw(t, "seconds")) * time.Second)
			before := len(s.Log)
			logBefore := append([]tree.Entry(nil), s.Log...)
			expected := s.LastSeq
			if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
				expected += rapid.SampledFrom([]int{-1, 1}).Draw(t, "by")
			}
			entry, err := m.change(t, s, expected, now)
			if err != nil {
				if fault.Of(err) == nil || len(s.Log) != before {
					t.Fatalf("refused with %v, log %d -> %d", err, before, len(s.Log))
				}
				if expected != s.LastSeq && !errors.Is(err, fault.Conflict) && !errors.Is(err, fault.BadUserInput) {
					t.Fatalf("a stale step gives %v", err)
				}
				continue
			}
			if expected != before || entry.Seq != before+1 || len(s.Log) != before+1 {
				t.Fatalf("an entry with seq %d after %d, expected %d", entry.Seq, before, expected)
			}
			if diff := cmp.Diff(logBefore, append([]tree.Entry(nil), s.Log[:before]...), sameIDs); diff != "" {
				t.Fatalf("the log was changed:\n%s", diff)
			}
			m.check(t, s)
		}
	})
}

// change draws a change, makes it, and makes it in the model if it was allowed.
func (m *model) change(t *rapid.T, s *tree.Session, expected int, now time.Time) (tree.Entry, error) {
	text := rapid.SampledFrom([]string{"", "a note", "another note", "ä\n`x`"}).Draw(t, "text")
	node := m.graph.Node(m.node)
	switch rapid.SampledFrom([]string{"choose", "choose", "choose", "back", "note", "complete", "abandon"}).Draw(t, "change") {
	case "choose":
		option := tree.OptionID(rapid.SampledFrom([]string{"on", "back", "end0", "end2", ""}).Draw(t, "option"))
		e, err := s.Choose(actor(emil), expected, tree.Choice{Option: option, Note: text}, now)
		if err == nil {
			m.stack = append(m.stack, modelStep{e.Seq, m.node})
			if option == "" {
				m.node = node.Next
			} else {
				m.node = node.Option(option).Target
			}
			m.say(text)
		}
		return e, err
	case "back":
		to := rapid.IntRange(0, len(s.Log)+1).Draw(t, "to")
		e, err := s.GoBack(actor(emil), expected, to, now)
		if err == nil {
			for len(m.stack) > 0 {
				top := m.stack[len(m.stack)-1]
				m.stack, m.node = m.stack[:len(m.stack)-1], top.node
				if to == 0 || top.seq == to {
					break
				}
			}
		}
		return e, err
	case "note":
		e, err := s.AddNote(actor(emil), expected, tree.Note{OnStep: rapid.IntRange(0, len(s.Log)+1).Draw(t, "on"), Text: text}, now)
		if err == nil {
			m.say(text)
		}
		return e, err
	case "complete":
		c := tree.Completion{}
		if node.Kind != tree.Solution || rapid.Bool().Draw(t, "wrong") {
			c = tree.Completion{Outcome: tree.Unresolved, Reason: text}
		}
		e, err := s.Complete(actor(emil), expected, c, now)
		if err == nil {
			m.statuses = tree.Completed
		}
		return e, err
	default:
		e, err := s.Abandon(actor(emil), expected, text, now)
		if err == nil {
			m.statuses = tree.Abandoned
		}
		return e, err
	}
}

func (m *model) say(text string) {
	if text != "" {
		m.notes = append(m.notes, text)
	}
}

// check compares the session with the model and with the fold of its log.
func (m *model) check(t *rapid.T, s *tree.Session) {
	state, err := tree.Fold(begin(m.graph).Places, nil, nine, s.Log)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.State, state, sameIDs); diff != "" {
		t.Fatalf("the fold of the log is not where the session stands (-session +fold):\n%s", diff)
	}
	if s.CurrentNodeID != m.node || s.Status != m.statuses || s.CurrentNode.ID != m.node {
		t.Fatalf("it stands at %s (%s), not at %s (%s)", s.CurrentNodeID, s.Status, m.node, m.statuses)
	}
	var standing []modelStep
	for _, step := range s.Taken(false) {
		if step.End == tree.Answered {
			standing = append(standing, modelStep{step.Seq, step.NodeID})
		}
	}
	if diff := cmp.Diff(m.stack, standing, cmp.AllowUnexported(modelStep{})); diff != "" && len(m.stack)+len(standing) > 0 {
		t.Fatalf("the answers that stand (-model +session):\n%s", diff)
	}
	answers, visits, notes := 0, 0, map[int]bool{}
	for _, e := range s.Log {
		if e.Kind == tree.Answered {
			answers++
		}
	}
	for _, step := range s.Steps {
		if step.End == tree.Answered {
			visits++
		}
		for _, n := range step.Notes {
			notes[n.Seq] = true
		}
		if step.Seq != 0 && step.LeftAt.Before(step.EnteredAt) {
			t.Fatalf("step %d was left before it was entered", step.Seq)
		}
	}
	if answers != visits || len(notes) != len(m.notes) {
		t.Fatalf("%d answers in %d visits, %d notes of %d: something was lost", answers, visits, len(notes), len(m.notes))
	}
	if s.Active > s.UpdatedAt.Sub(s.StartedAt) {
		t.Fatalf("active for %s of %s", s.Active, s.UpdatedAt.Sub(s.StartedAt))
	}
}
