package server_test

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestOutage_RefusesAndRecovers takes the database away. Nobody is trusted while
// nobody can say whose login session has ended; afterwards everything goes on
// without a restart, and what was waiting is told.
func TestOutage_RefusesAndRecovers(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	engineer := n.join(owner, "ENGINEER")
	s, gone := n.watch(owner), n.watch(engineer)

	u, err := url.Parse(n.url)
	check(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	admin, err := pgx.Connect(t.Context(), u.String())
	check(t, err)
	defer admin.Close(context.WithoutCancel(t.Context()))
	exec := func(sql string, args ...any) {
		t.Helper()
		_, err := admin.Exec(t.Context(), sql, args...)
		check(t, err)
	}
	quoted := pgx.Identifier{name}.Sanitize()
	exec("ALTER DATABASE " + quoted + " ALLOW_CONNECTIONS false")
	exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)

	wait := func(what string, done func() bool) {
		t.Helper()
		for limit := time.Now().Add(patience); !done(); runtime.Gosched() {
			if time.Now().After(limit) {
				t.Fatalf("never %s", what)
			}
		}
	}
	wait("lost its trust", func() bool { return !n.register.Trusted() })
	a := n.post(owner.access, `query Away { serverInfo { version } me { id } }`, nil).refused("UNAUTHENTICATED", "CANNOT_VERIFY")
	if a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
		t.Errorf("status %d", a.Status)
	}
	if trees := n.post(owner.access, `{ trees { nodes { id } } }`, nil).refused("UNAUTHENTICATED", "CANNOT_VERIFY"); strings.Contains(trees.Body, "connect") {
		t.Errorf("the answer tells too much: %s", trees.Body)
	}
	if ready := n.get("/readyz"); ready.Status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d %s", ready.Status, ready.Body)
	}
	s.subscribe("away", `query Away { me { id } }`, nil) // sockets are told nothing while nobody knows whose they are
	late, _ := n.dial(nil)
	late.init(owner.access)
	late.closed(1013)

	exec("ALTER DATABASE " + quoted + " ALLOW_CONNECTIONS true")
	wait("trusted again", n.register.Trusted)
	wait("ready again", func() bool { return n.get("/readyz").Status == http.StatusOK })
	n.me(owner.access).ok()
	if held := s.answer(); held.code() != "" {
		held.refused("UNAUTHENTICATED", "CANNOT_VERIFY")
	} else { // it was checked when all was well again
		s.complete("away")
	}
	s.ask(`{ me { id } }`, nil).ok()
	if ended := n.revoke(owner, "USER", engineer.id); ended != 1 {
		t.Errorf("%d login sessions ended, want 1", ended)
	}
	gone.loggedOut("REVOKED_BY_OWNER")
}
