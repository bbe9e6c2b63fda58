package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
)

func (d seat) key() login.SessionKey {
	return login.SessionKey{AccountID: d.User.AccountID, ID: d.Session.ID}
}

func keysOf(seats ...seat) []login.SessionKey {
	var keys []login.SessionKey
	for _, s := range seats {
		keys = append(keys, s.key())
	}
	return keys
}

// beat writes down who came and left at a node, and says whether it was unknown.
func (d *desk) beat(t *testing.T, node uuid.UUID, came, left []login.SessionKey) (unknown bool) {
	t.Helper()
	unknown, err := d.store.Beat(t.Context(), node, came, left)
	if err != nil {
		t.Fatal(err)
	}
	return unknown
}

// wantConnected compares, by each way of reading, whether somebody is connected.
func (d *desk) wantConnected(t *testing.T, when string, s seat, want bool) {
	t.Helper()
	one, err := d.store.LoginSession(t.Context(), s.User.AccountID, s.Session.ID)
	if err != nil || one.Connected != want {
		t.Errorf("%s the session by its key says connected: %v (%v), want %v", when, one.Connected, err, want)
	}
	list, err := d.store.ActiveSessions(t.Context(), s.User.AccountID, s.User.ID, login.SessionConnected, d.now(), 10)
	if err != nil || len(list) != 1 || list[0].Connected != want {
		t.Errorf("%s the list is %+v (%v), want one with connected: %v", when, list, err, want)
	}
}

func (d *desk) count(t *testing.T, table string) int {
	t.Helper()
	n, err := d.db.NewSelect().Table(table).Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func TestConnections_CountWhileTheirNodeLives(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann, eve := d.found(t, "acme", "ann"), d.found(t, "rival", "eve")
	a, b := uuid.New(), uuid.New()
	d.wantConnected(t, "before anything", ann, false)
	if !d.beat(t, a, keysOf(ann, eve), nil) || d.beat(t, a, keysOf(ann), nil) {
		t.Error("a node is unknown the first time and known then")
	}
	d.wantConnected(t, "with a socket", ann, true)
	d.beat(t, b, keysOf(ann), nil)
	d.beat(t, a, nil, keysOf(ann))
	d.wantConnected(t, "with a socket on another node", ann, true)
	d.wantConnected(t, "of another account", eve, true)

	// A node that fell silent takes its sockets with it, though nobody says so.
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := d.db.ExecContext(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("UPDATE nodes SET seen_at = seen_at - interval '11 s' WHERE id = ?", b)
	d.wantConnected(t, "when its node is silent for 11 s", ann, false)
	d.wantConnected(t, "of a node that lives", eve, true)
	if d.beat(t, b, nil, nil) {
		t.Error("a node that was silent for a while is unknown")
	}
	d.wantConnected(t, "when the node speaks again", ann, true)

	// Long after that it is forgotten, and learns it when it comes back.
	exec("UPDATE nodes SET seen_at = seen_at - interval '2 min' WHERE id = ?", b)
	if err := d.store.Bury(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if nodes, rows := d.count(t, "nodes"), d.count(t, "login_connections"); nodes != 1 || rows != 1 {
		t.Errorf("after the burial there are %d nodes and %d connections, want one each", nodes, rows)
	}
	if !d.beat(t, b, nil, nil) {
		t.Error("a node that was forgotten is known")
	}
	for _, node := range []uuid.UUID{a, b, uuid.New()} {
		if err := d.store.Leave(t.Context(), node); err != nil {
			t.Fatal(err)
		}
	}
	if nodes, rows := d.count(t, "nodes"), d.count(t, "login_connections"); nodes+rows != 0 {
		t.Errorf("nodes that left leave %d nodes and %d connections", nodes, rows)
	}
}

func TestConnections_TenThousandAreTwoStatements(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	node := uuid.New()
	for _, half := range []int{0, 1} {
		keys := make([]login.SessionKey, 5000)
		for i := range keys {
			keys[i] = login.SessionKey{AccountID: ann.User.AccountID, ID: login.NewSessionID()}
		}
		keys[0] = ann.key() // in both, as when somebody comes and goes
		if unknown := d.beat(t, node, keys, nil); unknown != (half == 0) {
			t.Errorf("statement %d finds an unknown node: %v", half, unknown)
		}
	}
	if rows := d.count(t, "login_connections"); rows != 9999 {
		t.Errorf("%d connections, want 9,999", rows)
	}
}

// TestActiveSessions_LookEachConnectionUp reads the plan of the list's own statement: the
// connections of other accounts must cost nothing.
func TestActiveSessions_LookEachConnectionUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	for range 2 {
		keys := make([]login.SessionKey, 5000)
		for i := range keys {
			keys[i] = login.SessionKey{AccountID: account.NewID(), ID: login.NewSessionID()}
		}
		d.beat(t, uuid.New(), keys, nil)
	}
	_, err := d.db.ExecContext(t.Context(), `INSERT INTO login_sessions
		(account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, generation, generation_at, salt)
		SELECT account_id, gen_random_uuid(), user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, 1, generation_at, salt
		FROM login_sessions, generate_series(1, 999)`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.db.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	seen := &seenQueries{}
	d.db.DB = d.db.WithQueryHook(seen)
	if list, err := d.store.ActiveSessions(t.Context(), ann.User.AccountID, account.UserID{}, login.SessionUser|login.SessionConnected, d.now(), 1000); err != nil || len(list) != 1000 {
		t.Fatalf("%d login sessions, %v", len(list), err)
	}
	if _, err := d.store.ActiveRevisions(t.Context(), []account.ID{ann.User.AccountID}, d.now()); err != nil {
		t.Fatal(err)
	}
	if len(seen.list) != 2 {
		t.Fatalf("%d statements, want 2", len(seen.list))
	}
	for _, sql := range seen.list {
		var plan []string
		if err := d.db.NewRaw("EXPLAIN "+sql).Scan(t.Context(), &plan); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan on login_connections") {
			t.Errorf("it reads all connections:\n%s", text)
		}
	}
}

// seenQueries keeps what Bun sends to the database.
type seenQueries struct{ list []string }

func (s *seenQueries) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *seenQueries) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	if !strings.HasPrefix(e.Query, "EXPLAIN") {
		s.list = append(s.list, e.Query)
	}
}

