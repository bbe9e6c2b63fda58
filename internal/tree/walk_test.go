package tree_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

var (
	vera = account.User{AccountID: emil.AccountID, ID: fixed[account.UserID](6), Name: "Vera Viewer", Role: account.Viewer}
	dora = account.User{AccountID: emil.AccountID, ID: fixed[account.UserID](7), Name: "Dora Disabled", Role: account.Engineer, DisabledAt: nine}
	adam = account.User{AccountID: emil.AccountID, ID: fixed[account.UserID](8), Name: "Adam Admin", Role: account.Admin}

	siteTree, gatewayTree, powerTree, rootedTree = fixed[tree.ID](20), fixed[tree.ID](21), fixed[tree.ID](22), fixed[tree.ID](23)
)

// site asks for values, leads through the gateway's tree, and branches on what
// was written down there.
func site() tree.Graph {
	return tree.Graph{Root: "who", Nodes: []tree.Node{
		{ID: "who", Kind: tree.Input, Title: "Who is it?", Next: "ask", Fields: []tree.Field{
			{Name: "name", Label: "Name", Type: tree.TextField, Required: true},
			{Name: "phone", Label: "Phone", Type: tree.TextField, Pattern: `[0-9 ]+`, Sensitive: true},
			{Name: "people", Label: "People", Type: tree.NumberField},
		}, Branches: []tree.Branch{{Name: "people", Test: tree.Greater, Value: "50", Target: "big"}}},
		{ID: "ask", Kind: tree.Decision, Title: "Is {{name}} of {{client.name}} alone?", Text: "Call {{phone}}.", Options: []tree.Option{
			{ID: "yes", Label: "Yes, {{name}} is", Target: "through"}, {ID: "no", Label: "No", Target: "who"},
		}},
		{ID: "through", Kind: tree.Subtree, Title: "The gateway", Tree: gatewayTree, Version: 2, Next: "done", Branches: []tree.Branch{
			{Name: "lamp", Test: tree.Equals, Value: "no", Target: "big"},
		}},
		{ID: "big", Kind: tree.Solution, Title: "Send somebody to {{name}}", Outcome: tree.Escalated},
		{ID: "done", Kind: tree.Solution, Title: "It works", Outcome: tree.Resolved},
	}}
}

func gateway() tree.Graph {
	return tree.Graph{Root: "lamp", Nodes: []tree.Node{
		{ID: "lamp", Kind: tree.Input, Title: "Is the lamp on?", Next: "power", Fields: []tree.Field{{Name: "lamp", Label: "Lamp", Type: tree.YesNoField, Required: true}}},
		{ID: "power", Kind: tree.Subtree, Title: "Power", Tree: powerTree, Version: 1, Next: "back"},
		{ID: "back", Kind: tree.Solution, Title: "The gateway is looked at", Outcome: tree.Resolved, Continue: true},
	}}
}

func power() tree.Graph {
	return tree.Graph{Root: "pull", Nodes: []tree.Node{
		{ID: "pull", Kind: tree.Action, Title: "Pull the plug", Next: "ok"},
		{ID: "ok", Kind: tree.Solution, Title: "It has power", Outcome: tree.Resolved, Continue: true},
	}}
}

// rooted begins with a subtree.
func rooted() tree.Graph {
	return tree.Graph{Root: "first", Nodes: []tree.Node{
		{ID: "first", Kind: tree.Subtree, Title: "Power first", Tree: powerTree, Version: 1, Next: "end"},
		{ID: "end", Kind: tree.Solution, Title: "Done", Outcome: tree.Unresolved, Continue: true},
	}}
}

func version(id tree.ID, number int, title string, g tree.Graph) *tree.Version {
	return &tree.Version{AccountID: emil.AccountID, TreeID: id, Number: number, Title: title, Graph: &g}
}

// library holds the versions above by their names.
func library() tree.Versions {
	all := tree.Versions{}
	for _, v := range []*tree.Version{version(siteTree, 1, "Site", site()), version(gatewayTree, 2, "Gateway", gateway()), version(powerTree, 1, "Power", power()), version(rootedTree, 1, "Rooted", rooted())} {
		all[tree.VersionRef{TreeID: v.TreeID, Number: v.Number}] = v
	}
	return all
}

