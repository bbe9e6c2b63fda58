package login_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/login"
)

// liveList is who is signed in, in memory. It implements login.ActiveFeedStore.
type liveList struct {
	mu        sync.Mutex // guards what follows
	sessions  map[account.ID][]login.ActiveSession
	err       error // of every call
	revisions int   // calls
	lists     int
}

func (l *liveList) ActiveRevisions(_ context.Context, accounts []account.ID, now time.Time) (map[account.ID]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revisions++
	out := map[account.ID]string{}
	for _, a := range accounts {
		for _, s := range l.sessions[a] {
			if now.Before(s.Deadlines.Idle) {
				out[a] += fmt.Sprint(s.ID, s.LastActiveAt, s.Deadlines, s.Connected, s.User.Role, s.User.Name)
			}
		}
		out[a] += "."
	}
	return out, l.err
}

func (l *liveList) ActiveSessions(_ context.Context, accountID account.ID, _ account.UserID, _ login.SessionFields, now time.Time, limit int) ([]login.ActiveSession, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lists++
	var live []login.ActiveSession
	for _, s := range l.sessions[accountID] {
		if now.Before(s.Deadlines.Idle) && len(live) < limit {
			live = append(live, s)
		}
	}
	return live, l.err
}

// counted returns how often each was called since it was last asked.
func (l *liveList) counted() (revisions, lists int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	revisions, lists = l.revisions, l.lists
	l.revisions, l.lists = 0, 0
	return revisions, lists
}

// at returns the session in a place of the list, the newest of which is 0.
func (l *liveList) at(a account.ID, place int) login.SessionID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[a][place].ID
}

// fail has every call fail with err, or none.
func (l *liveList) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// signIn adds a login session in front, as the newest, and returns its id.
func (l *liveList) signIn(a account.ID, idle time.Duration) login.SessionID {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := login.ActiveSession{Session: login.Session{AccountID: a, ID: newID[login.SessionID](), SignedInAt: time.Now(), LastActiveAt: time.Now()}}
	s.Deadlines = login.Deadlines{Idle: time.Now().Add(idle), Absolute: time.Now().Add(8 * time.Hour)}
	l.sessions[a] = append([]login.ActiveSession{s}, l.sessions[a]...)
	return s.ID
}

func (l *liveList) change(a account.ID, id login.SessionID, f func(*login.ActiveSession)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := append([]login.ActiveSession(nil), l.sessions[a]...) // what was told does not change
	for i := range list {
		if list[i].ID == id {
			f(&list[i])
		}
	}
	l.sessions[a] = list
}

// owner returns an owner of the bundle's account.
func (b *bundle) owner() account.Actor {
	return account.Actor{AccountID: b.account, UserID: newID[account.UserID](), Role: account.Owner}
}

// owner is somebody who watches, and what they were told, in short.
type owner struct {
	mu   sync.Mutex // guards told and news
	told []string
	news []*login.ActiveNews
	name func(login.SessionID) string
}

func (o *owner) Receive(n *login.ActiveNews) {
	text := ""
	if n.First {
		text = "first"
	}
	for _, s := range n.Added {
		text += " +" + o.name(s.ID)
	}
	for _, s := range n.Changed {
		text += " ~" + o.name(s.ID)
	}
	for _, id := range n.Removed {
		text += " -" + o.name(id)
	}
	if n.More {
		text += " and more"
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told, o.news = append(o.told, text), append(o.news, n)
}

// heard returns what the owner was told since the last want or heard, and all news so far.
func (o *owner) heard() (told []string, news []*login.ActiveNews) {
	o.mu.Lock()
	defer o.mu.Unlock()
	told, o.told = o.told, nil
	return told, o.news
}

func (o *owner) want(t *testing.T, want ...string) {
	t.Helper()
	told, _ := o.heard()
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the owner was told (-want +got):\n%s", diff)
	}
}

