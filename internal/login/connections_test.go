package login_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/login"
)

// nodes are the tables of connections, in memory. They implement login.Connections.
type nodes struct {
	mu      sync.Mutex // guards what follows
	known   map[uuid.UUID]map[login.SessionKey]bool
	err     error // of every call
	mute    bool  // what is asked for is done, and the answer is lost
	beats   int
	largest int // the most sessions in one statement
}

func (n *nodes) Beat(_ context.Context, node uuid.UUID, came, left []login.SessionKey) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.beats++
	n.largest = max(n.largest, len(came)+len(left))
	if n.err != nil {
		return false, n.err
	}
	if n.known == nil {
		n.known = map[uuid.UUID]map[login.SessionKey]bool{}
	}
	unknown := n.known[node] == nil
	if unknown {
		n.known[node] = map[login.SessionKey]bool{}
	}
	for _, k := range came {
		n.known[node][k] = true
	}
	for _, k := range left {
		delete(n.known[node], k)
	}
	if n.mute {
		return false, errors.New("the connection broke")
	}
	return unknown, nil
}

func (n *nodes) Bury(context.Context, time.Duration) error { return nil }

func (n *nodes) Leave(_ context.Context, node uuid.UUID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, node)
	return n.err
}

// do changes the tables, or looks at them.
func (n *nodes) do(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *nodes) connected() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, sessions := range n.known {
		count += len(sessions)
	}
	return count
}

func (b *bundle) connect(count int) (detach func()) {
	var all []func()
	for range count {
		bearer := login.Bearer{AccountID: b.account, UserID: newID[account.UserID](), SessionID: newID[login.SessionID]()}
		all = append(all, b.register.Attach(bearer, event.SinkFunc[login.Close](func(login.Close) {})))
	}
	return func() {
		for _, detach := range all {
			detach()
		}
	}
}

func (b *bundle) wantConnected(t *testing.T, when string, want int) {
	t.Helper()
	if got := b.nodes.connected(); got != want {
		t.Errorf("%s %d login sessions are written down as connected, want %d", when, got, want)
	}
}

func TestConnections_AreWrittenInBatches(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		detach := b.connect(10_000)
		pass(time.Second)
		b.wantConnected(t, "after a storm", 10_000)
		b.nodes.do(func() {
			if b.nodes.beats > 6 || b.nodes.largest > 5000 {
				t.Errorf("10,000 sockets took %d statements, the largest of %d; want a handful of 5,000", b.nodes.beats, b.nodes.largest)
			}
			b.nodes.beats = 0
		})
		second := b.connect(1) // of another session
		detach()
		pass(time.Second)
		b.wantConnected(t, "after they went", 1)
		b.nodes.do(func() {
			if b.nodes.beats > 6 {
				t.Errorf("their going took %d statements", b.nodes.beats)
			}
		})
		second()
		b.register.Stop()
		b.nodes.do(func() {
			if len(b.nodes.known) != 0 {
				t.Errorf("a stopped process leaves %v", b.nodes.known)
			}
		})
	})
}

func TestConnections_CountTheFirstAndTheLastOfALoginSession(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		first, second := ann.attach(b.register, 1), ann.attach(b.register, 1)
		pass(time.Second)
		b.wantConnected(t, "with two sockets", 1)
		first()
		pass(time.Second)
		b.wantConnected(t, "with one", 1)
		second()
		third := ann.attach(b.register, 1) // the page was loaded anew
		pass(time.Second)
		b.wantConnected(t, "with another", 1)
		third()
		pass(time.Second)
		b.wantConnected(t, "with none", 0)
	})
}

func TestConnections_AreWrittenAnewWhereTheDatabaseLostThem(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		b.connect(7000)
		pass(time.Second)
		b.nodes.do(func() { b.nodes.known = nil }) // it crashed: the tables are not logged
		pass(3 * time.Second)
		b.wantConnected(t, "after the next sign of life", 7000)
		b.nodes.do(func() { b.nodes.known, b.nodes.mute = nil, true }) // and the answer that says so is lost
		pass(3 * time.Second)
		b.nodes.do(func() { b.nodes.mute = false })
		pass(3 * time.Second)
		b.wantConnected(t, "after an answer was lost", 7000)

		b.nodes.do(func() { b.nodes.err = errors.New("the database is away") })
		detach := b.connect(10)
		gone := b.connect(1)
		pass(time.Minute)
		gone()
		b.nodes.do(func() { b.nodes.err = nil })
		pass(time.Second)
		b.wantConnected(t, "after an outage", 7010)
		detach()
		pass(time.Second)
		b.wantConnected(t, "in the end", 7000)
	})
}

func TestConnections_GiveASignOfLifeEveryTwoSeconds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		pass(time.Second)
		b.nodes.do(func() { b.nodes.beats = 0 })
		pass(login.GoneAfter)
		b.nodes.do(func() {
			if b.nodes.beats != 5 {
				t.Errorf("%d signs of life in %v, want 5", b.nodes.beats, login.GoneAfter)
			}
		})
	})
}