func startWalk(t interface{ Fatal(...any) }, id tree.ID) *tree.Session {
	all := library()
	var v *tree.Version
	for ref := range all {
		if ref.TreeID == id {
			v = all[ref]
		}
	}
	s, err := tree.NewWalk(fixed[tree.SessionID](5), v, all, emil, nine)
	if err != nil {
		t.Fatal(err)
	}
	s.Client, s.Subject = "Example", "No light"
	return s
}

// startGiven is startWalk for a client with facts, with values that are known.
func startGiven(t interface{ Fatal(...any) }, id tree.ID, given ...tree.GivenValue) *tree.Session {
	s := startWalk(t, id)
	s.Facts = []tree.ClientFact{{Name: "vpn", Text: "vpn.example *1*"}}
	if err := s.Give(given); err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *walker) values(values ...tree.GivenValue) {
	w.t.Helper()
	w.must(w.Choose(actor(emil), w.LastSeq, tree.Choice{Values: values}, w.tick()))
}

// stands checks in which trees and at which node the session stands.
func (w *walker) stands(want string) {
	w.t.Helper()
	var path []string
	for _, p := range w.Places {
		path = append(path, p.Title+":"+string(p.NodeID))
	}
	if got := strings.Join(path, " > "); got != want {
		w.t.Errorf("it stands at %q, want %q", got, want)
	}
}

func TestSession_WalksThroughSubtreesAndBack(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, siteTree), nine}
	w.stands("Site:who")
	w.values(tree.GivenValue{Name: "people", Text: "+012.0"}, tree.GivenValue{Name: "name", Text: " Ann "}) // 1
	w.stands("Site:ask")
	if w.CurrentTitle != "Is Ann of Example alone?" || w.Shown().Text != "Call {{phone}}." || w.Shown().Options[0].Label != "Yes, Ann is" {
		t.Errorf("shown %q, %q", w.CurrentTitle, w.Shown().Text)
	}
	w.choose("yes", "") // 2
	w.stands("Site:through > Gateway:lamp")
	w.values(tree.GivenValue{Name: "lamp", Text: "NO"}) // 3
	w.stands("Site:through > Gateway:power > Power:pull")
	w.choose("", "") // 4
	w.choose("", "") // 5: the power's solution continues
	w.stands("Site:through > Gateway:back")
	w.choose("", "") // 6: and so does the gateway's, by a branch on what was written down there
	w.stands("Site:big")
	if w.CurrentTitle != "Send somebody to Ann" || w.Log[1].OptionLabel != "Yes, Ann is" || w.Log[1].NodeTitle != "Is Ann of Example alone?" {
		t.Errorf("the record says %q, %q", w.Log[1].NodeTitle, w.Log[1].OptionLabel)
	}
	if _, err := w.Choose(actor(emil), w.LastSeq, tree.Choice{}, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("on from a solution that ends: %v", err)
	}
	w.back(4) // into the innermost tree
	w.stands("Site:through > Gateway:power > Power:pull")
	w.back(3) // out of it: what was written down there is undone
	w.stands("Site:through > Gateway:lamp")
	want := []tree.Value{{Name: "name", Label: "Name", Type: tree.TextField, Text: "Ann"}, {Name: "people", Label: "People", Type: tree.NumberField, Text: "12"}}
	if diff := cmp.Diff(want, w.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	w.values(tree.GivenValue{Name: "lamp", Text: "yes"})
	w.choose("", "")
	w.complete(tree.Completion{}) // a solution that continues may end the session all the same
	if w.Outcome != tree.Resolved || w.CurrentTitle != "It has power" {
		t.Errorf("%+v", w.State)
	}
}

func TestSession_BeginsBehindASubtreeAtTheRoot(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, rootedTree), nine}
	w.stands("Rooted:first > Power:pull")
	w.choose("", "")
	w.choose("", "")
	w.stands("Rooted:end")
	if _, err := w.Choose(actor(emil), w.LastSeq, tree.Choice{}, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("a solution that continues has nothing to continue in: %v", err)
	}
}

