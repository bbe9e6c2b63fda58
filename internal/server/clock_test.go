package server_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/login"
)

// TestClock_StepsOnOneNodeChangeNothing steps the wall clock of one of two nodes
// back and forth by more than any login session lasts. Nobody is signed out by it,
// nobody is kept by it, and what that node promises is what the other one would.
func TestClock_StepsOnOneNodeChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wrong atomic.Int64
	wrong.Store(int64(100 * 24 * time.Hour)) // from the start on
	own := login.OwnClocks()
	a := w.start(nodeOptions{deaf: true})
	b := w.start(nodeOptions{deaf: true, clocks: func() login.Reading {
		r := own()
		r.Wall = r.Wall.Add(time.Duration(wrong.Load()))
		return r
	}})
	owner := a.owner()
	stays := a.join(owner, "ENGINEER")
	still := b.watch(stays)
	for _, by := range []time.Duration{-100 * 24 * time.Hour, 0, 100 * 24 * time.Hour} {
		gone := a.join(owner, "ENGINEER")
		told := b.watch(gone)
		wrong.Store(int64(by))
		b.settle()

		before := a.clock.Now()
		idle := b.renew(stays, false).ok().time("refresh.loginSession.idleExpiresAt")
		if span := idle.Sub(before); span < 3*24*time.Hour-time.Minute || span > 3*24*time.Hour+time.Hour {
			t.Errorf("%v wrong: the idle end is %v away, want 3 days", by, span)
		}
		still.event("SessionExtended")
		for _, n := range []*node{a, b} {
			n.me(stays.access).ok() // signed by the node whose clock is wrong
			n.me(gone.access).ok()
		}
		still.ask(`{ me { id } }`, nil).ok() // and no event before it
		if ended := a.revoke(owner, "USER", gone.id); ended != 1 {
			t.Errorf("%v wrong: %d login sessions ended, want 1", by, ended)
		}
		told.loggedOut("REVOKED_BY_OWNER")
		b.me(gone.access).refused("UNAUTHENTICATED", "SESSION_REVOKED")
	}
}