func TestActiveFeed_TellsTheListAndWhatChangesInIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		var names sync.Map // login.SessionID -> string
		list := &liveList{sessions: map[account.ID][]login.ActiveSession{}}
		feed := login.NewActiveFeed(list, time.Now, discard)
		actor := b.owner()
		o := &owner{name: func(id login.SessionID) string {
			name, _ := names.Load(id)
			return fmt.Sprint(name)
		}}
		signIn := func(name string, idle time.Duration) login.SessionID {
			id := list.signIn(b.account, idle)
			names.Store(id, name)
			return id
		}
		ann := signIn("ann", time.Hour)
		if _, err := feed.Watch(account.Actor{AccountID: b.account, UserID: newID[account.UserID](), Role: account.Admin}, o); err == nil {
			t.Error("an admin may watch who is signed in")
		}
		feed.Start(t.Context())
		defer feed.Stop()
		cancel, err := feed.Watch(actor, o)
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		o.want(t, "first +ann")
		bob := signIn("bob", 20*time.Second)
		pass(600 * time.Millisecond) // without a hint
		o.want(t, " +bob")
		list.change(b.account, ann, func(s *login.ActiveSession) { s.Connected = true })
		feed.Deliver(event.Hint{Account: b.account.String(), Topic: event.LoginPresence})
		pass(time.Second)
		o.want(t, " ~ann")
		list.change(b.account, bob, func(s *login.ActiveSession) { s.LastActiveAt = time.Now() })
		list.change(b.account, ann, func(s *login.ActiveSession) { s.User.Role = account.Viewer })
		pass(time.Second)
		o.want(t, " ~bob ~ann")
		pass(20 * time.Second) // nobody ended it; its deadline passed
		o.want(t, " -bob")
		pass(time.Minute)
		o.want(t)

		// Who comes later shares the state, which is not read again.
		list.counted()
		p, q := &owner{name: o.name}, &owner{name: o.name}
		for _, late := range []*owner{p, q} {
			if _, err := feed.Watch(actor, late); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		p.want(t, "first +ann")
		_, first := p.heard()
		_, other := q.heard()
		if _, lists := list.counted(); lists != 0 || first[0] != other[0] {
			t.Errorf("two who come later cost %d reads of the list, and share their event: %v", lists, first[0] == other[0])
		}
		cancel()
		signIn("eve", time.Hour)
		pass(time.Second)
		o.want(t)
		p.want(t, " +eve")
	})
}

func TestActiveFeed_AStormCostsAFewReads(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		list := &liveList{sessions: map[account.ID][]login.ActiveSession{}}
		feed := login.NewActiveFeed(list, time.Now, discard)
		feed.Start(t.Context())
		defer feed.Stop()
		var owners []*owner
		for range 100 {
			o := &owner{name: func(login.SessionID) string { return "x" }}
			owners = append(owners, o)
			if _, err := feed.Watch(b.owner(), o); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		list.counted()
		for range 500 {
			list.signIn(b.account, time.Hour)
			feed.Deliver(event.Hint{Account: b.account.String(), Topic: event.LoginPresence})
			pass(2 * time.Millisecond)
		}
		pass(time.Second)
		if revisions, lists := list.counted(); lists > 12 || revisions > 16 {
			t.Errorf("500 sign-ins in a second, watched by 100, took %d comparisons and %d reads of the list; want at most ten a second of each", revisions, lists)
		}
		for _, o := range owners {
			seen := 0
			_, news := o.heard()
			for _, n := range news {
				seen += len(n.Added)
			}
			if seen != 500 {
				t.Fatalf("an owner saw %d sign-ins, want 500", seen)
			}
		}

		// A failed read is done again, and nothing is told twice.
		list.fail(errors.New("the database is away"))
		list.signIn(b.account, time.Hour)
		pass(time.Minute)
		list.fail(nil)
		owners[0].want(t)
		pass(2 * time.Second)
		owners[0].want(t, " +x")
	})
}

func TestActiveFeed_SaysWhenThereAreMore(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		list := &liveList{sessions: map[account.ID][]login.ActiveSession{}}
		oldest := list.signIn(b.account, time.Hour)
		for range login.MaxActiveSessions {
			list.signIn(b.account, time.Hour)
		}
		feed := login.NewActiveFeed(list, time.Now, discard)
		feed.Start(t.Context())
		defer feed.Stop()
		o := &owner{name: func(id login.SessionID) string { return map[bool]string{true: "oldest", false: "x"}[id == oldest] }}
		if _, err := feed.Watch(b.owner(), o); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if _, news := o.heard(); len(news[0].Added) != login.MaxActiveSessions || !news[0].More {
			t.Errorf("the first list has %d, more: %v", len(news[0].Added), news[0].More)
		}
		second := list.at(b.account, login.MaxActiveSessions-1)
		list.change(b.account, second, func(s *login.ActiveSession) { s.Deadlines.Idle = time.Now() })
		pass(time.Second)
		o.want(t, " +oldest -x")
		list.signIn(b.account, time.Hour)
		pass(time.Second)
		o.want(t, " +x -oldest and more")
		list.change(b.account, oldest, func(s *login.ActiveSession) { s.Deadlines.Idle = time.Now() })
		pass(time.Second)
		o.want(t, "")
	})
}
