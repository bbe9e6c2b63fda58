package tree_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// asking is a session that asks for help by its first entry.
func asking(t *testing.T) *walker {
	t.Helper()
	w := &walker{t, begin(cable()), nine}
	w.must(w.Escalate(actor(emil), 0, tree.HighUrgency, "The lamp has no name plate.", w.tick()))
	return w
}

func TestSession_AsksForHelpAndGoesOnUntilItIsClaimed(t *testing.T) {
	t.Parallel()
	w := asking(t)
	want := &tree.Escalation{Seq: 1, Urgency: tree.HighUrgency, Reason: "The lamp has no name plate.", At: w.now, By: emil}
	if diff := cmp.Diff(want, w.Escalation); diff != "" {
		t.Errorf("the escalation (-want +got):\n%s", diff)
	}
	w.choose("no", "") // 2: whoever asked keeps the session
	if w.Escalation == nil || w.Holder != emil {
		t.Errorf("after a step: %+v, held by %s", w.Escalation, w.Holder.Name)
	}
	if _, err := w.Escalate(actor(emil), 2, tree.LowUrgency, "again", w.now); !errors.Is(err, fault.Conflict) || fault.Of(err).Extensions["escalationStep"] != 1 {
		t.Errorf("a second escalation: %v", err)
	}
	e := w.must(w.Claim(carl, 1, w.tick()))
	if w.Holder != carl || w.Starter != emil || e.By != carl || e.Person != carl || e.Target != 1 || w.Escalation != nil || w.CurrentNodeID != "plug" {
		t.Errorf("claimed by %+v, the session is held by %s", e, w.Holder.Name)
	}
	_, err := w.Claim(adam, 1, w.now)
	if f := fault.Of(err); f == nil || f.Code != fault.Conflict || f.Message != "Carl Colleague has claimed this session." ||
		f.Extensions["heldBy"] != "Carl Colleague" || f.Extensions["heldById"] != carl.ID.String() || f.Extensions["escalationEnd"] != "CLAIM" || f.Extensions["endedBy"] != "Carl Colleague" {
		t.Errorf("who comes second is told %v, %v", err, f.Extensions)
	}
	if _, err := w.Choose(actor(emil), 3, tree.Choice{Option: "fixed"}, w.now); !errors.Is(err, fault.Forbidden) {
		t.Errorf("who asked goes on walking: %v", err)
	}
}

func TestSession_IsAnsweredWithAHint(t *testing.T) {
	t.Parallel()
	w := asking(t)
	w.must(w.Answer(carl, 1, "It is on the back.", true, w.tick()))
	if w.Escalation == nil || w.Holder != emil {
		t.Errorf("a hint that leaves it open: %+v, held by %s", w.Escalation, w.Holder.Name)
	}
	w.must(w.Answer(adam, 1, "Ask\nthem.", false, w.tick()))
	if w.Escalation != nil || w.Holder != emil {
		t.Errorf("a hint: %+v, held by %s", w.Escalation, w.Holder.Name)
	}
	var hints []string
	for _, h := range w.Hints(1) {
		hints = append(hints, h.By.Name+": "+h.Text)
	}
	if diff := cmp.Diff([]string{"Carl Colleague: It is on the back.", "Adam Admin: Ask\nthem."}, hints); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
	if notes := w.CurrentNotes(); len(notes) != 2 || notes[0].By != carl {
		t.Errorf("notes beside the present node: %+v", notes)
	}
	if _, err := w.Claim(carl, 1, w.now); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "Adam Admin has answered") {
		t.Errorf("claimed after the end: %v", err)
	}
	w.must(w.Escalate(actor(emil), 3, tree.NormalUrgency, "It is not there.", w.tick()))
	if _, err := w.Claim(carl, 1, w.now); !errors.Is(err, fault.Conflict) {
		t.Errorf("who saw the first escalation claims the second: %v", err)
	}
	if w.Escalation.Seq != 4 || len(w.Hints(4)) != 0 {
		t.Errorf("asked anew: %+v, hints %v", w.Escalation, w.Hints(4))
	}
}

func TestSession_AnEscalationEndsWithWhatMakesItIdle(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end  func(w *walker) (tree.Entry, error)
		want string
	}{
		"taken back": {func(w *walker) (tree.Entry, error) { return w.TakeBack(actor(emil), 1, w.tick()) }, "Emil Engineer has taken this escalation back."},
		"taken back by an admin": {func(w *walker) (tree.Entry, error) {
			e, err := w.TakeBack(actor(adam), 1, w.tick())
			w.Log[1].By = adam // the store knows their name
			return e, err
		}, "Adam Admin has taken this escalation back."},
		"handed over": {func(w *walker) (tree.Entry, error) { return w.HandOver(actor(emil), 1, carl, "", w.tick()) }, "Emil Engineer has handed this session over."},
		"completed": {func(w *walker) (tree.Entry, error) {
			return w.Complete(actor(emil), 1, tree.Completion{Outcome: tree.Resolved, Reason: "found it"}, w.tick())
		}, "Emil Engineer has completed this session."},
		"abandoned": {func(w *walker) (tree.Entry, error) { return w.Abandon(actor(emil), 1, "", w.tick()) }, "Emil Engineer has given this session up."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := asking(t)
			w.must(tt.end(w))
			if w.Escalation != nil {
				t.Errorf("it is open: %+v", w.Escalation)
			}
			if _, err := w.Claim(adam, 1, w.now); !errors.Is(err, fault.Conflict) || err.Error() != tt.want {
				t.Errorf("claimed then: %v, want %q", err, tt.want)
			}
			if w.Status == tree.InProgress {
				return
			}
			w.must(w.Reopen(actor(emil), 2, w.tick()))
			if w.Escalation != nil {
				t.Errorf("reopening brings it back: %+v", w.Escalation)
			}
		})
	}
}

