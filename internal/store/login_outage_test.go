//go:build unix

package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
)

func TestLoginChanges_AStalledServerMakesTheRegisterFailClosed(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	acme := newPeople(t, server.URL())
	owner, ann := acme.signIn(t, "Olga"), acme.signIn(t, "Ann")
	p := startProcess(t, server.URL(), true)
	device := p.connect(t, ann)
	p.readAnew(t)

	server.Pause()
	t.Cleanup(server.Resume)
	p.own.move(1600 * time.Millisecond)
	before, _ := p.changes.counts()
	reasons := make([]fault.Reason, 500)
	var all sync.WaitGroup
	for i := range reasons {
		all.Go(func() { reasons[i] = fault.ReasonOf(p.register.Check(t.Context(), ann)) })
	}
	all.Wait()
	for i, r := range reasons {
		if r != fault.CannotVerify {
			t.Fatalf("check %d while the server is stalled: %q", i, r)
		}
	}
	if after, _ := p.changes.counts(); after-before > 5 {
		t.Errorf("500 checks asked the database %d times", after-before)
	}
	device.quiet(t)

	server.Resume()
	p.readAnew(t)
	if r := reason(t, p, ann); r != "" {
		t.Errorf("when the server goes on: %q", r)
	}
	acme.revoke(t, ann, owner)
	device.forcedOut(t)
	if r := reason(t, p, ann); r != fault.SessionRevoked {
		t.Errorf("after the revocation: %q", r)
	}
}

func TestLoginChanges_ReadTheWholeAfterARestart(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	acme := newPeople(t, server.URL())
	owner, ann, bob := acme.signIn(t, "Olga"), acme.signIn(t, "Ann"), acme.signIn(t, "Bob")
	acme.revoke(t, bob, owner)
	p := startProcess(t, server.URL(), true)
	device := p.connect(t, ann)

	server.Kill()
	server.Start()
	again := &people{conn: connect(t, server.URL()), account: acme.account}
	again.revoke(t, ann, owner)
	if e := device.forcedOut(t); e.ByName != "Olga" {
		t.Errorf("told %+v", e)
	}
	p.readAnew(t)
	if _, whole := p.changes.counts(); whole < 2 {
		t.Errorf("%d reads of the whole", whole)
	}
	for _, b := range []login.Bearer{ann, bob} {
		if r := reason(t, p, b); r != fault.SessionRevoked {
			t.Errorf("after the restart: %q", r)
		}
	}
}
