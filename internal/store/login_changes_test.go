package store_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
)

// patience is how long a test waits for what has to come. It is never waited
// for where all is well.
const patience = 30 * time.Second

// people is an account with sign-ins, written by plain SQL.
type people struct {
	conn    *pgx.Conn
	account account.ID
}

func newPeople(t *testing.T, url string) *people {
	p := &people{conn: connect(t, url), account: newID[account.ID](t)}
	p.exec(t, "INSERT INTO accounts (id, name, created_at) VALUES ($1, 'Acme', now())", p.account)
	return p
}

// connect returns a connection that ends with the test.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func (p *people) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	exec(t, p.conn, sql, args...)
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// signIn adds a user with a login session that lasts an hour.
func (p *people) signIn(t *testing.T, name string) login.Bearer {
	t.Helper()
	b := login.Bearer{AccountID: p.account, UserID: newID[account.UserID](t), SessionID: newID[login.SessionID](t), TokenVersion: 1}
	p.exec(t, `INSERT INTO users (account_id, id, email, name, role, password_hash, created_at) VALUES ($1, $2, $3 || '@acme.example', $4, 'ENGINEER', 'x', now())`,
		b.AccountID, b.UserID, b.UserID.String(), name)
	p.session(t, b)
	return b
}

func (p *people) session(t *testing.T, b login.Bearer) {
	t.Helper()
	p.exec(t, `INSERT INTO login_sessions (account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, generation, generation_at, salt)
		VALUES ($1, $2, $3, now(), now(), now(), '1 h', now() + interval '1 h', now() + interval '8 h', 1, now(), '\x00112233445566778899aabbccddeeff')`,
		b.AccountID, b.SessionID, b.UserID)
}

const revokeSQL = `UPDATE login_sessions SET ended_at = clock_timestamp(), end_reason = 'REVOKED_BY_OWNER', ended_by = $3, ended_xid = pg_current_xact_id()
	WHERE account_id = $1 AND id = $2 AND ended_at IS NULL`

func (p *people) revoke(t *testing.T, b, by login.Bearer) {
	t.Helper()
	p.exec(t, revokeSQL, b.AccountID, b.SessionID, by.UserID)
}

// process is what one process of the program has: a register, and a notifier if
// it has hints.
type process struct {
	db       *store.DB // its pool, of two connections
	register *login.Register
	notifier *store.Notifier
	changes  *countedChanges
	own      *ownClocks
}

// ownClocks are the process's clocks and what a test adds to them.
type ownClocks struct {
	read  func() login.Reading
	mu    sync.Mutex // guards added
	added time.Duration
}

func (c *ownClocks) now() login.Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.read()
	return login.Reading{Wall: r.Wall.Add(c.added), Mono: r.Mono + c.added}
}

func (c *ownClocks) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added += d
}

// countedChanges counts the successful reads of changes and tells of each.
type countedChanges struct {
	login.Changes
	mu    sync.Mutex // guards what follows
	reads int        // tried
	whole int        // successful ones of the whole
	after chan struct{}
}

func (c *countedChanges) Since(ctx context.Context, mark login.Mark) (login.Changed, error) {
	changed, err := c.Changes.Since(ctx, mark)
	c.count(err, 0)
	return changed, err
}

func (c *countedChanges) Whole(ctx context.Context, within time.Duration) (login.Changed, error) {
	changed, err := c.Changes.Whole(ctx, within)
	c.count(err, 1)
	return changed, err
}

func (c *countedChanges) count(err error, whole int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if err != nil {
		return
	}
	c.whole += whole
	close(c.after)
	c.after = make(chan struct{})
}

func (c *countedChanges) counts() (reads, whole int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads, c.whole
}

// readAnew waits until all that was committed before this call has been read and
// taken in.
func (p *process) readAnew(t *testing.T) {
	t.Helper()
	// The first read may have begun before; the third begins when the second has
	// been taken in.
	for range 3 {
		p.changes.mu.Lock()
		after := p.changes.after
		p.changes.mu.Unlock()
		p.register.Look()
		await(t, "a read of changes", after)
	}
}

