//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
)

// TestFaults breaks what two serving processes stand on, and the processes themselves.
// In each case somebody is signed out and somebody else is not; both have a socket, and
// both keep asking both processes all the time. Whatever breaks:
//
//   - who is signed out gets no answer to what they ask 2 s after the commit or later,
//     nor to what they asked before and that waited;
//   - whoever asks is answered, whatever does not answer the process;
//   - nobody else is refused, but because nobody can tell for the moment;
//   - both sockets learn the truth: that it is over, or nothing at all;
//   - all goes on without a restart.
//
// A question that begins later than 2 s after the commit must be refused however slow
// the machine is, so the bound needs no luck.
func TestFaults(t *testing.T) {
	t.Parallel()
	binary := buildProgram(t)
	for name, tt := range map[string]struct {
		own  bool // has a PostgreSQL of its own
		nats bool
		env  []string // further settings of both processes
		envA []string // of the first process alone
		run  func(s *site)
	}{
		"a process is killed between 10,000 endings and their hint": {envA: []string{"EVENTS_URL=nats://127.0.0.1:1"}, run: killedBeforeTheHint}, // its hints lead nowhere
		"a process is paused for longer than a token lives":         {env: []string{"BRANCHLINE_ACCESS_TOKEN_LIFETIME=2s"}, run: pausedProcess},
		"the connections that listen are cut":                       {run: func(s *site) { s.cutConnections(`query LIKE 'LISTEN%'`) }},
		"all connections are cut":                                   {run: func(s *site) { s.cutConnections(`true`) }},
		"NATS is stopped":                                           {nats: true, run: stoppedNATS},
		"PostgreSQL is stopped":                                     {own: true, run: func(s *site) { s.outage(s.postgres.Stop, s.postgres.Start) }},
		"PostgreSQL is paused":                                      {own: true, run: func(s *site) { s.outage(s.postgres.Pause, s.postgres.Resume) }},
		"PostgreSQL is paused while requests wait for it":           {own: true, run: func(s *site) { s.waiting(true) }},
		"PostgreSQL is paused for less than a request may take":     {own: true, run: func(s *site) { s.waiting(false) }},
		"PostgreSQL is killed":                                      {own: true, run: func(s *site) { s.outage(s.postgres.Kill, s.postgres.Start) }},
		"a copy without the last commits takes over":                {own: true, env: []string{"BRANCHLINE_REFRESH_GRACE=1s"}, run: failover},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &site{t: t}
			if tt.own {
				s.postgres = pgtest.NewServer(t)
				s.url = s.postgres.URL()
			} else {
				s.url = pgtest.URL(t)
			}
			env := append([]string{"DATABASE_URL=" + s.url, "BRANCHLINE_KEYS=" + string(login.NewKey()), "BRANCHLINE_DRAIN=1s", "BRANCHLINE_SOCKET_PING=45s"}, tt.env...)
			if tt.nats {
				s.startNATS(natsserver.RANDOM_PORT)
				env = append(env, "EVENTS_URL="+s.nats.ClientURL())
			}
			s.a, s.b = s.serve(binary, append(tt.envA, env...)...), s.serve(binary, env...)
			s.alive = []*faulty{s.a, s.b}
			s.begin()
			tt.run(s)
			s.recovered()
		})
	}
}

// killedBeforeTheHint kills the process that ends 10,001 login sessions of one user
// as soon as the database shows that they ended.
func killedBeforeTheHint(s *site) {
	s.exec(`INSERT INTO login_sessions (account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, generation, generation_at, salt)
		SELECT account_id, gen_random_uuid(), id, now(), now(), now(), '1 h', now() + interval '1 h', now() + interval '8 h', 1, now(), '\x00112233445566778899aabbccddeeff'
		FROM users, generate_series(1, 10000) WHERE email = $1`, s.gone.email)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		if r, err := s.a.post(s.t.Context(), s.owner.token(), revokeUser, s.gone.id); err == nil && len(r.Errors) > 0 { // its end may come before its answer
			s.t.Errorf("revoke: %+v", r)
		}
	}()
	s.await("the endings to be committed", func() bool {
		ended := s.count("SELECT count(*) FROM login_sessions s JOIN users u ON u.id = s.user_id WHERE u.email = $1 AND s.ended_at IS NOT NULL", s.gone.email)
		if ended != 0 && ended != 10_001 {
			s.t.Errorf("%d login sessions ended, want all or none", ended)
		}
		return ended != 0
	})
	s.gone.out.Store(time.Now().UnixNano())
	s.a.kill(s.t)
	<-asked
	s.alive = []*faulty{s.b}
}

