package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/pgtest"
)

// TestLoginChanges_ASaturatedPoolDelaysNoCheck takes all connections of a process's
// pool away, ends somebody's login session without a hint, and lets 500 requests ask
// at once after the process has lost its trust. They have the register's own
// connection, and share what it reads.
func TestLoginChanges_ASaturatedPoolDelaysNoCheck(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	acme := newPeople(t, url)
	owner, ann, bob := acme.signIn(t, "Olga"), acme.signIn(t, "Ann"), acme.signIn(t, "Bob")
	p := startProcess(t, url, false)
	p.readAnew(t)
	for range 2 {
		held, err := p.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
	}
	acme.revoke(t, bob, owner)
	p.own.move(1600 * time.Millisecond)
	before, _ := p.changes.counts()
	reasons := make([]fault.Reason, 500)
	var all sync.WaitGroup
	for i := range reasons {
		who := ann
		if i%2 == 1 {
			who = bob
		}
		all.Go(func() { reasons[i] = fault.ReasonOf(p.register.Check(t.Context(), who)) })
	}
	all.Wait()
	for i, got := range reasons {
		want := fault.Reason("")
		if i%2 == 1 {
			want = fault.SessionRevoked
		}
		if got != want {
			t.Fatalf("check %d: %q, want %q", i, got, want)
		}
	}
	// One on its way, one for them all, and on a busy machine some of each half second.
	if after, _ := p.changes.counts(); after-before > 5 {
		t.Errorf("500 checks asked the database %d times", after-before)
	}
}
