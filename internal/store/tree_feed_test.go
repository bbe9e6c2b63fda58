package store_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// carrier takes hints to all feeds, as LISTEN and NOTIFY do, or nowhere.
type carrier struct{ feeds *[]*tree.Feed }

func (c carrier) Send(h event.Hint) {
	if c.feeds != nil {
		for _, f := range *c.feeds {
			f.Deliver(h)
		}
	}
}

// feeds starts as many feeds as there are processes, each with the other's hints
// or none.
func (b *treeBundle) feeds(t *testing.T, processes int, deaf bool) []*tree.Feed {
	t.Helper()
	all := new([]*tree.Feed)
	c := carrier{all}
	if deaf {
		c.feeds = nil
	}
	for range processes {
		*all = append(*all, tree.NewFeed(b.trees, c, slog.New(slog.DiscardHandler)))
	}
	b.service.Hints = c
	for _, f := range *all {
		f.Start(t.Context())
		t.Cleanup(f.Stop)
	}
	return *all
}

// inbox keeps what a watcher was told.
type inbox[E any] chan E

func newInbox[E any]() inbox[E] { return make(inbox[E], 1000) }

func (in inbox[E]) Receive(e E) { in <- e }

// next waits for the next news.
func (in inbox[E]) next(t *testing.T) E {
	t.Helper()
	select {
	case e := <-in:
		return e
	case <-time.After(time.Minute):
		t.Fatal("no news within a minute")
		panic("unreachable")
	}
}

// until waits for news that fit and returns them.
func (in inbox[E]) until(t *testing.T, what string, fits func(E) bool) E {
	t.Helper()
	for {
		select {
		case e := <-in:
			if fits(e) {
				return e
			}
		case <-time.After(time.Minute):
			t.Fatalf("nobody told that %s within a minute", what)
		}
	}
}

func names(users []account.User) string {
	var list []string
	for _, u := range users {
		list = append(list, u.Name)
	}
	return strings.Join(list, ", ")
}

func TestFeed_SessionIsToldInEveryProcess(t *testing.T) {
	t.Parallel()
	for name, deaf := range map[string]bool{"with hints": false, "when hints are lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openTrees(t)
			published := b.publish(t, b.acme.Engineer, "Lamp is dark")
			feeds := b.feeds(t, 2, deaf)
			session := b.walk(t, b.acme.Engineer, published.ID, "no")
			news := newInbox[*tree.SessionNews]()
			cancel, err := feeds[1].WatchSession(t.Context(), b.acme.Admin, session.ID, news)
			if err != nil {
				t.Fatal(err)
			}
			defer cancel()
			first := news.next(t)
			if !first.First || first.Session.LastSeq != 1 || len(first.Session.Steps) != 2 || names(first.Watchers) != "adam" {
				t.Errorf("first told %+v of %+v, watched by %s", first, first.Session, names(first.Watchers))
			}
			_, err = b.service.Advance(t.Context(), b.acme.Engineer, session.ID, tree.Guard{ExpectedStep: 1}, tree.Choice{Option: "still", Note: "tried twice"})
			if err != nil {
				t.Fatal(err)
			}
			moved := news.until(t, "the walk went on", func(n *tree.SessionNews) bool { return n.Session.LastSeq == 2 })
			if steps := moved.NewSteps(); moved.First || len(steps) != 1 || steps[0].OptionLabel != "Still dark" || steps[0].Notes[0].Text != "tried twice" {
				t.Errorf("then told %+v, new steps %+v", moved, moved.NewSteps())
			}
		})
	}
}