// pausedProcess stops a process until the tokens that it knew have run out, and signs
// somebody out meanwhile whose token has not.
func pausedProcess(s *site) {
	old := s.stays.token()
	s.b.pause()
	s.await("the token to run out", func() bool { return s.a.reason(old) == "TOKEN_EXPIRED" })
	s.renew(s.gone, true)
	s.b.allowed.Store(0) // it knows nothing newer than its pause, so it has no time left
	s.revoke(s.gone)
	for _, p := range []*user{s.gone, s.stays} {
		p.socket.send("subscribe", "late", map[string]any{"query": me})
	}
	s.b.resume()
	s.await("the answer to who stays", func() bool { return s.stays.socket.answered("late") })
}

func stoppedNATS(s *site) {
	port := s.nats.Addr().(*net.TCPAddr).Port
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	for _, p := range s.alive {
		s.await("NATS to be missed", func() bool { return strings.Contains(p.ready(), "without hints") })
	}
	s.revoke(s.gone)
	for _, p := range s.alive {
		s.await("the refusal without NATS", func() bool { return p.reason(s.gone.token()) == "SESSION_REVOKED" })
	}
	s.startNATS(port)
}

// cutConnections ends the processes' connections in the transaction that signs
// somebody out.
func (s *site) cutConnections(which string) {
	s.signOut(s.gone, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND `+which)
}

// outage takes PostgreSQL away just after somebody was signed out. One of the processes
// is paused at that moment, so that it cannot have heard of it.
func (s *site) outage(begin, end func()) {
	s.b.pause()
	s.signOut(s.gone, "SELECT 1")
	begin()
	s.b.resume()
	for _, p := range s.alive {
		s.await("the refusal of whom nobody can vouch for", func() bool { return p.reason(s.stays.token()) == "CANNOT_VERIFY" })
		if got := p.reason(s.gone.token()); got != "CANNOT_VERIFY" && got != "SESSION_REVOKED" {
			s.t.Errorf("while PostgreSQL is away, who was signed out gets %q", got)
		}
	}
	end()
}

// waiting pauses PostgreSQL under requests that wait for it already, and signs one of
// those out who asked. Both processes are paused just before, so that neither can have
// heard of it. Where the pause is long, all are answered before it ends.
func (s *site) waiting(long bool) {
	lock := s.connect()
	defer lock.Close(context.WithoutCancel(s.t.Context()))
	_, err := lock.Exec(s.t.Context(), "BEGIN; LOCK TABLE tree_sessions, tree_session_shares, audit_log")
	check(s.t, err)

	const list, start = `{ sessions { nodes { id } } }`, `mutation($in: String!) { startSession(input: { subject: "It hums", idempotencyKey: $in }) { session { id } } }`
	key := func(at *faulty) string { return "hums at " + at.url }
	_, unique, _ := strings.Cut(s.owner.id, "_")
	link := "/share/acct_" + unique + ".tshr_" + unique + "." + strings.Repeat("A", 43) // opens nothing, but is looked for
	waits := map[string]func(at *faulty) (string, error){
		"a list for whoever is signed out": func(at *faulty) (string, error) { return at.asked(s.t.Context(), s.gone.token(), list, nil) },
		"a list for whoever stays":         func(at *faulty) (string, error) { return at.asked(s.t.Context(), s.stays.token(), list, nil) },
		"a mutation":                       func(at *faulty) (string, error) { return at.asked(s.t.Context(), s.stays.token(), start, key(at)) },
		"the audit log as a file": func(at *faulty) (string, error) {
			text, err := at.request(s.t.Context(), http.MethodGet, "/audit-log.csv", s.owner.token(), nil)
			return string(text), err
		},
		"a link to a session": func(at *faulty) (string, error) {
			text, err := at.request(s.t.Context(), http.MethodGet, link, "", nil)
			return string(text), err
		},
	}
	var all sync.WaitGroup
	answers := make(chan [2]string, 2*len(waits))
	s.renew(s.owner, true)
	for what, ask := range waits {
		for _, at := range s.alive {
			all.Go(func() {
				text, err := ask(at)
				if err != nil {
					s.t.Errorf("%s: %v", what, err)
				}
				answers <- [2]string{what, text}
			})
		}
	}
	s.await("all to wait for PostgreSQL", func() bool {
		return s.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == cap(answers)
	})
	for _, at := range s.alive {
		at.pause()
	}
	s.signOut(s.gone, "SELECT 1")
	s.postgres.Pause()
	for _, at := range s.alive {
		at.resume()
	}
	if long {
		all.Wait()
		s.postgres.Resume()
	} else {
		s.await("the refusal of whom nobody can vouch for", func() bool { return s.a.reason(s.stays.token()) == "CANNOT_VERIFY" })
		s.postgres.Resume()
	}
	_, err = lock.Exec(s.t.Context(), "ROLLBACK")
	check(s.t, err)
	all.Wait()
	close(answers)
	for a := range answers {
		refused := strings.Contains(a[1], `"UNAVAILABLE"`) || strings.Contains(a[1], `"CANNOT_VERIFY"`) || strings.Contains(a[1], "could not answer in time")
		switch {
		case strings.HasSuffix(a[0], "signed out") && (strings.Contains(a[1], `"nodes"`) || !refused && !strings.Contains(a[1], `"SESSION_REVOKED"`)):
			s.t.Errorf("%s is answered with %s", a[0], a[1])
		case long && !refused:
			s.t.Errorf("%s is answered while PostgreSQL does not: %s", a[0], a[1])
		}
	}
	for _, at := range s.alive { // whoever tries again finds it done once, whenever it was
		s.await("the mutation, tried again", func() bool {
			text, err := at.asked(s.t.Context(), s.stays.token(), start, key(at))
			check(s.t, err)
			return strings.Contains(text, `"session":{"id"`)
		})
	}
	if n := s.count("SELECT count(*) FROM tree_sessions WHERE subject = 'It hums'"); n != len(s.alive) {
		s.t.Errorf("%d sessions were started by %d mutations, each tried twice", n, len(s.alive))
	}
}

// failover lets a server take over that has not heard of the last commits. The ids
// of its transactions are those that the processes have read already.
func failover(s *site) {
	lost := s.join("lost")
	folder := s.postgres.Copy()
	s.await("the processes to come back", func() bool { return s.a.ready() == ready && s.b.ready() == ready })
	s.await("a refresh that the copy does not have", func() bool { return s.renew(s.stays, false) })
	s.signOut(lost, "SELECT 1")
	for _, p := range s.alive {
		s.await("the refusal before the failover", func() bool { return p.reason(lost.token()) == "SESSION_REVOKED" })
	}
	s.exec(`DO $$ BEGIN FOR i IN 1..1000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`)
	for _, p := range s.alive { // until it has read these
		s.await("a read", func() bool { return p.reason(s.stays.token()) == "" })
	}

	s.postgres.FailOver(folder)
	s.signOut(s.gone, "SELECT 1")
	s.await("the processes to come back", func() bool { return s.a.ready() == ready && s.b.ready() == ready })
	s.renew(s.stays, false) // by a token that is newer than the database
	for _, p := range s.alive {
		if got := p.reason(lost.token()); got != "SESSION_REVOKED" {
			s.t.Errorf("whose end was lost gets %q of a process that had read it", got)
		}
	}
}

// site is two processes on one database, with the people of one account.
type site struct {
	t        *testing.T
	url      string
	postgres *pgtest.Server // nil where it is shared
	nats     *natsserver.Server
	a, b     *faulty
	alive    []*faulty // those that were not killed

	owner *user
	gone  *user // signed out during the fault
	stays *user // not signed out at all
	next  *user // signed out when all is well again

	probes []*probe
}

const (
	outAfter    = 2 * time.Second  // the longest that a commit may take to be obeyed
	longest     = 30 * time.Second // the longest that a test waits for what must come
	ready       = "ready\n"
	me          = `{ me { id } }`
	revokeUser  = `mutation($in: ID!) { revokeSessions(input: { scope: USER, userId: $in }) { revokedCount } }`
	signInFrame = `{ user { id } accessToken refreshToken }`
)

// begin lets everybody sign in and keep asking.
func (s *site) begin() {
	s.t.Helper()
	s.owner = s.person("owner", `mutation($in: RegisterInput!) { signIn: register(input: $in) `+signInFrame+` }`,
		map[string]string{"accountName": "A", "name": "Olga", "email": "olga@example.com", "password": passphrase})
	s.owner.email = "olga@example.com"
	s.gone, s.stays, s.next = s.join("gone"), s.join("stays"), s.join("next")
	for _, p := range []*user{s.gone, s.stays, s.next} {
		s.renew(p, true)
		p.socket = s.dial(s.b, p)
		p.socket.send("subscribe", "expiry", map[string]any{"query": `subscription { sessionExpiry { __typename ... on ForcedLogout { logoutReason } } }`})
		if f := p.socket.read(); !strings.Contains(string(f.Payload), `"SessionState"`) {
			s.t.Fatalf("the first event is %s", f.Payload)
		}
	}
	ctx, stop := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	for _, who := range []*user{s.gone, s.stays} {
		for _, at := range s.alive {
			p := &probe{site: s, who: who, at: at}
			s.probes = append(s.probes, p)
			running.Go(func() { p.run(ctx) })
		}
	}
	s.t.Cleanup(func() {
		stop()
		running.Wait()
		for _, p := range s.probes {
			for _, text := range p.wrong {
				s.t.Error(text)
			}
		}
	})
	for _, p := range s.probes {
		s.await("the first answer to "+p.who.name, func() bool { return p.answered.Load() > 0 })
	}
}

// recovered waits until all is well, and checks that everybody knows what is true.
func (s *site) recovered() {
	s.t.Helper()
	for _, p := range s.alive {
		s.await("a process to be ready again", func() bool { return p.ready() == ready })
	}
	s.isOut(s.gone)
	s.isIn(s.stays)
	s.revoke(s.next)
	s.isOut(s.next)
	s.isIn(s.stays)
	for _, p := range s.probes { // they saw both sides of it
		if p.at.killed {
			continue
		}
		before := p.asked.Load()
		s.await("two more answers to "+p.who.name, func() bool { return p.asked.Load() > before+1 })
	}
}

func (s *site) isOut(p *user) {
	s.t.Helper()
	p.socket.loggedOut()
	for _, at := range s.alive {
		s.await("the refusal of "+p.name, func() bool {
			got := at.reason(p.token())
			return got == "SESSION_REVOKED" || got == "TOKEN_EXPIRED"
		})
		if r, err := at.post(s.t.Context(), "", refresh, p.refreshing(true)); err != nil || r.reason() != "SESSION_REVOKED" {
			s.t.Errorf("a refresh by %s is answered with %+v, %v", p.name, r, err)
		}
	}
}

func (s *site) isIn(p *user) {
	s.t.Helper()
	s.renew(p, true)
	for _, at := range s.alive {
		s.await("the answer to "+p.name, func() bool { return at.reason(p.token()) == "" })
	}
	p.socket.send("subscribe", "ask", map[string]any{"query": me})
	s.await("an answer over the socket", func() bool { return p.socket.answered("ask") })
}

// await waits until done, which is asked some 50 times a second.
func (s *site) await(what string, done func() bool) {
	s.t.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.After(longest)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (s *site) startNATS(port int) {
	s.t.Helper()
	server, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	check(s.t, err)
	server.Start()
	s.t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	if !server.ReadyForConnections(longest) {
		s.t.Fatal("NATS does not start")
	}
	s.nats = server
}

func (s *site) connect() *pgx.Conn {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.url)
	check(s.t, err)
	return conn
}

func (s *site) exec(sql string, args ...any) {
	s.t.Helper()
	conn := s.connect()
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	_, err := conn.Exec(s.t.Context(), sql, args...)
	check(s.t, err)
}

func (s *site) count(sql string, args ...any) (n int) {
	s.t.Helper()
	conn := s.connect()
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	check(s.t, conn.QueryRow(s.t.Context(), sql, args...).Scan(&n))
	return n
}

// signOut ends a user's login sessions as no process did, so that no hint tells of
// it, and runs a statement just before the commit.
func (s *site) signOut(p *user, last string) {
	s.t.Helper()
	conn := s.connect()
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	check(s.t, pgx.BeginFunc(s.t.Context(), conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(s.t.Context(), `UPDATE login_sessions SET ended_at = clock_timestamp(), end_reason = 'REVOKED_BY_OWNER', ended_xid = pg_current_xact_id()
			WHERE ended_at IS NULL AND user_id = (SELECT id FROM users WHERE email = $1)`, p.email); err != nil {
			return err
		}
		_, err := tx.Exec(s.t.Context(), last)
		return err
	}))
	p.out.Store(time.Now().UnixNano())
}

// revoke lets the owner sign somebody out.
func (s *site) revoke(p *user) {
	s.t.Helper()
	s.renew(s.owner, true)
	r, err := s.alive[0].post(s.t.Context(), s.owner.token(), revokeUser, p.id)
	p.out.Store(time.Now().UnixNano())
	if err != nil || len(r.Errors) > 0 {
		s.t.Fatalf("revoke: %+v, %v", r, err)
	}
}

const passphrase = "a long passphrase"

// join brings a user into the account.
func (s *site) join(name string) *user {
	s.t.Helper()
	email := name + "@example.com"
	s.renew(s.owner, true)
	r, err := s.a.post(s.t.Context(), s.owner.token(), `mutation($in: String!) { inviteUser(input: { email: $in, role: ENGINEER }) { token } }`, email)
	check(s.t, err)
	p := s.person(name, `mutation($in: AcceptInvitationInput!) { signIn: acceptInvitation(input: $in) `+signInFrame+` }`,
		map[string]string{"token": r.Data.InviteUser.Token, "name": name, "password": passphrase})
	p.email = email
	return p
}

func (s *site) person(name, query string, in any) *user {
	s.t.Helper()
	r, err := s.a.post(s.t.Context(), "", query, in)
	if err != nil || len(r.Errors) > 0 {
		s.t.Fatalf("%s cannot sign in: %+v, %v", name, r, err)
	}
	return &user{name: name, id: r.Data.SignIn.User.ID, access: r.Data.SignIn.AccessToken, refresh: r.Data.SignIn.RefreshToken, attempt: fmt.Sprintf("attempt-%016d", 0)}
}

const refresh = `mutation($in: RefreshInput!) { refresh(input: $in) { accessToken refreshToken } }`

// renew refreshes somebody's tokens, which has to work, and returns whether there is
// a new refresh token.
func (s *site) renew(p *user, passive bool) (rotated bool) {
	s.t.Helper()
	r, err := s.alive[0].post(s.t.Context(), "", refresh, p.refreshing(passive))
	if err != nil || len(r.Errors) > 0 {
		s.t.Fatalf("%s cannot refresh: %+v, %v", p.name, r, err)
	}
	return p.refreshed(r)
}

// user is somebody with one device.
type user struct {
	name, email, id string
	out             atomic.Int64 // when it was surely committed that they are signed out, in ns of Unix time; 0 before
	socket          *device

	mu                       sync.Mutex // guards what follows
	access, refresh, attempt string
	attempts                 int
}

func (p *user) token() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.access
}

func (p *user) refreshing(passive bool) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]any{"refreshToken": p.refresh, "attemptId": p.attempt, "passive": passive}
}

func (p *user) refreshed(r reply) (rotated bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.access = r.Data.Refresh.AccessToken
	if next := r.Data.Refresh.RefreshToken; next != "" && next != p.refresh {
		p.attempts++
		p.refresh, p.attempt, rotated = next, fmt.Sprintf("attempt-%016d", p.attempts), true
	}
	return rotated
}

// faulty is a process with the time that it may take to obey a commit.
type faulty struct {
	*process
	t       *testing.T
	allowed atomic.Int64 // ns
}

func (s *site) serve(binary string, env ...string) *faulty {
	s.t.Helper()
	p := &faulty{process: launch(s.t, binary, env...), t: s.t}
	p.allowed.Store(int64(outAfter))
	s.t.Cleanup(func() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }) // a paused one cannot end in good order
	return p
}

// pause stops the process, and returns when it stands.
func (p *faulty) pause() {
	p.t.Helper()
	check(p.t, p.cmd.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		check(p.t, err)
		if !status.Stopped() {
			p.t.Fatalf("the process did not stop but %v", status)
		}
		return
	}
}

func (p *faulty) resume() {
	p.t.Helper()
	check(p.t, p.cmd.Process.Signal(syscall.SIGCONT))
}

// reply is what a process said.
type reply struct {
	Data struct {
		SignIn struct {
			User                      struct{ ID string }
			AccessToken, RefreshToken string
		}
		Refresh    struct{ AccessToken, RefreshToken string }
		InviteUser struct{ Token string }
		Me         struct{ ID string }
	}
	Errors []struct {
		Message    string
		Extensions struct{ Code, Reason string }
	}
}

// reason returns why it is refused, the code where there is none, or "".
func (r reply) reason() string {
	if len(r.Errors) == 0 {
		return ""
	}
	if e := r.Errors[0].Extensions; e.Reason != "" {
		return e.Reason
	}
	return r.Errors[0].Extensions.Code
}

func (p *faulty) request(ctx context.Context, method, path, token string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// asked sends an operation with one variable, and returns the answer's text.
func (p *faulty) asked(ctx context.Context, token, query string, in any) (string, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"in": in}})
	if err != nil {
		return "", err
	}
	text, err := p.request(ctx, http.MethodPost, "/graphql", token, body)
	return string(text), err
}

// post sends an operation with one variable.
func (p *faulty) post(ctx context.Context, token, query string, in any) (r reply, err error) {
	text, err := p.asked(ctx, token, query, in)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(text), &r)
}

// reason asks with a token, and returns "" for an answer.
func (p *faulty) reason(token string) string {
	p.t.Helper()
	r, err := p.post(p.t.Context(), token, me, nil)
	check(p.t, err)
	return r.reason()
}

func (p *faulty) ready() string {
	p.t.Helper()
	text, err := p.request(p.t.Context(), http.MethodGet, "/readyz", "", nil)
	check(p.t, err)
	return string(text)
}

// probe keeps asking one process as one person, and notes what must never be.
type probe struct {
	site            *site
	who             *user
	at              *faulty
	asked, answered atomic.Int64
	wrong           []string // for when it has ended
}

func (p *probe) run(ctx context.Context) {
	refused := false
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		began, token := time.Now(), p.who.token()
		r, err := p.at.post(ctx, token, me, nil)
		switch reason, out := r.reason(), p.who.out.Load(); {
		case ctx.Err() != nil:
			return
		case err != nil: // it was killed, or is too slow to answer at all
		case reason == "":
			p.answered.Add(1)
			if refused {
				p.wrong = append(p.wrong, p.who.name+" was answered after it was known that they were signed out")
			}
			if late := began.UnixNano() - out - p.at.allowed.Load(); out != 0 && late > 0 {
				p.wrong = append(p.wrong, fmt.Sprintf("%s was answered although they asked %v too late", p.who.name, time.Duration(late)))
			}
		case reason == "SESSION_REVOKED" && p.who == p.site.gone:
			refused = true
		case reason == "TOKEN_EXPIRED" && p.who == p.site.gone:
		case reason == "TOKEN_EXPIRED":
			if r, err := p.site.a.post(ctx, "", refresh, p.who.refreshing(true)); err == nil && len(r.Errors) == 0 {
				p.who.refreshed(r)
			}
		case r.Errors[0].Extensions.Code == "UNAUTHENTICATED" && reason != "CANNOT_VERIFY":
			p.wrong = append(p.wrong, fmt.Sprintf("%s was refused: %s", p.who.name, reason))
		}
		p.asked.Add(1)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// device is a socket of a person.
type device struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *site) dial(at *faulty, p *user) *device {
	s.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: longest}
	conn, _, err := dialer.DialContext(s.t.Context(), "ws"+strings.TrimPrefix(at.url, "http")+"/graphql", nil)
	check(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	d := &device{s.t, conn}
	d.send("connection_init", "", map[string]string{"authorization": "Bearer " + p.token()})
	if f := d.read(); f.Type != "connection_ack" {
		s.t.Fatalf("connection_init is answered with %+v", f)
	}
	return d
}

type frame struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (d *device) send(kind, id string, payload any) {
	d.t.Helper()
	text, err := json.Marshal(payload)
	check(d.t, err)
	check(d.t, d.conn.WriteJSON(frame{kind, id, text}))
}

func (d *device) read() (f frame) {
	d.t.Helper()
	check(d.t, d.conn.SetReadDeadline(time.Now().Add(longest)))
	check(d.t, d.conn.ReadJSON(&f))
	return f
}

// answered says whether the next message answers the operation with this id, and asks
// once more where nobody could tell whose the socket is.
func (d *device) answered(id string) bool {
	d.t.Helper()
	f := d.read()
	for f.ID == "expiry" && (strings.Contains(string(f.Payload), `"SessionState"`) || strings.Contains(string(f.Payload), `"SessionExtended"`)) {
		f = d.read() // a failover may set deadlines back, and a refresh moves them
	}
	switch {
	case f.ID != id:
		d.t.Fatalf("whoever stays is told %s %s", f.Type, f.Payload)
	case f.Type == "error" && strings.Contains(string(f.Payload), "CANNOT_VERIFY"):
		d.send("subscribe", id, map[string]any{"query": me})
		return false
	case f.Type != "next" || strings.Contains(string(f.Payload), `"errors"`):
		d.t.Fatalf("whoever stays is answered with %s %s", f.Type, f.Payload)
	}
	if f := d.read(); f.Type != "complete" || f.ID != id {
		d.t.Fatalf("after the answer comes %+v", f)
	}
	return true
}

// loggedOut waits for the forced logout and the close that follows it. What was asked
// late may be refused before.
func (d *device) loggedOut() {
	d.t.Helper()
	f := d.read()
	for f.ID == "late" && !strings.Contains(string(f.Payload), `"me":{`) {
		f = d.read()
	}
	if !strings.Contains(string(f.Payload), `"logoutReason":"REVOKED_BY_OWNER"`) {
		d.t.Fatalf("whoever is signed out is told %s %s %s", f.Type, f.ID, f.Payload)
	}
	for {
		check(d.t, d.conn.SetReadDeadline(time.Now().Add(longest)))
		var f frame
		err := d.conn.ReadJSON(&f)
		if websocket.IsCloseError(err, 4401) {
			return
		}
		check(d.t, err)
		if f.Type != "complete" && f.ID != "late" || strings.Contains(string(f.Payload), `"me":{`) {
			d.t.Fatalf("after the forced logout comes %s %s", f.Type, f.Payload)
		}
	}
}
