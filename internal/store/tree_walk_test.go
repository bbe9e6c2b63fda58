package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// publishGraph publishes a graph as version 1 of a tree, with the versions that
// its subtrees lead to. It writes both itself: here it is about walking.
func (b *treeBundle) publishGraph(t *testing.T, title string, g tree.Graph, pins ...tree.VersionRef) tree.VersionRef {
	t.Helper()
	draft := b.create(t, b.acme.Engineer, title)
	for _, sql := range []struct {
		text string
		args []any
	}{
		{
			"INSERT INTO tree_versions (account_id, tree_id, number, title, graph, node_count, published_by, published_at) VALUES (?, ?, 1, ?, ?, ?, ?, ?)",
			[]any{b.acme.Account, draft.ID, title, string(tree.EncodeGraph(g)), len(g.Nodes), b.acme.Engineer.UserID, nine},
		},
		{"UPDATE trees SET status = 'PUBLISHED', published_version = 1 WHERE account_id = ? AND id = ?", []any{b.acme.Account, draft.ID}},
	} {
		if _, err := b.db.ExecContext(t.Context(), sql.text, sql.args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, pin := range pins {
		if _, err := b.db.ExecContext(t.Context(), "INSERT INTO tree_version_pins (account_id, tree_id, number, pinned_tree_id, pinned_number) VALUES (?, ?, 1, ?, ?)", b.acme.Account, draft.ID, pin.TreeID, pin.Number); err != nil {
			t.Fatal(err)
		}
	}
	return tree.VersionRef{TreeID: draft.ID, Number: 1}
}

// nested publishes three trees that lead through each other, the outermost last.
func (b *treeBundle) nested(t *testing.T) (inner, middle, outer tree.VersionRef) {
	t.Helper()
	inner = b.publishGraph(t, "Power", tree.Graph{Root: "pull", Nodes: []tree.Node{
		{ID: "pull", Kind: tree.Action, Title: "Pull the plug of {{name}}", Next: "ok"},
		{ID: "ok", Kind: tree.Solution, Title: "It has power", Outcome: tree.Resolved, Continue: true},
	}})
	middle = b.publishGraph(t, "Gateway", tree.Graph{Root: "power", Nodes: []tree.Node{
		{ID: "power", Kind: tree.Subtree, Title: "Power", Tree: inner.TreeID, Version: 1, Next: "back"},
		{ID: "back", Kind: tree.Solution, Title: "Looked at", Outcome: tree.Resolved, Continue: true},
	}}, inner)
	outer = b.publishGraph(t, "Site", tree.Graph{Root: "who", Nodes: []tree.Node{
		{ID: "who", Kind: tree.Input, Title: "Who?", Next: "through", Fields: []tree.Field{{Name: "name", Label: "Name", Type: tree.TextField}}},
		{ID: "through", Kind: tree.Subtree, Title: "The gateway", Tree: middle.TreeID, Version: 1, Next: "again"},
		{ID: "again", Kind: tree.Decision, Title: "Once more, {{name}}?", Options: []tree.Option{{ID: "yes", Label: "Yes", Target: "who"}, {ID: "no", Label: "No", Target: "end"}}},
		{ID: "end", Kind: tree.Solution, Title: "Done", Outcome: tree.Resolved},
	}}, middle, inner)
	return inner, middle, outer
}

func TestTreeSessions_AWalkThroughSeveralTrees(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	inner, _, outer := b.nested(t)
	me, ctx := b.acme.Engineer, t.Context()
	session, err := b.service.Start(ctx, me, tree.NewSession{Tree: outer.TreeID, Subject: "s"}, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	var last *tree.Session
	record := func(want string, do func(guard tree.Guard) (tree.Recorded, error)) {
		t.Helper()
		b.now.Add(30)
		guard := tree.Guard{}
		if last != nil {
			guard.ExpectedStep = last.LastSeq
		}
		var done tree.Recorded
		sent := b.statements.during(func() { done, err = do(guard) })
		if err != nil {
			t.Fatal(err)
		}
		// To begin, lock, read the log, read other versions, append, move on, and commit;
		// a handover looks at the colleague, a switch at the tree.
		if len(sent) > 8 || done.Entry.Kind != tree.Switched && len(sent) > 7 {
			t.Errorf("%s took %d statements:\n%s", done.Entry.Kind, len(sent), strings.Join(sent, "\n"))
		}
		last = done.Session
		read, err := b.service.Session(ctx, me, session.ID, tree.AllSessionFields)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(len(read.Places), " ", read.CurrentTitle); got != want {
			t.Errorf("after %s it stands at %q, want %q", done.Entry.Kind, got, want)
		}
		written := *last
		written.Versions, written.Version, written.Shares = nil, read.Version, read.Shares // how many graphs there are is another matter, and links are read apart
		if diff := cmp.Diff(&written, read, sameIDs); diff != "" {
			t.Errorf("%s: what was written and what is read differ (-written +read):\n%s", done.Entry.Kind, diff)
		}
		light, err := b.service.Session(ctx, me, session.ID, tree.SessionPlaces|tree.SessionValues|tree.SessionCurrentNode)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read.Shown(), light.Shown()); diff != "" {
			t.Errorf("%s: without the log the node is (-with +without):\n%s", done.Entry.Kind, diff)
		}
		if diff := cmp.Diff([]any{read.Places, read.Values}, []any{light.Places, light.Values}); diff != "" {
			t.Errorf("%s: without the log it stands at (-with +without):\n%s", done.Entry.Kind, diff)
		}
	}
	advance := func(c tree.Choice) func(tree.Guard) (tree.Recorded, error) {
		return func(g tree.Guard) (tree.Recorded, error) { return b.service.Advance(ctx, me, session.ID, g, c) }
	}
	record("3 Pull the plug of Ann", advance(tree.Choice{Values: []tree.GivenValue{{Name: "name", Text: "Ann"}}, Output: "a\n b"})) // 1
	record("3 It has power", advance(tree.Choice{}))                                                                                // 2
	record("2 Looked at", advance(tree.Choice{}))                                                                                   // 3
	record("1 Once more, Ann?", advance(tree.Choice{}))                                                                             // 4
	record("2 ", func(g tree.Guard) (tree.Recorded, error) {
		return b.service.SwitchTree(ctx, me, session.ID, g, tree.ID{})
	})
	record("2 ", func(g tree.Guard) (tree.Recorded, error) {
		return b.service.AddStep(ctx, me, session.ID, g, tree.NewStep{Title: "Looked at it", Answer: "dark", Output: "x"})
	})
	record("3 Pull the plug of Ann", func(g tree.Guard) (tree.Recorded, error) {
		return b.service.SwitchTree(ctx, me, session.ID, g, inner.TreeID)
	})
	record("2 ", func(g tree.Guard) (tree.Recorded, error) { return b.service.ReturnToTree(ctx, me, session.ID, g) })
	record("3 Pull the plug of Ann", func(g tree.Guard) (tree.Recorded, error) { return b.service.GoBack(ctx, me, session.ID, g, 2) })
	record("1 Who?", func(g tree.Guard) (tree.Recorded, error) { return b.service.GoBack(ctx, me, session.ID, g, 1) })
	record("3 Pull the plug of {{name}}", advance(tree.Choice{}))
	record("3 Pull the plug of {{name}}", func(g tree.Guard) (tree.Recorded, error) {
		return b.service.HandOver(ctx, me, session.ID, g, b.acme.Colleague.UserID, "please")
	})
	if err := b.service.DeleteTree(ctx, b.acme.Admin, inner.TreeID); !errors.Is(err, fault.Conflict) {
		t.Errorf("a tree that a walk goes through is deleted: %v", err)
	}
}

func TestTreeSessions_HandedOverReopenedAndUpdated(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	session := b.walk(t, b.acme.Engineer, published.ID, "no")
	ctx, me, carl := t.Context(), b.acme.Engineer, b.acme.Colleague
	guard := tree.Guard{ExpectedStep: 1, IdempotencyKey: "key-1"}
	for name, tt := range map[string]struct {
		to   account.UserID
		want fault.Code
	}{
		"a viewer": {b.acme.Viewer.UserID, fault.BadUserInput}, "a stranger": {b.rival.Engineer.UserID, fault.NotFound}, "oneself": {me.UserID, fault.BadUserInput},
	} {
		_, err := b.service.HandOver(ctx, me, session.ID, guard, tt.to, "")
		wantFaultNamed(t, name, err, tt.want)
	}
	done, err := b.service.HandOver(ctx, me, session.ID, guard, carl.UserID, "He calls back.")
	if err != nil || done.Session.Holder.Name != "carl" {
		t.Fatalf("%v, %v", done.Session, err)
	}
	if again, err := b.service.HandOver(ctx, me, session.ID, guard, carl.UserID, "He calls back."); err != nil || !again.Repeated || again.Entry.Seq != 2 {
		t.Errorf("repeated: %+v, %v", again.Entry, err)
	}
	_, err = b.service.HandOver(ctx, carl, session.ID, guard, carl.UserID, "He calls back.")
	wantFault(t, err, fault.Conflict) // another's key
	if done, err = b.service.HandOver(ctx, carl, session.ID, tree.Guard{ExpectedStep: 2}, b.acme.Admin.UserID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err = b.service.Session(ctx, carl, session.ID, 0); err != nil {
		t.Errorf("who had it for a while may not read it: %v", err)
	}
	if done, err = b.service.HandOver(ctx, b.acme.Owner, session.ID, tree.Guard{ExpectedStep: 3}, carl.UserID, "take it"); err != nil {
		t.Fatal(err)
	}
	if notes := done.Session.CurrentNotes(); done.Entry.By.Name != "olga" || notes[len(notes)-1].By.Name != "olga" {
		t.Errorf("an owner hands it over as %+v", done.Entry.By)
	}
	ticket, subject := "T-9", ""
	updated, err := b.service.UpdateSession(ctx, carl, session.ID, tree.SessionChange{Ticket: &ticket, Subject: &subject}, tree.AllSessionFields)
	if err != nil || updated.Ticket != "T-9" || updated.LastSeq != 4 {
		t.Errorf("updated: %+v, %v", updated, err)
	}
	_, err = b.service.UpdateSession(ctx, me, session.ID, tree.SessionChange{Ticket: &ticket}, 0)
	wantFault(t, err, fault.Forbidden) // who began it and gave it away
	if _, err := b.service.Abandon(ctx, carl, session.ID, tree.Guard{ExpectedStep: 4}, "enough"); err != nil {
		t.Fatal(err)
	}
	b.now.Add(int64(tree.ReopenWithin / time.Second))
	if done, err = b.service.Reopen(ctx, b.acme.Admin, session.ID, tree.Guard{ExpectedStep: 5}); err != nil || done.Session.Status != tree.InProgress || done.Session.Holder.Name != "carl" {
		t.Errorf("reopened: %+v, %v", done.Session, err)
	}
	read, err := b.service.Session(ctx, carl, session.ID, tree.AllSessionFields)
	if err != nil || read.Status != tree.InProgress || !read.EndedAt.IsZero() || read.Reason != "" || read.Log[1].Person.Name != "carl" {
		t.Errorf("read %+v, %v", read, err)
	}
}

// Two people who share a session do anything at all at the same time, often with
// what they saw too long ago, and send every third request twice or thrice. What
// was answered as recorded is in the log once, and nothing else is.
func TestTreeSessions_TwoWalkersAtOnce(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	inner, middle, outer := b.nested(t)
	ctx := t.Context()
	var made, repeated, refused, sent int
	kinds := map[tree.EntryKind]int{}
	for round := range 6 {
		session, err := b.service.Start(ctx, b.acme.Engineer, tree.NewSession{Tree: []tree.ID{outer.TreeID, middle.TreeID, {}}[round%3], Subject: "s"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex // guards what follows
		recorded := map[int]string{}
		var both sync.WaitGroup
		// The session's holder has it on two devices; of the changes of hands the
		// colleague's walker sees to those that come back.
		for walker, people := range [][]account.Actor{{b.acme.Engineer, b.acme.Colleague}, {b.acme.Colleague, b.acme.Engineer}} {
			both.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(walker)))
				seen := 0
				for n := range 40 {
					now, err := b.service.Session(ctx, b.acme.Owner, session.ID, tree.SessionHolder|tree.SessionCurrentNode|tree.SessionPosition)
					if err != nil {
						t.Error(err)
						return
					}
					if random.IntN(4) > 0 {
						seen = now.LastSeq
					}
					actor := people[0]
					if now.Holder.ID != actor.UserID && random.IntN(8) > 0 {
						actor = people[1]
					}
					guard := tree.Guard{ExpectedStep: seen, IdempotencyKey: fmt.Sprint(walker, "-", n)}
					do := b.anything(t, random, actor, now, guard, []tree.ID{inner.TreeID, outer.TreeID, {}})
					times := 1
					if random.IntN(3) == 0 {
						times += 1 + random.IntN(2)
					}
					for range times {
						done, err := do()
						mu.Lock()
						sent++
						switch {
						case err == nil && done.Repeated:
							repeated++
						case err == nil:
							made++
							kinds[done.Entry.Kind]++
						case fault.Of(err) != nil:
							refused++
						default:
							t.Error(err)
						}
						if err == nil {
							entry := fmt.Sprint(guard.IdempotencyKey, done.Entry.Kind)
							if first, there := recorded[done.Entry.Seq]; there != done.Repeated || there && first != entry {
								t.Errorf("entry %d was recorded as %s and as %s", done.Entry.Seq, first, entry)
							}
							recorded[done.Entry.Seq] = entry
						}
						mu.Unlock()
					}
				}
			})
		}
		both.Wait()
		read, err := b.service.Session(ctx, b.acme.Owner, session.ID, tree.AllSessionFields)
		if err != nil {
			t.Fatal(err)
		}
		if len(read.Log) != len(recorded) || read.LastSeq != len(recorded) {
			t.Errorf("%d entries of %d that were answered as recorded", len(read.Log), len(recorded))
		}
		for i, e := range read.Log {
			if e.Seq != i+1 || !strings.HasSuffix(recorded[e.Seq], string(e.Kind)) {
				t.Errorf("entry %d has the seq %d and the kind %s, answered was %s", i, e.Seq, e.Kind, recorded[e.Seq])
			}
		}
	}
	t.Logf("%d requests: %d recorded, %d repeats answered with the first result, %d refused; by kind: %v", sent, made, repeated, refused, kinds)
	if made == 0 || repeated == 0 || refused == 0 {
		t.Error("the test does not try what it says")
	}
}

// anything returns a change of a session, drawn at random, that can be asked for
// several times.
func (b *treeBundle) anything(t *testing.T, random *rand.Rand, actor account.Actor, s *tree.Session, guard tree.Guard, trees []tree.ID) func() (tree.Recorded, error) {
	ctx, id := t.Context(), s.ID
	if s.Status != tree.InProgress {
		return func() (tree.Recorded, error) { return b.service.Reopen(ctx, actor, id, guard) }
	}
	to, other, internal := random.IntN(s.LastSeq+1), trees[random.IntN(len(trees))], random.IntN(2) == 0
	switch random.IntN(14) {
	case 0:
		return func() (tree.Recorded, error) { return b.service.GoBack(ctx, actor, id, guard, to) }
	case 1:
		return func() (tree.Recorded, error) { return b.service.GoBack(ctx, actor, id, guard, 0) }
	case 2:
		return func() (tree.Recorded, error) {
			return b.service.AddNote(ctx, actor, id, guard, tree.Note{OnStep: to, Text: "n", Output: "o", Internal: internal})
		}
	case 3, 4:
		return func() (tree.Recorded, error) {
			return b.service.AddStep(ctx, actor, id, guard, tree.NewStep{Title: "t", Note: "n", Internal: internal})
		}
	case 5:
		return func() (tree.Recorded, error) { return b.service.SwitchTree(ctx, actor, id, guard, other) }
	case 6:
		return func() (tree.Recorded, error) { return b.service.ReturnToTree(ctx, actor, id, guard) }
	case 7:
		next := b.acme.Colleague.UserID
		if s.Holder.ID == next {
			next = b.acme.Engineer.UserID
		}
		return func() (tree.Recorded, error) { return b.service.HandOver(ctx, actor, id, guard, next, "n") }
	case 8:
		return func() (tree.Recorded, error) {
			return b.service.Complete(ctx, actor, id, guard, tree.Completion{Outcome: tree.Unresolved, Reason: "r"})
		}
	}
	c := tree.Choice{Note: "n", Internal: internal}
	if node := s.CurrentNode; node != nil {
		if len(node.Fields) > 0 {
			c.Values = []tree.GivenValue{{Name: node.Fields[0].Name, Text: fmt.Sprint(random.IntN(100))}}
		}
		if len(node.Options) > 0 {
			c.Option = node.Options[random.IntN(len(node.Options))].ID
		}
	}
	return func() (tree.Recorded, error) { return b.service.Advance(ctx, actor, id, guard, c) }
}