func TestSession_RefusesHelpThatIsNone(t *testing.T) {
	t.Parallel()
	stranger := carl
	stranger.AccountID = fixed[account.ID](9)
	long := strings.Repeat("x", tree.MaxReason+1)
	for name, tt := range map[string]struct {
		do   func(w *walker) (tree.Entry, error)
		want fault.Code
	}{
		"no reason": {func(w *walker) (tree.Entry, error) {
			return w.Escalate(actor(emil), 1, tree.LowUrgency, " \n", w.now)
		}, fault.BadUserInput},
		"a long reason": {func(w *walker) (tree.Entry, error) { return w.Escalate(actor(emil), 1, tree.LowUrgency, long, w.now) }, fault.BadUserInput},
		"no urgency":    {func(w *walker) (tree.Entry, error) { return w.Escalate(actor(emil), 1, "", "stuck", w.now) }, fault.BadUserInput},
		"asked by a colleague": {func(w *walker) (tree.Entry, error) {
			return w.Escalate(actor(carl), 1, tree.LowUrgency, "stuck", w.now)
		}, fault.Forbidden},
		"a stale step": {func(w *walker) (tree.Entry, error) {
			return w.Escalate(actor(emil), 0, tree.LowUrgency, "stuck", w.now)
		}, fault.Conflict},
		"claimed by who asked":      {func(w *walker) (tree.Entry, error) { return w.Claim(emil, 1, w.now) }, fault.Conflict},
		"claimed by a viewer":       {func(w *walker) (tree.Entry, error) { return w.Claim(vera, 1, w.now) }, fault.Forbidden},
		"claimed by who is out":     {func(w *walker) (tree.Entry, error) { return w.Claim(dora, 1, w.now) }, fault.Forbidden},
		"claimed by a stranger":     {func(w *walker) (tree.Entry, error) { return w.Claim(stranger, 1, w.now) }, fault.NotFound},
		"a claim of none":           {func(w *walker) (tree.Entry, error) { return w.Claim(carl, 0, w.now) }, fault.Conflict},
		"a claim of one to come":    {func(w *walker) (tree.Entry, error) { return w.Claim(carl, 7, w.now) }, fault.Conflict},
		"an empty hint":             {func(w *walker) (tree.Entry, error) { return w.Answer(carl, 1, "\t", false, w.now) }, fault.BadUserInput},
		"a hint to oneself":         {func(w *walker) (tree.Entry, error) { return w.Answer(emil, 1, "x", false, w.now) }, fault.Conflict},
		"taken back by a colleague": {func(w *walker) (tree.Entry, error) { return w.TakeBack(actor(carl), 1, w.now) }, fault.Forbidden},
		"another one taken back":    {func(w *walker) (tree.Entry, error) { return w.TakeBack(actor(emil), 2, w.now) }, fault.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := asking(t)
			if _, err := tt.do(w); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if len(w.Log) != 1 || w.Escalation == nil || w.Holder != emil {
				t.Errorf("what was refused changed something: %d entries, %+v, held by %s", len(w.Log), w.Escalation, w.Holder.Name)
			}
		})
	}
}