func await[E any](t *testing.T, what string, c <-chan E) E {
	t.Helper()
	select {
	case e := <-c:
		return e
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("not reached")
	}
}

// hinterFunc is a function as an event.Hinter.
type hinterFunc func(event.Hint)

func (f hinterFunc) Send(h event.Hint) { f(h) }

func startProcess(t *testing.T, url string, hints bool) *process {
	t.Helper()
	changes, err := store.NewLoginChanges(url)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &process{db: db, changes: &countedChanges{Changes: changes, after: make(chan struct{})}, own: &ownClocks{read: login.OwnClocks()}}
	log := slog.New(slog.DiscardHandler)
	p.register = login.NewRegister(login.RegisterOptions{
		Clock: login.NewClock(p.own.now), Changes: p.changes, Expirer: store.NewLogins(db), Present: store.NewLogins(db), TokenLife: 5 * time.Minute, Log: log,
		Hints: hinterFunc(func(h event.Hint) {
			if p.notifier != nil {
				p.notifier.Send(h)
			}
		}),
	})
	p.register.Start(t.Context())
	t.Cleanup(p.register.Stop)
	if hints {
		p.notifier, err = store.NewNotifier(url, p.register.Deliver, log)
		if err != nil {
			t.Fatal(err)
		}
		p.notifier.Start(t.Context())
		t.Cleanup(p.notifier.Stop)
	}
	return p
}

// device is a socket with a subscription.
type device struct {
	events chan login.Event
	closes chan login.Close
}

// connect attaches a socket and waits for its first event, which has to be the
// state.
func (p *process) connect(t *testing.T, b login.Bearer) *device {
	t.Helper()
	d := &device{events: make(chan login.Event, 100), closes: make(chan login.Close, 100)}
	detach := p.register.Attach(b, event.SinkFunc[login.Close](func(c login.Close) { d.closes <- c }))
	cancel := p.register.Watch(b, event.SinkFunc[login.Event](func(e login.Event) { d.events <- e }))
	t.Cleanup(detach)
	t.Cleanup(cancel)
	state, ok := await(t, "the state", d.events).(*login.State)
	if !ok || state.SessionID != b.SessionID || state.Warning.Level != login.NoWarning || state.Deadlines.Idle.Sub(state.ServerTime) > time.Hour {
		t.Fatalf("the first event is %+v", state)
	}
	return d
}

// forcedOut waits for the forced logout and the close.
func (d *device) forcedOut(t *testing.T) *login.ForcedLogout {
	t.Helper()
	e, ok := await(t, "the forced logout", d.events).(*login.ForcedLogout)
	if !ok {
		t.Fatalf("told %T, not the forced logout", e)
	}
	if c := await(t, "the close", d.closes); c != login.CloseRevoked {
		t.Errorf("closed with %d", c)
	}
	return e
}

// quiet fails the test if anything was told.
func (d *device) quiet(t *testing.T) {
	t.Helper()
	select {
	case e := <-d.events:
		t.Errorf("told %+v", e)
	case c := <-d.closes:
		t.Errorf("closed with %d", c)
	default:
	}
}

func reason(t *testing.T, p *process, b login.Bearer) fault.Reason {
	t.Helper()
	return fault.ReasonOf(p.register.Check(t.Context(), b))
}

func TestLoginChanges_TwoProcesses(t *testing.T) {
	t.Parallel()
	for name, hints := range map[string]bool{"with hints": true, "with the hint channel cut": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			acme := newPeople(t, url)
			owner, ann, bob := acme.signIn(t, "Olga"), acme.signIn(t, "Ann"), acme.signIn(t, "Bob")
			a, b := startProcess(t, url, hints), startProcess(t, url, hints)
			onB, other := b.connect(t, ann), b.connect(t, bob)
			if r := reason(t, b, ann); r != "" {
				t.Fatalf("before anything happened: %s", r)
			}

			acme.revoke(t, ann, owner)
			if hints {
				a.notifier.Send(event.Hint{Account: acme.account.String(), Topic: event.LoginSessions})
			}
			e := onB.forcedOut(t)
			if e.Reason != login.RevokedByOwner || e.By != owner.UserID || e.ByName != "Olga" || e.At.IsZero() {
				t.Errorf("told %+v", e)
			}
			a.readAnew(t)
			for _, p := range []*process{a, b} {
				if r := reason(t, p, ann); r != fault.SessionRevoked {
					t.Errorf("the token is refused because of %q", r)
				}
				if r := reason(t, p, bob); r != "" {
					t.Errorf("somebody else's token is refused: %s", r)
				}
			}
			other.quiet(t)
		})
	}
}