func TestSession_AVersionThatWasNotReadIsAskedFor(t *testing.T) {
	t.Parallel()
	all := library()
	power := tree.VersionRef{TreeID: powerTree, Number: 1}
	root := all[tree.VersionRef{TreeID: rootedTree, Number: 1}]
	if _, err := tree.NewWalk(fixed[tree.SessionID](5), root, nil, emil, nine); !errors.Is(err, tree.UnreadVersion(power)) {
		t.Errorf("start: %v", err)
	}
	w := &walker{t, startWalk(t, siteTree), nine}
	w.values(tree.GivenValue{Name: "name", Text: "Ann"})
	w.choose("yes", "")
	delete(w.Versions, power)
	before := w.State
	choice := tree.Choice{Values: []tree.GivenValue{{Name: "lamp", Text: "yes"}}}
	if _, err := w.Choose(actor(emil), w.LastSeq, choice, w.tick()); !errors.Is(err, tree.UnreadVersion(power)) || len(w.Log) != 2 {
		t.Errorf("advance: %v, %d entries", err, len(w.Log))
	}
	if diff := cmp.Diff(before, w.State); diff != "" {
		t.Errorf("a refused change moved the session:\n%s", diff)
	}
	w.Versions[power] = all[power]
	w.must(w.Choose(actor(emil), w.LastSeq, choice, w.tick()))
}

func TestSession_SaysAllThatIsWrongWithValuesAtOnce(t *testing.T) {
	t.Parallel()
	s := startWalk(t, siteTree)
	_, err := s.Choose(actor(emil), 0, tree.Choice{Values: []tree.GivenValue{
		{Name: "phone", Text: "none"}, {Name: "people", Text: "many"}, {Name: "colour", Text: "red"}, {Name: "phone", Text: "1"},
	}}, nine)
	var fields []string
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
		if f.Code != fault.BadUserInput {
			t.Errorf("%v", f)
		}
	}
	want := []string{"input.values[2].name", "input.values[3].name", "input.values", "input.values[0].text", "input.values[1].text"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if _, err := begin(cable()).Choose(actor(emil), 0, tree.Choice{Option: "no", Values: []tree.GivenValue{{Name: "name", Text: "x"}}}, nine); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("a value for a question: %v", err)
	}
}

func TestSession_OutsideAnyTree(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, tree.ID{}), nine}
	own := func(title string) tree.Entry {
		t.Helper()
		return w.must(w.AddStep(actor(emil), w.LastSeq, tree.NewStep{Title: title, Answer: "no", Note: "hm", Output: "ping: timeout\r\n\r\n"}, w.tick()))
	}
	own("Is it plugged in?")
	own("Is it on?")
	if _, err := w.Choose(actor(emil), w.LastSeq, tree.Choice{}, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("advance: %v", err)
	}
	if _, err := w.Return(actor(emil), w.LastSeq, w.now); !errors.Is(err, fault.Conflict) {
		t.Errorf("return: %v", err)
	}
	if _, err := w.Switch(actor(emil), w.LastSeq, nil, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("out of no tree: %v", err)
	}
	w.note(0, "about all of it")
	w.back(0)
	if taken := w.Taken(false); len(taken) != 1 || !taken[0].Own || taken[0].Output != "ping: timeout" || taken[0].Notes[0].Text != "hm" || taken[0].LeftAt.Sub(taken[0].EnteredAt) != time.Minute {
		t.Errorf("taken %+v", taken)
	}
	if notes := w.CurrentNotes(); len(notes) != 1 {
		t.Errorf("a note was undone with the step after it: %v", notes)
	}
	w.must(w.Switch(actor(emil), w.LastSeq, library()[tree.VersionRef{TreeID: powerTree, Number: 1}], w.tick()))
	w.stands(": > Power:pull")
	w.choose("", "")
	if _, err := w.Choose(actor(emil), w.LastSeq, tree.Choice{}, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("on from the solution of a tree that was switched to: %v", err)
	}
	w.must(w.Return(actor(emil), w.LastSeq, w.tick()))
	w.stands(":")
	w.complete(tree.Completion{Outcome: tree.Resolved, Reason: "Plugged it in"})
	var kinds []tree.EntryKind
	for _, step := range w.Taken(false) {
		kinds = append(kinds, step.End)
	}
	if diff := cmp.Diff([]tree.EntryKind{tree.OwnStep, tree.Switched, tree.Answered, tree.Returned}, kinds); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
}