func TestFeed_NothingFallsBetweenTheFirstStateAndTheSteps(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	feeds := b.feeds(t, 2, false)
	session := b.walk(t, b.acme.Engineer, published.ID)
	const turns = 20
	walked := make(chan error, 1)
	go func() {
		seq := 0
		for range turns {
			for _, option := range []tree.OptionID{"no", "still", ""} {
				if _, err := b.service.Advance(t.Context(), b.acme.Engineer, session.ID, tree.Guard{ExpectedStep: seq}, tree.Choice{Option: option}); err != nil {
					walked <- err
					return
				}
				seq++
			}
		}
		walked <- nil
	}()
	var watching []inbox[*tree.SessionNews]
	for i := range 12 { // they begin at all moments of the walk
		news := newInbox[*tree.SessionNews]()
		cancel, err := feeds[i%2].WatchSession(t.Context(), b.acme.Owner, session.ID, news)
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		watching = append(watching, news)
		if i > 0 {
			watching[i-1] <- watching[i-1].next(t) // it came; where the walk was over by then, it is all that comes
		}
	}
	if err := <-walked; err != nil {
		t.Fatal(err)
	}
	// The last one's news are looked at whole; the others have to arrive at the end.
	last := watching[len(watching)-1]
	var told []int
	for i := 0; len(told) < 3*turns; i++ {
		n := last.next(t)
		if n.First != (i == 0) {
			t.Fatalf("news %d: first %v", i, n.First)
		}
		if n.First {
			for _, step := range n.Session.Steps {
				if step.Seq > 0 {
					told = append(told, step.Seq)
				}
			}
			continue
		}
		for _, step := range n.NewSteps() {
			told = append(told, step.Seq)
		}
	}
	if !slices.IsSorted(told) || len(slices.Compact(slices.Clone(told))) != 3*turns || told[len(told)-1] != 3*turns {
		t.Errorf("told of the steps %v", told)
	}
	for _, news := range watching[:len(watching)-1] {
		news.until(t, "the walk came to its last step", func(n *tree.SessionNews) bool { return n.Session.LastSeq == 3*turns })
	}
}