func TestLoginChanges_ALateCommitIsNotMissedAndAnAbortedOneAnnouncesNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	acme := newPeople(t, url)
	owner, ann, bob, eve := acme.signIn(t, "Olga"), acme.signIn(t, "Ann"), acme.signIn(t, "Bob"), acme.signIn(t, "Eve")
	p := startProcess(t, url, false)
	ofAnn, ofBob := p.connect(t, ann), p.connect(t, bob)

	late, aborted := connect(t, url), connect(t, url)
	for conn, b := range map[*pgx.Conn]login.Bearer{late: ann, aborted: bob} {
		exec(t, conn, "BEGIN")
		exec(t, conn, revokeSQL, b.AccountID, b.SessionID, owner.UserID)
	}
	// Many others begin after them, commit before them, and are read.
	for range 3 {
		for range 20 {
			eve.SessionID = newID[login.SessionID](t)
			acme.session(t, eve)
			acme.revoke(t, eve, owner)
		}
		p.readAnew(t)
		if r := reason(t, p, eve); r != fault.SessionRevoked {
			t.Fatalf("the last of those that were committed: %q", r)
		}
	}
	ofAnn.quiet(t)
	if r := reason(t, p, ann); r != "" {
		t.Errorf("refused before the commit: %s", r)
	}
	exec(t, late, "COMMIT")
	exec(t, aborted, "ROLLBACK")
	ofAnn.forcedOut(t)
	if r := reason(t, p, ann); r != fault.SessionRevoked {
		t.Errorf("after the late commit: %q", r)
	}
	p.readAnew(t)
	ofAnn.quiet(t)
	ofBob.quiet(t)
	if r := reason(t, p, bob); r != "" {
		t.Errorf("after a rollback: %q", r)
	}
	if _, whole := p.changes.counts(); whole != 1 {
		t.Errorf("%d reads of the whole, want the one at the start", whole)
	}
}

func TestLoginChanges_FindVersionsAndMovedDeadlines(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	acme := newPeople(t, url)
	ann, bob := acme.signIn(t, "Ann"), acme.signIn(t, "Bob")
	p := startProcess(t, url, false)
	ofAnn, ofBob := p.connect(t, ann), p.connect(t, bob)

	acme.exec(t, "UPDATE login_sessions SET idle_at = idle_at + interval '10 min', last_active_at = now() WHERE id = $1", bob.SessionID)
	if e, ok := await(t, "the extension", ofBob.events).(*login.Extended); !ok || e.Deadlines.Idle.Sub(e.ServerTime) < time.Hour {
		t.Errorf("told %+v", e)
	}

	acme.exec(t, "UPDATE users SET token_version = 2, version_changed_at = now(), version_xid = pg_current_xact_id() WHERE id = $1", ann.UserID)
	if c := await(t, "the close", ofAnn.closes); c != login.CloseComeBack {
		t.Errorf("closed with %d", c)
	}
	if r := reason(t, p, ann); r != fault.StaleToken {
		t.Errorf("the old token: %q", r)
	}
	ofAnn.quiet(t)
	ofBob.quiet(t)

	// A process that starts now knows the same.
	late := startProcess(t, url, false)
	late.readAnew(t)
	if r := reason(t, late, ann); r != fault.StaleToken {
		t.Errorf("in a process that started later: %q", r)
	}
}