func TestSession_SwitchesTreesAndGoesBackAcross(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	w.choose("no", "") // 1
	rooted := library()[tree.VersionRef{TreeID: rootedTree, Number: 1}]
	if _, err := w.Switch(actor(emil), w.LastSeq, rooted, w.tick()); !errors.Is(err, tree.UnreadVersion{TreeID: powerTree, Number: 1}) {
		t.Errorf("switch to what was not read: %v", err)
	}
	maps.Copy(w.Versions, library())
	w.must(w.Switch(actor(emil), w.LastSeq, rooted, w.tick())) // 2
	w.stands("Lamp is dark:plug > Rooted:first > Power:pull")
	w.choose("", "")                                        // 3
	w.must(w.Switch(actor(emil), w.LastSeq, nil, w.tick())) // 4
	w.stands("Lamp is dark:plug > Rooted:first > Power:ok > :")
	w.must(w.Return(actor(emil), w.LastSeq, w.tick())) // 5
	w.stands("Lamp is dark:plug > Rooted:first > Power:ok")
	w.must(w.Return(actor(emil), w.LastSeq, w.tick())) // 6
	w.stands("Lamp is dark:plug")
	w.back(0) // the return
	w.stands("Lamp is dark:plug > Rooted:first > Power:ok")
	w.back(3)
	w.stands("Lamp is dark:plug > Rooted:first > Power:pull")
	w.back(1)
	w.stands("Lamp is dark:lamp")
}

