package store_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
)

var everything event.Hint

// listener is a notifier whose hints a test waits for.
type listener struct {
	*store.Notifier
	hints chan event.Hint
}

func startNotifier(t *testing.T, url string) *listener {
	t.Helper()
	l := &listener{hints: make(chan event.Hint, 10_000)}
	var err error
	l.Notifier, err = store.NewNotifier(url, func(h event.Hint) { l.hints <- h }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.Start(t.Context())
	t.Cleanup(l.Stop)
	if h := await(t, "the first hint", l.hints); h != everything {
		t.Fatalf("a new connection begins with %+v", h)
	}
	return l
}

// awaitAll waits until all hints were delivered.
func (l *listener) awaitAll(t *testing.T, want ...event.Hint) {
	t.Helper()
	missing := map[event.Hint]bool{}
	for _, h := range want {
		missing[h] = true
	}
	for len(missing) > 0 {
		h := await(t, "a hint", l.hints)
		delete(missing, h)
		if h == everything {
			return
		}
	}
}

func TestNotifier_DeliversToEveryProcess(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	a, b := startNotifier(t, url), startNotifier(t, url)
	first := event.Hint{Account: "acct_1", Topic: event.LoginSessions}
	a.Send(first)
	if h := <-a.hints; h != first { // within Send
		t.Errorf("the own process got %+v", h)
	}
	if h := await(t, "the hint", b.hints); h != first {
		t.Errorf("the other process got %+v", h)
	}

	// What comes while one is on its way goes together, and nothing is left out.
	many := make([]event.Hint, 100)
	for i := range many {
		many[i] = event.Hint{Account: "acct_" + strings.Repeat("x", i%20) + string(rune('a'+i/20)), Topic: event.LoginSessions}
		a.Send(many[i])
	}
	b.awaitAll(t, many...)

	// So many that they do not fit mean everything.
	for i := range 2000 {
		a.Send(event.Hint{Account: "acct_" + strings.Repeat("y", 50) + string(rune(0x4e00+i)), Topic: event.LoginSessions})
	}
	last := event.Hint{Topic: "after them"}
	a.Send(last)
	for h := await(t, "the last hint", b.hints); h != last && h != everything; h = await(t, "the last hint", b.hints) {
	}
}

func TestNotifier_ComesBackAfterItsConnectionsAreCut(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	a, b := startNotifier(t, url), startNotifier(t, url)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, url)
	exec(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", config.Database)

	// Whoever was cut off may have missed anything.
	if h := await(t, "the hint of everything", b.hints); h != everything {
		t.Errorf("after the cut: %+v", h)
	}
	hint := event.Hint{Account: "acct_1", Topic: event.LoginSessions}
	a.Send(hint)
	b.awaitAll(t, hint)
}

func TestNotifier_NeedsAnAddress(t *testing.T) {
	t.Parallel()
	_, err := store.NewNotifier("postgres://user:secret@host:port:1/", nil, nil)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a broken address: %v", err)
	}
}