func TestLoginChanges_EndWhatHasPassed(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	acme := newPeople(t, url)
	ann := acme.signIn(t, "Ann")
	p, other := startProcess(t, url, false), startProcess(t, url, false)
	ofAnn, elsewhere := p.connect(t, ann), other.connect(t, ann)
	acme.exec(t, `UPDATE login_sessions SET signed_in_at = now() - interval '2 h', last_active_at = now() - interval '2 h', idle_at = now() - interval '1 s' WHERE id = $1`, ann.SessionID)
	for _, d := range []*device{ofAnn, elsewhere} {
		if e, ok := await(t, "the end", d.events).(*login.Expired); !ok || e.Limit != login.IdleLimit {
			t.Errorf("told %+v", e)
		}
		if c := await(t, "the close", d.closes); c != login.CloseExpired {
			t.Errorf("closed with %d", c)
		}
	}
	var audited int
	if err := acme.conn.QueryRow(t.Context(), "SELECT count(*) FROM audit_log WHERE account_id = $1", acme.account).Scan(&audited); err != nil || audited != 1 {
		t.Errorf("%d entries in the audit log (%v)", audited, err)
	}
	if r := reason(t, p, ann); r != fault.SessionExpiredIdle {
		t.Errorf("the token is refused because of %q", r)
	}
}

func TestLoginChanges_Standings(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	acme := newPeople(t, url)
	ann, bob := acme.signIn(t, "Ann"), acme.signIn(t, "Bob")
	acme.revoke(t, bob, ann)
	changes, err := store.NewLoginChanges(url)
	if err != nil {
		t.Fatal(err)
	}
	defer changes.Close(t.Context())
	key := func(a account.ID, s login.SessionID) login.SessionKey { return login.SessionKey{AccountID: a, ID: s} }
	got, err := changes.Standings(t.Context(), []login.SessionKey{
		key(ann.AccountID, ann.SessionID), key(bob.AccountID, bob.SessionID),
		key(newID[account.ID](t), ann.SessionID),     // another account's
		key(acme.account, newID[login.SessionID](t)), // nobody's
	})
	if err != nil {
		t.Fatal(err)
	}
	type short struct {
		User    string
		Version int
		Spans   [2]time.Duration
		End     login.EndReason
		By      string
	}
	of := map[string]short{}
	for _, s := range got {
		of[s.ID.String()] = short{s.UserID.String(), s.TokenVersion, [2]time.Duration{s.Idle, s.Deadlines.Absolute.Sub(s.SignedInAt)}, s.EndReason, s.EndedByName}
	}
	spans := [2]time.Duration{time.Hour, 8 * time.Hour}
	want := map[string]short{
		ann.SessionID.String(): {ann.UserID.String(), 1, spans, "", ""},
		bob.SessionID.String(): {bob.UserID.String(), 0, spans, login.RevokedByOwner, "Ann"},
	}
	if diff := cmp.Diff(want, of); diff != "" {
		t.Errorf("standings (-want +got):\n%s", diff)
	}
}

// A database whose servers say that they are in recovery, as a standby does, is
// as good as none: it may be behind.
func TestLoginChanges_AStandbysAnswerCountsAsNone(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	acme := newPeople(t, url)
	ann := acme.signIn(t, "Ann")
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	acme.exec(t, "CREATE TABLE recovery (on_now boolean)")
	acme.exec(t, "INSERT INTO recovery VALUES (false)")
	acme.exec(t, "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT on_now FROM public.recovery'")
	acme.exec(t, "ALTER DATABASE "+pgx.Identifier{config.Database}.Sanitize()+" SET search_path = public, pg_catalog") // in place of PostgreSQL's own

	p := startProcess(t, url, false)
	device := p.connect(t, ann)
	p.readAnew(t)
	acme.exec(t, "UPDATE recovery SET on_now = true")
	p.own.move(1600 * time.Millisecond)
	if r := reason(t, p, ann); r != fault.CannotVerify {
		t.Errorf("while only a standby answers: %q", r)
	}
	acme.exec(t, "UPDATE recovery SET on_now = false")
	p.readAnew(t)
	if r := reason(t, p, ann); r != "" {
		t.Errorf("when the primary answers again: %q", r)
	}
	device.quiet(t)
}