func TestSession_IsHandedOver(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	stranger := carl
	stranger.AccountID = fixed[account.ID](9)
	for name, tt := range map[string]struct {
		by   account.User
		to   account.User
		want fault.Code
	}{
		"to a viewer":        {emil, vera, fault.BadUserInput},
		"to who is disabled": {emil, dora, fault.BadUserInput},
		"to oneself":         {emil, emil, fault.BadUserInput},
		"to another account": {emil, stranger, fault.NotFound},
		"by a colleague":     {carl, carl, fault.Forbidden},
	} {
		if _, err := w.HandOver(actor(tt.by), 0, tt.to, "", nine); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.must(w.HandOver(actor(emil), 0, carl, "He calls back at ten.", w.tick()))
	if w.Holder != carl || w.Starter != emil || w.CurrentNotes()[0].Text != "He calls back at ten." || w.CurrentNodeID != "lamp" {
		t.Errorf("held by %v, notes %v", w.Holder, w.CurrentNotes())
	}
	if _, err := w.Choose(actor(emil), 1, tree.Choice{Option: "no"}, w.now); !errors.Is(err, fault.Forbidden) {
		t.Errorf("who gave it away goes on: %v", err)
	}
	w.must(w.Choose(actor(carl), 1, tree.Choice{Option: "no"}, w.tick()))
	w.must(w.HandOver(actor(adam), 2, emil, "", w.tick()))
	if last := w.Log[2]; w.Holder != emil || last.By.ID != adam.ID || last.Person != emil {
		t.Errorf("the record says %+v", last)
	}
}

func TestSession_IsReopenedWithinADay(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	w.choose("yes", "")
	w.note(0, "called them")
	if _, err := w.Reopen(actor(emil), 2, w.now); !errors.Is(err, fault.Conflict) {
		t.Errorf("what goes on: %v", err)
	}
	w.complete(tree.Completion{})
	active, end := w.Active, w.EndedAt
	if _, err := w.Reopen(actor(carl), 3, end); !errors.Is(err, fault.Forbidden) {
		t.Errorf("by a colleague: %v", err)
	}
	if _, err := w.Reopen(actor(emil), 2, end); !errors.Is(err, fault.Conflict) {
		t.Errorf("a stale step: %v", err)
	}
	if _, err := w.Reopen(actor(emil), 3, end.Add(tree.ReopenWithin+time.Second)); !errors.Is(err, fault.Conflict) {
		t.Errorf("too late: %v", err)
	}
	w.must(w.Reopen(actor(adam), 3, end.Add(tree.ReopenWithin)))
	if w.Status != tree.InProgress || w.Outcome != "" || !w.EndedAt.IsZero() || w.Active != active || len(w.CurrentNotes()) != 1 || w.Holder != emil {
		t.Errorf("reopened %+v", w.State)
	}
	w.now = w.UpdatedAt
	w.complete(tree.Completion{})
	if taken := w.Taken(true); len(taken) != 2 || len(taken[1].Notes) != 1 {
		t.Errorf("taken %+v", taken)
	}
}

func TestSession_OutputIsKeptAsItIsAndBounded(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	text := "  a\tb  \n\n  c  "
	w.must(w.Choose(actor(emil), 0, tree.Choice{Option: "no", Output: text + "\r\n"}, w.tick()))
	w.must(w.AddNote(actor(emil), 1, tree.Note{OnStep: 1, Output: text}, w.tick()))
	if step := w.Steps[0]; step.Output != text || len(step.Notes) != 1 || step.Notes[0].Output != text {
		t.Errorf("%+v", step)
	}
	for name, bad := range map[string]string{"too long": strings.Repeat("a", tree.MaxOutput+1), "a terminal's colours": "\x1b[31mred", "no UTF-8": "\xff"} {
		if _, err := w.AddNote(actor(emil), 2, tree.Note{Output: bad}, w.now); !errors.Is(err, fault.BadUserInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := strings.Repeat("a", tree.MaxOutput)
	for i := range tree.MaxOutputs/tree.MaxOutput - 1 {
		w.must(w.AddNote(actor(emil), 2+i, tree.Note{Output: full}, w.tick()))
	}
	if _, err := w.AddNote(actor(emil), w.LastSeq, tree.Note{Output: full}, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("more than a session holds: %v", err)
	}
}

func TestSession_UpdateChangesWhatItIsFor(t *testing.T) {
	t.Parallel()
	w := &walker{t, startWalk(t, siteTree), nine}
	w.values(tree.GivenValue{Name: "name", Text: "Ann"})
	client, empty, long := " Acme ", "", strings.Repeat("x", tree.MaxTicket+1)
	if err := w.Update(actor(emil), tree.SessionChange{Client: &client, Subject: &empty}); err != nil || w.Client != "Acme" || w.Subject != "" || w.CurrentTitle != "Is Ann of Acme alone?" {
		t.Errorf("%v, %q, %q", err, w.Client, w.CurrentTitle)
	}
	if err := w.Update(actor(carl), tree.SessionChange{Client: &client}); !errors.Is(err, fault.Forbidden) {
		t.Errorf("by a colleague: %v", err)
	}
	if err := w.Update(actor(emil), tree.SessionChange{Ticket: &long}); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("a long ticket: %v", err)
	}
	if err := startWalk(t, tree.ID{}).Update(actor(emil), tree.SessionChange{Subject: &empty}); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("no tree and no subject: %v", err)
	}
}

// For any interleaving of all that can be done, by several people and in several
// trees: the log only grows, its numbers have no gaps, its fold is where the
// session stands, that is a node of a version or none, the values are those of
// the steps that stand, and nothing is lost or recorded twice.
func TestSession_AnyInterleavingInSeveralTrees(t *testing.T) {
	t.Parallel()
	made := map[tree.EntryKind]int{}
	rapid.Check(t, func(t *rapid.T) {
		var given []tree.GivenValue
		for _, name := range []string{"name", "people", "lamp", "other"} {
			if text := rapid.SampledFrom([]string{"", "", "7", " yes "}).Draw(t, "given "+name); text != "" && (name != "people" || text == "7") && (name != "lamp" || text != "7") {
				given = append(given, tree.GivenValue{Name: name, Text: text})
			}
		}
		s := startGiven(t, rapid.SampledFrom([]tree.ID{{}, siteTree, gatewayTree, powerTree, rootedTree}).Draw(t, "tree"), given...)
		start := slices.Clone(s.Places)
		people := []account.User{emil, carl, adam}
		now := nine
		for range rapid.IntRange(20, 60).Draw(t, "changes") {
			now = now.Add(time.Duration(rapid.IntRange(-60, 3600).Draw(t, "seconds")) * time.Second)
			by, expected := s.Holder, s.LastSeq
			if rapid.IntRange(0, 9).Draw(t, "other person") == 0 {
				by = rapid.SampledFrom(people).Draw(t, "by")
			}
			if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
				expected--
			}
			logBefore, stateBefore := append([]tree.Entry(nil), s.Log...), s.State
			e, err := anyChange(t, s, actor(by), expected, now)
			if err != nil {
				if fault.Of(err) == nil || len(s.Log) != len(logBefore) {
					t.Fatalf("refused with %v, log %d -> %d", err, len(logBefore), len(s.Log))
				}
				if diff := cmp.Diff(stateBefore, s.State); diff != "" {
					t.Fatalf("what was refused changed the state:\n%s", diff)
				}
				continue
			}
			if expected != len(logBefore) || e.Seq != expected+1 || len(s.Log) != e.Seq {
				t.Fatalf("an entry with seq %d after %d, expected %d", e.Seq, len(logBefore), expected)
			}
			if diff := cmp.Diff(logBefore, append([]tree.Entry(nil), s.Log[:len(logBefore)]...)); diff != "" {
				t.Fatalf("the log was changed:\n%s", diff)
			}
			made[e.Kind]++
			checkWalk(t, s, start)
		}
	})
	t.Logf("entries made, by kind: %v", made)
	for _, kind := range []tree.EntryKind{
		tree.Answered, tree.WentBack, tree.Noted, tree.OwnStep, tree.Switched, tree.Returned, tree.HandedOver, tree.Reopened, tree.Finished, tree.GaveUp,
		tree.Called, tree.CalledOff, tree.Claimed, tree.Hinted, tree.Suggested,
	} {
		if made[kind] == 0 {
			t.Errorf("no %s was made: the test does not try what it says", kind)
		}
	}
}

