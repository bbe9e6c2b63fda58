package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/live"
)

// lock holds a table, so that who asks for it waits until release.
func (w *world) lock(table string) (waiting func() int, release func()) {
	w.t.Helper()
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(w.t.Context(), w.url)
		check(w.t, err)
		w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
		return conn
	}
	holder, looker := connect(), connect()
	exec := func(sql string) {
		_, err := holder.Exec(w.t.Context(), sql)
		check(w.t, err)
	}
	exec("BEGIN; LOCK TABLE " + table)
	waiting = func() (n int) {
		check(w.t, looker.QueryRow(w.t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n))
		return n
	}
	return waiting, func() { exec("ROLLBACK") }
}

// await waits until something is so that other processes do.
func (w *world) await(what string, done func() bool) {
	w.t.Helper()
	for limit := time.Now().Add(patience); !done(); {
		if time.Now().After(limit) {
			w.t.Fatalf("waited in vain until %s", what)
		}
	}
}

const (
	listIt = `query List { treeCategories { id } }`
	makeIt = `mutation Make($name: String!) { createTreeCategory(input: { name: $name }) { category { id } } }`
)

// TestSecondLook asks three things that wait in the database, and signs one of the two
// out who asked.
func TestSecondLook(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	gone, stays := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER")
	waiting, release := n.lock("tree_categories")
	ask := func(p *person, query string, variables vars) <-chan *answer {
		answers := make(chan *answer, 1)
		go func() { answers <- n.post(p.access, query, variables) }()
		return answers
	}
	list, made, listed := ask(gone, listIt, nil), ask(gone, makeIt, vars{"name": "Lamps"}), ask(stays, listIt, nil)
	n.await("all three wait", func() bool { return waiting() == 3 })
	n.revoke(owner, "USER", gone.id)
	n.settle()
	n.me(gone.access).refused("UNAUTHENTICATED", "SESSION_REVOKED")
	release()
	for what, answers := range map[string]<-chan *answer{"list": list, "mutation": made} {
		if a := (<-answers).refused("UNAUTHENTICATED", "SESSION_REVOKED"); a.Status != http.StatusUnauthorized || a.Data != nil {
			t.Errorf("the %s of whom was signed out meanwhile: %d %s", what, a.Status, a.Body)
		}
	}
	(<-listed).ok()
}

// TestDeadline gives operations a moment that none of them can keep: the table that
// they need is locked.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	patient, hasty := w.start(nodeOptions{}), w.start(nodeOptions{limits: live.Limits{Answer: 50 * time.Millisecond}})
	owner := patient.owner()
	s := hasty.open(owner.access)
	waiting, release := w.lock("tree_categories")

	a := hasty.post(owner.access, listIt, nil).refused("UNAVAILABLE")
	if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.Errors[0].Message, "Try again") {
		t.Errorf("a query is answered with %d, Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), a.Body)
	}
	a = hasty.post(owner.access, makeIt, vars{"name": "Lamps"}).refused("UNAVAILABLE")
	if !strings.Contains(a.Errors[0].Message, "cannot say whether this was done") {
		t.Errorf("a mutation is answered with %s", a.Body)
	}
	s.ask(listIt, nil).refused("UNAVAILABLE")

	if lines := w.log.lines(t, "resolver failed"); len(lines) != 0 {
		t.Errorf("the log calls it a mistake of the program: %v", lines)
	}
	if line := hasty.logged("Make", 1)[0]; line["code"] != "UNAVAILABLE" || line["level"] != "ERROR" {
		t.Errorf("the mutation's log line is %v", line)
	}
	w.await("the database has given up too", func() bool { return waiting() == 0 })
	release()
	if list := patient.post(owner.access, listIt, nil).ok().at("treeCategories").([]any); len(list) != 0 {
		t.Errorf("the mutation that was given up left %v", list)
	}
}