func TestFeed_WatchersAreKnownInEveryProcess(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	feeds := b.feeds(t, 2, false)
	session := b.walk(t, b.acme.Engineer, published.ID)
	mine, hers := newInbox[*tree.SessionNews](), newInbox[*tree.SessionNews]()
	cancel, err := feeds[0].WatchSession(t.Context(), b.acme.Engineer, session.ID, mine)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	leave, err := feeds[1].WatchSession(t.Context(), b.acme.Owner, session.ID, hers)
	if err != nil {
		t.Fatal(err)
	}
	both := func(n *tree.SessionNews) bool { return names(n.Watchers) == "emil, olga" }
	mine.until(t, "both watch", both)
	hers.until(t, "both watch", both)
	leave()
	alone := func(n *tree.SessionNews) bool { return names(n.Watchers) == "emil" }
	mine.until(t, "she left", alone)

	if _, err := feeds[1].WatchSession(t.Context(), b.acme.Owner, session.ID, hers); err != nil {
		t.Fatal(err)
	}
	mine.until(t, "she is back", both)
	// Her process dies: nobody says that she left, and her sign ages. It is still there, so
	// its next sign has to age too.
	ctx, told := context.WithCancel(t.Context())
	var aging sync.WaitGroup
	aging.Go(func() {
		for ctx.Err() == nil {
			_, err := b.db.ExecContext(ctx, "UPDATE tree_session_watchers SET seen_at = now() - interval '31 seconds' WHERE user_id = ?", b.acme.Owner.UserID)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	mine.until(t, "her process died", alone)
	told()
	aging.Wait()
	feeds[1].Stop()
	if n, err := b.db.NewSelect().Table("tree_session_watchers").Count(t.Context()); err != nil || n != 1 {
		t.Errorf("after a process stopped %d people are written down, %v", n, err)
	}
}

func TestFeed_EndsForWhomMayNotSeeIt(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	feed := b.feeds(t, 1, false)[0]
	session := b.walk(t, b.acme.Engineer, published.ID)
	for name, stranger := range map[string]account.Actor{"a colleague": b.acme.Colleague, "a viewer": b.acme.Viewer, "another team's owner": b.rival.Owner} {
		_, err := feed.WatchSession(t.Context(), stranger, session.ID, newInbox[*tree.SessionNews]())
		wantFaultNamed(t, name, err, fault.NotFound)
	}
	for name, actor := range map[string]account.Actor{"an engineer": b.acme.Engineer, "a viewer": b.acme.Viewer} {
		_, err := feed.WatchWalks(actor, newInbox[*tree.WalksNews]())
		wantFaultNamed(t, name, err, fault.Forbidden)
	}
	_, err := feed.WatchTree(t.Context(), b.acme.Viewer, published.ID, newInbox[*tree.TreeNews]())
	wantFault(t, err, fault.NotFound)

	hold := func(by account.Actor) {
		t.Helper()
		if _, err := b.db.ExecContext(t.Context(), "UPDATE tree_sessions SET held_by = ? WHERE id = ?", by.UserID, session.ID); err != nil {
			t.Fatal(err)
		}
	}
	hold(b.acme.Colleague)
	news := newInbox[*tree.SessionNews]()
	cancel, err := feed.WatchSession(t.Context(), b.acme.Colleague, session.ID, news)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	if first := news.next(t); first.Last() {
		t.Fatal("who has the session was told nothing")
	}
	hold(b.acme.Engineer)
	if last := news.until(t, "it was taken away", (*tree.SessionNews).Last); last.ID != session.ID {
		t.Errorf("the end of %s", last.ID)
	}
}

func TestFeed_RunningWalksAndTrees(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	b.publish(t, b.rival.Engineer, "Theirs")
	feed := b.feeds(t, 1, false)[0]
	first := b.walk(t, b.acme.Engineer, published.ID, "no")
	walks := newInbox[*tree.WalksNews]()
	cancel, err := feed.WatchWalks(b.acme.Admin, walks)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	if n := walks.next(t); !n.First || len(n.Sessions) != 1 || n.Sessions[0].ID != first.ID || n.Sessions[0].Holder.Name != "emil" || n.More {
		t.Errorf("first told %+v", n)
	}
	second := b.walk(t, b.acme.Colleague, published.ID)
	if n := walks.next(t); n.First || len(n.Sessions) != 1 || n.Sessions[0].ID != second.ID {
		t.Errorf("told %+v of a second walk", n)
	}
	_, err = b.service.Complete(t.Context(), b.acme.Engineer, first.ID, tree.Guard{ExpectedStep: 1}, tree.Completion{Outcome: tree.Unresolved, Reason: "customer left"})
	if err != nil {
		t.Fatal(err)
	}
	if n := walks.next(t); len(n.Sessions) != 0 || !cmp.Equal(n.Ended, []tree.SessionID{first.ID}) {
		t.Errorf("told %+v of its end", n)
	}

	trees := newInbox[*tree.TreeNews]()
	draft := b.create(t, b.acme.Engineer, "Cable")
	cancelTree, err := feed.WatchTree(t.Context(), b.acme.Colleague, draft.ID, trees)
	if err != nil {
		t.Fatal(err)
	}
	defer cancelTree()
	if n := trees.next(t); !n.First || n.Tree.Title != "Cable" || n.Tree.Revision != draft.Revision {
		t.Errorf("first told %+v", n.Tree)
	}
	title := "Cables"
	if _, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, draft.ID, draft.Revision, tree.TreeChange{Title: &title}, 0); err != nil {
		t.Fatal(err)
	}
	if n := trees.next(t); n.First || n.Tree.Title != "Cables" || n.Tree.SavedBy.Name != "emil" {
		t.Errorf("told %+v of a save", n.Tree)
	}
	if err := b.service.DeleteTree(t.Context(), b.acme.Admin, draft.ID); err != nil {
		t.Fatal(err)
	}
	if n := trees.next(t); !n.Last() || n.ID != draft.ID {
		t.Errorf("told %+v of its deletion", n)
	}
}