func anyChange(t *rapid.T, s *tree.Session, by account.Actor, expected int, now time.Time) (tree.Entry, error) {
	text := rapid.SampledFrom([]string{"", "", "a note", "ä\n`x` {{name}}"}).Draw(t, "text")
	output := rapid.SampledFrom([]string{"", "", "eth0: down"}).Draw(t, "output")
	changes := []string{"choose", "choose", "choose", "choose", "back", "back", "note", "own", "switch", "return", "hand over", "hand over", "complete", "abandon", "escalate", "escalate", "escalate", "help", "suggest", "suggest", "suggest", "suggest", "respond"}
	if s.Escalation != nil {
		changes = append(changes, "help", "help", "help", "help", "help", "help")
	}
	if len(s.Suggestions) > 0 {
		changes = append(changes, "respond", "respond", "respond", "respond")
	}
	if s.Status != tree.InProgress {
		changes = append(changes, "reopen", "reopen", "reopen", "reopen")
	}
	switch rapid.SampledFrom(changes).Draw(t, "change") {
	case "choose":
		c := tree.Choice{Note: text, Output: output}
		if s.CurrentNode != nil {
			for _, f := range s.CurrentNode.Fields {
				if value := rapid.SampledFrom([]string{"left out", "", "7", "77", "yes", "no"}).Draw(t, f.Name); value != "left out" {
					c.Values = append(c.Values, tree.GivenValue{Name: f.Name, Text: value})
				}
			}
			if n := len(s.CurrentNode.Options); n > 0 {
				c.Option = s.CurrentNode.Options[rapid.IntRange(0, n-1).Draw(t, "option")].ID
			}
		}
		return s.Choose(by, expected, c, now)
	case "back":
		return s.GoBack(by, expected, rapid.IntRange(0, len(s.Log)+1).Draw(t, "to"), now)
	case "note":
		return s.AddNote(by, expected, tree.Note{OnStep: rapid.IntRange(0, len(s.Log)+1).Draw(t, "on"), Text: text, Output: output}, now)
	case "own":
		return s.AddStep(by, expected, tree.NewStep{Title: "Looked at it", Answer: "dark", Note: text, Output: output}, now)
	case "switch":
		refs := []tree.VersionRef{{}, {TreeID: siteTree, Number: 1}, {TreeID: powerTree, Number: 1}, {TreeID: rootedTree, Number: 1}}
		return s.Switch(by, expected, library()[rapid.SampledFrom(refs).Draw(t, "switch to")], now)
	case "return":
		return s.Return(by, expected, now)
	case "hand over":
		return s.HandOver(by, expected, rapid.SampledFrom([]account.User{emil, carl, vera, dora}).Draw(t, "to"), text, now)
	case "reopen":
		return s.Reopen(by, expected, now)
	case "escalate":
		return s.Escalate(by, expected, rapid.SampledFrom(tree.Urgencies()).Draw(t, "urgency"), "stuck "+text, now)
	case "help": // it does not mind what else happened since the escalation
		if expected != s.LastSeq {
			return s.Escalate(by, expected, tree.LowUrgency, "x", now)
		}
		escalation := rapid.IntRange(0, len(s.Log)).Draw(t, "escalation")
		if s.Escalation != nil && rapid.IntRange(0, 3).Draw(t, "another") > 0 {
			escalation = s.Escalation.Seq
		}
		helper := rapid.SampledFrom([]account.User{emil, carl, adam, vera, dora}).Draw(t, "helper")
		switch rapid.SampledFrom([]string{"claim", "answer", "take back"}).Draw(t, "how") {
		case "claim":
			return s.Claim(helper, escalation, now)
		case "answer":
			return s.Answer(helper, escalation, "hint "+text, rapid.Bool().Draw(t, "keep open"), now)
		}
		return s.TakeBack(actor(helper), escalation, now)
	case "suggest": // it makes no entry, so one that is refused follows
		option := tree.OptionID(rapid.SampledFrom([]string{"", "yes", "no"}).Draw(t, "option"))
		count, open := s.SuggestionCount, len(s.Suggestions)
		err := s.Suggest(rapid.SampledFrom([]account.User{emil, carl, adam, vera}).Draw(t, "who"), "try "+text, option, now)
		if added := s.SuggestionCount - count; added != len(s.Suggestions)-open || added > 1 || err != nil && added != 0 {
			t.Fatalf("%d suggestions became %d, %d were counted, %v", open, len(s.Suggestions), added, err)
		}
		return s.Respond(by, expected, s.SuggestionCount+1, true, now)
	case "respond":
		return s.Respond(by, expected, rapid.IntRange(0, s.SuggestionCount+1).Draw(t, "suggestion"), rapid.Bool().Draw(t, "accept"), now)
	case "complete":
		c := tree.Completion{}
		if s.CurrentNode == nil || s.CurrentNode.Kind != tree.Solution {
			c = tree.Completion{Outcome: tree.Unresolved, Reason: text}
		}
		return s.Complete(by, expected, c, now)
	default:
		return s.Abandon(by, expected, text, now)
	}
}