// TestConnections_OfAKilledDatabaseAreWrittenAnew kills PostgreSQL, which empties
// tables that are not logged, under a register with sockets.
func TestConnections_OfAKilledDatabaseAreWrittenAnew(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	acme := newPeople(t, server.URL())
	ann := acme.signIn(t, "Ann")
	p := startProcess(t, server.URL(), false)
	p.connect(t, ann)
	connected := func() bool {
		db, err := store.Open(t.Context(), server.URL(), store.Options{MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		s, err := store.NewLogins(db).LoginSession(t.Context(), ann.AccountID, ann.SessionID)
		if err != nil {
			t.Fatal(err)
		}
		return s.Connected
	}
	wait := func(when string) {
		t.Helper()
		for limit := time.After(patience); !connected(); p.readAnew(t) {
			select {
			case <-limit:
				t.Fatalf("%s the session never was connected", when)
			default:
			}
		}
	}
	wait("with a socket")
	server.Kill()
	server.Start()
	wait("after the database was killed")
}

// TestActiveRevisions_ChangeWithAllThatIsTold changes, one after the other, all that
// an owner who watches is told of.
func TestActiveRevisions_ChangeWithAllThatIsTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann, eve := d.found(t, "acme", "ann"), d.found(t, "rival", "eve")
	bob := d.join(t, ann, "bob", account.Engineer)
	accounts := []account.ID{ann.User.AccountID, eve.User.AccountID, account.NewID()}
	read := func() map[account.ID]string {
		t.Helper()
		revisions, err := d.store.ActiveRevisions(t.Context(), accounts, d.now())
		if err != nil || len(revisions) != len(accounts) {
			t.Fatalf("revisions are %v, %v", revisions, err)
		}
		return revisions
	}
	node := uuid.New()
	before := read()
	if again := read(); again[accounts[0]] != before[accounts[0]] {
		t.Error("a revision changes by itself")
	}
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"a sign-in", func() { d.again(t, bob, "phone") }},
		{"a refresh", func() {
			d.advance(time.Minute)
			if _, err := d.Refresh(t.Context(), login.RefreshInput{Token: ann.Tokens.Refresh, AttemptID: "attempt-0000000000000001"}); err != nil {
				t.Fatal(err)
			}
		}},
		{"a first socket", func() { d.beat(t, node, keysOf(bob), nil) }},
		{"a node that is silent", func() {
			if _, err := d.db.ExecContext(t.Context(), "UPDATE nodes SET seen_at = seen_at - interval '11 s'"); err != nil {
				t.Fatal(err)
			}
		}},
		{"the node again", func() { d.beat(t, node, nil, nil) }},
		{"the last socket", func() { d.beat(t, node, nil, keysOf(bob)) }},
		{"a shorter policy", func() {
			if _, err := d.UpdatePolicy(t.Context(), ann.caller(), login.PolicyInput{LimitsInput: login.LimitsInput{Preset: login.Strict}}, true); err != nil {
				t.Fatal(err)
			}
		}},
		{"another role", func() {
			if _, err := d.UpdateUser(t.Context(), ann.caller(), bob.User.ID, account.Viewer); err != nil {
				t.Fatal(err)
			}
		}},
		{"a revocation", func() {
			if _, err := d.Revoke(t.Context(), ann.caller(), login.OneUser, bob.User.ID); err != nil {
				t.Fatal(err)
			}
		}},
		{"a deadline that nobody noticed", func() { d.advance(2 * time.Hour) }},
	} {
		step.do()
		after := read()
		if after[accounts[0]] == before[accounts[0]] {
			t.Errorf("%s does not change the account's revision", step.what)
		}
		if step.what != "a deadline that nobody noticed" && after[accounts[1]] != before[accounts[1]] {
			t.Errorf("%s changes another account's revision", step.what)
		}
		before = after
	}
}