func TestFold_RefusesHelpThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	w := asking(t)
	w.must(w.Answer(carl, 1, "hm", true, w.tick()))
	w.must(w.Claim(carl, 1, w.tick()))
	for name, spoil := range map[string]func(log []tree.Entry){
		"a second escalation": func(log []tree.Entry) { log[1].Kind = tree.Called },
		"another escalation":  func(log []tree.Entry) { log[2].Target = 2 },
		"a second end":        func(log []tree.Entry) { log[1].KeepsOpen = false },
		"nothing asked":       func(log []tree.Entry) { log[0].Kind = tree.HandedOver },
	} {
		log := append([]tree.Entry(nil), w.Log...)
		spoil(log)
		if _, err := tree.Fold(begin(cable()).Places, nil, nine, log); err == nil || fault.Of(err) != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSession_TellsWhatWasTriedAndRuledOut(t *testing.T) {
	t.Parallel()
	told := func(steps []tree.Step) (list []string) {
		for _, s := range steps {
			list = append(list, fmt.Sprintf("%d %s: %s", s.Seq, s.NodeTitle, s.OptionLabel))
		}
		return list
	}
	w := &walker{t, begin(cable()), nine}
	w.choose("yes", "") // 1: to a solution
	w.back(0)           // 2: which is none
	w.must(w.AddStep(actor(emil), 2, tree.NewStep{Title: "Swapped the bulb", Answer: "dark"}, w.tick()))
	w.choose("no", "")    // 4
	w.choose("still", "") // 5
	w.choose("", "")      // 6: it waits, and the lamp is asked for again
	w.back(5)             // 7
	w.note(0, "a note is no step")
	if diff := cmp.Diff([]string{"3 Swapped the bulb: dark", "4 Is the lamp on?: No"}, told(w.Tried())); diff != "" {
		t.Errorf("tried (-want +got):\n%s", diff)
	}
	want := []string{"1 Is the lamp on?: Yes", "2 Call the network team: ", "5 Plug the cable in: Still dark", "6 Wait a minute: "}
	if diff := cmp.Diff(want, told(w.RuledOut())); diff != "" {
		t.Errorf("ruled out (-want +got):\n%s", diff)
	}
	w.choose("still", "") // 9: what stands after all is not ruled out
	if diff := cmp.Diff(want[:2], told(w.RuledOut())[:2]); diff != "" || len(w.RuledOut()) != 3 {
		t.Errorf("ruled out then: %v", told(w.RuledOut()))
	}
	w.back(4)
	w.choose("yes", "") // at the solution again: it is not ruled out either
	for _, s := range w.RuledOut() {
		if s.NodeKind == tree.Solution {
			t.Errorf("where it stands is ruled out: %v", told(w.RuledOut()))
		}
	}
}

func TestSession_ASuggestionIsDecidedOnAndRecordedEitherWay(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	suggest := func(by account.User, text string, option tree.OptionID) error {
		return w.Suggest(by, text, option, w.now)
	}
	for name, tt := range map[string]struct {
		by     account.User
		text   string
		option tree.OptionID
		want   fault.Code
	}{
		"nothing":              {carl, "  ", "", fault.BadUserInput},
		"too long":             {carl, strings.Repeat("x", tree.MaxSuggestion+1), "", fault.BadUserInput},
		"another option":       {carl, "x", "fixed", fault.BadUserInput},
		"by who walks":         {emil, "x", "", fault.Conflict},
		"by a viewer":          {vera, "x", "", fault.Forbidden},
		"by who may no longer": {dora, "x", "", fault.Forbidden},
	} {
		if err := suggest(tt.by, tt.text, tt.option); !errors.Is(err, tt.want) || len(w.Suggestions) != 0 {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	for _, err := range []error{suggest(carl, "Look at the plug.", "no"), suggest(adam, "Ring them.", ""), suggest(carl, "Look at the plug.", "no")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Suggestions) != 2 || w.LastSeq != 0 || w.Suggestions[0].OptionLabel != "No" || w.Suggestions[0].NodeTitle != "Is the lamp on?" {
		t.Errorf("beside the walk: %+v", w.Suggestions)
	}
	if _, err := w.Respond(actor(carl), 0, 1, true, w.now); !errors.Is(err, fault.Forbidden) {
		t.Errorf("whose it is decides: %v", err)
	}
	e := w.must(w.Respond(actor(emil), 0, 1, true, w.tick()))
	if e.Person != carl || e.By != emil || !e.Accepted || e.Note != "Look at the plug." || e.OptionID != "no" || e.OptionLabel != "No" || w.CurrentNodeID != "lamp" {
		t.Errorf("accepted: %+v", e)
	}
	if _, err := w.Respond(actor(emil), 1, 1, true, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("decided on twice: %v", err)
	}
	w.choose("no", "") // 2
	if e := w.must(w.Respond(actor(emil), 2, 2, false, w.tick())); e.Accepted || e.Person.ID != adam.ID || len(w.CurrentNotes()) != 0 {
		t.Errorf("dismissed: %+v, notes %v", e, w.CurrentNotes())
	}
	for i := range tree.MaxSuggestions {
		if err := suggest(carl, fmt.Sprint("suggestion ", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := suggest(adam, "one more", ""); !errors.Is(err, fault.Conflict) {
		t.Errorf("more than there can be: %v", err)
	}
	if n := w.Suggestions[0].Number; n != 3 {
		t.Errorf("the third suggestion has the number %d", n)
	}
	w.must(w.Abandon(actor(emil), 3, "", w.tick()))
	if err := suggest(adam, "too late", ""); !errors.Is(err, fault.Conflict) || len(w.Suggestions) != tree.MaxSuggestions {
		t.Errorf("after the end: %v, %d suggestions", err, len(w.Suggestions))
	}
}

func TestSession_AFullLogCanStillBeHelpedOutOf(t *testing.T) {
	t.Parallel()
	w := asking(t)
	for w.LastSeq < tree.MaxEntries {
		w.must(w.AddNote(actor(emil), w.LastSeq, tree.Note{Text: "x"}, w.now))
	}
	if _, err := w.Answer(carl, 1, "x", true, w.now); !errors.Is(err, fault.Conflict) {
		t.Errorf("a hint that leaves it open: %v", err)
	}
	w.must(w.Claim(carl, 1, w.now))
	if w.Holder != carl {
		t.Errorf("held by %s", w.Holder.Name)
	}
}