func checkWalk(t *rapid.T, s *tree.Session, start []tree.Place) {
	state, err := tree.Fold(start, s.Given, nine, s.Log)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.State, state); diff != "" {
		t.Fatalf("the fold of the log is not where the session stands (-session +fold):\n%s", diff)
	}
	here := s.Places[len(s.Places)-1]
	ref, inside := here.Ref()
	switch {
	case here.NodeID != s.CurrentNodeID:
		t.Fatalf("it stands at %v and at %s", here, s.CurrentNodeID)
	case !inside && (s.CurrentNode != nil || s.CurrentNodeID != ""):
		t.Fatalf("outside any tree it stands at %v", s.CurrentNode)
	case inside && (s.CurrentNode == nil || s.CurrentNode.ID != here.NodeID || s.CurrentNode.Kind == tree.Subtree || s.Versions[ref].Graph.Node(here.NodeID) == nil):
		t.Fatalf("it stands at %v, which is no node to stand at", here)
	}
	holder, open := emil, 0
	decided := 0
	steps, notes := map[int]int{}, map[int]int{}
	for i, e := range s.Log {
		if e.Seq != i+1 || i > 0 && e.At.Before(s.Log[i-1].At) {
			t.Fatalf("entry %d has the seq %d", i, e.Seq)
		}
		switch e.Kind {
		case tree.HandedOver, tree.Claimed:
			holder = e.Person
		case tree.Suggested:
			decided++
		}
		switch e.Kind {
		case tree.Called:
			if open != 0 || e.By != holder {
				t.Fatalf("entry %d of %s asks while entry %d does, and %s has the session", e.Seq, e.By.Name, open, holder.Name)
			}
			open = e.Seq
		case tree.Claimed, tree.CalledOff, tree.Hinted:
			if open == 0 || e.Target != open {
				t.Fatalf("entry %d is about the escalation %d, open is %d", e.Seq, e.Target, open)
			}
			if e.Kind != tree.CalledOff && e.By.ID == s.Log[open-1].By.ID {
				t.Fatalf("entry %d: %s helps themselves", e.Seq, e.By.Name)
			}
			if !e.KeepsOpen {
				open = 0
			}
		case tree.HandedOver, tree.Finished, tree.GaveUp:
			open = 0
		}
		for _, person := range []account.UserID{e.By.ID, e.Person.ID} {
			if !person.IsZero() && person != s.Starter.ID && !slices.Contains(s.People, person) {
				t.Fatalf("entry %d names somebody who has no part in the session", e.Seq)
			}
		}
		if e.Kind.Step() {
			steps[e.Seq]--
		}
		if e.Note != "" && e.Kind != tree.Suggested || e.Kind == tree.Noted {
			notes[e.Seq]--
		}
	}
	if s.Holder != holder {
		t.Fatalf("held by %v, the log says %v", s.Holder, holder)
	}
	if asks := s.Escalation; (asks != nil) != (open != 0) || asks != nil && (asks.Seq != open || asks.By != holder) {
		t.Fatalf("it asks by %+v, the log says by entry %d", asks, open)
	}
	if len(s.Suggestions)+decided != s.SuggestionCount || len(s.Suggestions) > tree.MaxSuggestions {
		t.Fatalf("%d suggestions were made, %d are open and %d in the log", s.SuggestionCount, len(s.Suggestions), decided)
	}
	values := slices.Clone(s.Given)
	for _, step := range s.Steps {
		if step.End.Step() {
			steps[step.Seq]++
		}
		for _, n := range step.Notes {
			notes[n.Seq]++
		}
		for _, name := range step.Cleared {
			if !step.Undone {
				values = slices.DeleteFunc(values, func(v tree.Value) bool { return v.Name == name })
			}
		}
		for _, v := range step.Values {
			if step.Undone {
				continue
			}
			if i := slices.IndexFunc(values, func(had tree.Value) bool { return had.Name == v.Name }); i >= 0 {
				values[i] = v
			} else {
				values = append(values, v)
			}
		}
		if step.Seq != 0 && step.LeftAt.Before(step.EnteredAt) {
			t.Fatalf("step %d was left before it was entered", step.Seq)
		}
	}
	if diff := cmp.Diff(values, s.Values, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("values (-of the steps that stand +session):\n%s", diff)
	}
	for what, counts := range map[string]map[int]int{"step": steps, "note": notes} {
		for seq, n := range counts {
			if n != 0 {
				t.Fatalf("%s %d is there %s", what, seq, map[bool]string{true: "twice", false: "no more"}[n > 0])
			}
		}
	}
	if s.Active > s.UpdatedAt.Sub(s.StartedAt) {
		t.Fatalf("active for %s of %s", s.Active, s.UpdatedAt.Sub(s.StartedAt))
	}
}
