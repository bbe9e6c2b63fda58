package server_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/login"
)

// carriers are the ways in which hints go from one process to another, and none. Each
// is for one test, which may be run beside others.
var carriers = map[string]func(t *testing.T) nodeOptions{
	"told by a hint":            func(*testing.T) nodeOptions { return nodeOptions{} },
	"told by NATS":              func(t *testing.T) nodeOptions { return nodeOptions{nats: startNATS(t, 0).ClientURL()} },
	"with the hint channel cut": func(*testing.T) nodeOptions { return nodeOptions{deaf: true} },
}

// startNATS starts a real NATS server on a port, or any where it is 0. It ends with
// the test.
func startNATS(t *testing.T, port int) *natsserver.Server {
	t.Helper()
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	check(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS does not start")
	}
	return s
}

// awaitCarrier waits until hints arrive, or do not.
func (n *node) awaitCarrier(connected bool) {
	n.t.Helper()
	for limit := time.After(patience); n.hints.Traffic().Connected != connected; n.settle() {
		select {
		case <-limit:
			n.t.Fatalf("the carrier of hints never was connected: %v", connected)
		default:
		}
	}
}

// watchActive is the subscription of docs/api-examples.
func watchActive(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/api-examples/active-sessions.graphql")
	check(t, err)
	return string(text)
}

// list is what a client that watches who is signed in knows, put together from the
// events as a client does.
type list struct {
	*socket
	sessions map[string]any // login session -> as told
	at       time.Time
}

// watchActive opens a socket that watches who is signed in, and reads the first event.
func (n *node) watchActive(p *person) *list {
	n.t.Helper()
	l := &list{socket: n.open(p.access), sessions: map[string]any{}}
	l.subscribe("active", watchActive(n.t), nil)
	first := l.answer().ok()
	if first.text("activeSessions.__typename") != "ActiveSessionsState" || first.at("activeSessions.more") != false {
		n.t.Fatalf("the first event is %s", first.Body)
	}
	l.take(first, "sessions")
	return l
}

func (l *list) take(a *answer, field string) {
	l.t.Helper()
	at := a.time("activeSessions.serverTime")
	if at.Before(l.at) {
		l.t.Errorf("an event of %v came after one of %v", at, l.at)
	}
	l.at = at
	sessions, _ := a.at("activeSessions." + field).([]any)
	for _, s := range sessions {
		id := s.(map[string]any)["id"].(string)
		if _, known := l.sessions[id]; known != (field == "changed") {
			l.t.Errorf("%s is told as %s: %s", id, field, a.Body)
		}
		l.sessions[id] = s
	}
}

// until takes in events until what is known is as fits says.
func (l *list) until(what string, fits func() bool) {
	l.t.Helper()
	for !fits() {
		a := l.answer().ok()
		if a.text("activeSessions.__typename") != "ActiveSessionsChange" {
			l.t.Fatalf("until %s there came %s", what, a.Body)
		}
		for _, id := range a.at("activeSessions.removedIds").([]any) {
			if _, known := l.sessions[id.(string)]; !known {
				l.t.Errorf("%v is removed and was never told of", id)
			}
			delete(l.sessions, id.(string))
		}
		l.take(a, "added")
		l.take(a, "changed")
	}
}

func (l *list) has(p *person) bool { return l.sessions[p.session] != nil }

func (l *list) of(p *person, path string) any {
	value, _ := lookup(l.sessions[p.session], path)
	return value
}

func (l *list) connected(p *person) bool { return l.of(p, "connectedNow") == true }

func (l *list) instant(p *person, field string) time.Time {
	l.t.Helper()
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(l.of(p, field)))
	check(l.t, err)
	return at
}

// TestTwoNodes_OwnersSeeWhoIsSignedIn has an owner watch on one server what happens on
// another, whatever carries the hints.
func TestTwoNodes_OwnersSeeWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	for name, options := range carriers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := options(t)
			a, b := w.start(o), w.start(o)
			owner := a.owner()
			a.owner() // another account, of whom nothing is told
			l := b.watchActive(owner)
			if len(l.sessions) != 1 || !l.has(owner) || l.of(owner, "user.id") != owner.id || l.of(owner, "device") == "" || l.of(owner, "ip") != "127.0.0.1" {
				t.Fatalf("at first %v are signed in", l.sessions)
			}
			l.until("the owner is connected", func() bool { return l.connected(owner) })

			engineer := a.join(owner, "ENGINEER")
			l.until("the engineer signed in", func() bool { return l.has(engineer) })
			if l.connected(engineer) || l.of(engineer, "user.role") != "ENGINEER" {
				t.Errorf("the engineer is told as %v", l.sessions[engineer.session])
			}
			phone := a.again(engineer)
			l.until("the phone signed in", func() bool { return l.has(phone) })

			first, second := a.open(phone.access), a.open(phone.access)
			l.until("the phone is connected", func() bool { return l.connected(phone) })
			first.conn.Close()
			second.conn.Close()
			l.until("the phone is gone", func() bool { return !l.connected(phone) })

			before := l.instant(phone, "idleExpiresAt")
			a.renew(phone, true).ok() // no activity
			a.renew(phone, false).ok()
			l.until("the phone is active", func() bool { return l.instant(phone, "idleExpiresAt").After(before) })

			a.post(owner.access, `mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }`,
				vars{"input": vars{"userId": engineer.id, "role": "VIEWER"}}).ok()
			l.until("the role is another", func() bool { return l.of(phone, "user.role") == "VIEWER" && l.of(engineer, "user.role") == "VIEWER" })

			done := a.post(owner.access, `mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount shortenedCount } }`,
				vars{"input": vars{"preset": "STRICT", "applyNow": true}}).ok()
			if done.number("updateSessionPolicy.endedCount") != 0 || done.number("updateSessionPolicy.shortenedCount") != 3 {
				t.Errorf("the policy's answer is %s, want 3 that are shortened", done.Body)
			}
			l.until("the policy is applied", func() bool { return l.instant(phone, "idleExpiresAt").Before(before) })

			a.renew(phone, true).ok()
			a.post(phone.access, `mutation { logout { revokedCount } }`, nil).ok()
			l.until("the phone signed out", func() bool { return !l.has(phone) })
			if ended := a.revoke(owner, "USER", engineer.id); ended != 1 {
				t.Errorf("%d login sessions ended, want 1", ended)
			}
			l.until("the engineer is signed out", func() bool { return !l.has(engineer) })

			// One's own end closes it, as everything.
			a.revoke(owner, "ALL", "")
			for {
				f := l.next() // the list without the owner may come before
				if f.Type == "complete" {
					break
				}
			}
			l.closed(4401)
		})
	}
}

// TestActiveSessions_EndWithTheRoleAndTheDeadline covers two ends that the watcher
// does not see coming.
func TestActiveSessions_EndWithTheRoleAndTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(nodeOptions{}), w.start(nodeOptions{})
	owner := a.owner()
	second := a.join(owner, "OWNER")
	engineer := a.join(owner, "ENGINEER")
	l := b.watchActive(second)
	mine := a.watchActive(owner)
	a.post(owner.access, `mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }`,
		vars{"input": vars{"userId": second.id, "role": "ADMIN"}}).ok()
	check(t, l.conn.SetReadDeadline(time.Now().Add(patience)))
	for {
		var f frame
		if err := l.conn.ReadJSON(&f); err != nil {
			if !strings.Contains(err.Error(), "4403") {
				t.Errorf("the demoted owner's socket ended with %v, want the close 4403", err)
			}
			break
		}
	}
	b.renew(second, true).ok()
	s := b.open(second.access)
	s.subscribe("active", watchActive(t), nil)
	s.answer().refused("FORBIDDEN")
	a.join(owner, "VIEWER") // of whom the demoted owner is not told
	s.ask(`{ me { role } }`, nil).ok()

	// Deadlines that pass are told of though nobody ends the sessions.
	a.post(owner.access, `mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }`,
		vars{"input": vars{"preset": "CUSTOM", "idleMinutes": 60, "absoluteMinutes": 600, "applyNow": true}}).ok()
	a.moveTo(a.clock.Now().Add(50 * time.Minute))
	a.renew(owner, false).ok()
	mine.until("the owner is active", func() bool {
		return mine.has(engineer) && mine.instant(owner, "lastActiveAt").After(mine.instant(engineer, "lastActiveAt"))
	})
	a.moveTo(a.clock.Now().Add(11 * time.Minute))
	mine.until("the engineer's deadline passed", func() bool { return !mine.has(engineer) })
	if !mine.has(owner) {
		t.Error("the owner's own login session is gone too")
	}
}

// TestConnectedNow_OfAServerThatWasKilled leaves what a killed process leaves: rows of
// a node that gives no sign of life.
func TestConnectedNow_OfAServerThatWasKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(nodeOptions{deaf: true}), w.start(nodeOptions{})
	owner := b.owner()
	engineer := b.join(owner, "ENGINEER")
	l := b.watchActive(owner)
	s := a.open(engineer.access)
	l.until("the engineer is connected", func() bool { return l.connected(engineer) })

	a.register.Stop() // no sign of life from now on, and it signed off
	_, err := b.db.ExecContext(t.Context(), `WITH n AS (INSERT INTO nodes VALUES (gen_random_uuid(), now() - interval '9 s') RETURNING id)
		INSERT INTO login_connections SELECT account_id, id, (SELECT id FROM n) FROM login_sessions WHERE id = ?`, sessionUUID(t, engineer))
	check(t, err)
	asked := func() (list, mine any) {
		t.Helper()
		all := b.post(owner.access, `{ accountSecurity { activeSessions { id connectedNow } } }`, nil).ok()
		for i := range all.at("accountSecurity.activeSessions").([]any) {
			if at := fmt.Sprintf("accountSecurity.activeSessions.%d.", i); all.text(at+"id") == engineer.session {
				list = all.at(at + "connectedNow")
			}
		}
		me := b.post(engineer.access, `{ me { loginSessions { connectedNow } currentLoginSession { connectedNow } } }`, nil).ok()
		if one, other := me.at("me.loginSessions.0.connectedNow"), me.at("me.currentLoginSession.connectedNow"); one != other {
			t.Errorf("one's own list and session differ: %s", me.Body)
		}
		return list, me.at("me.currentLoginSession.connectedNow")
	}
	if list, mine := asked(); list != true || mine != true {
		t.Errorf("9 s after the last sign of life the list says connected: %v, the session: %v", list, mine)
	}
	_, err = b.db.ExecContext(t.Context(), `UPDATE nodes SET seen_at = seen_at - interval '10 s' WHERE seen_at < now() - interval '5 s'`)
	check(t, err)
	if list, mine := asked(); list != false || mine != false {
		t.Errorf("after 10 s without one the list says connected: %v, the session: %v", list, mine)
	}
	l.until("the engineer is not connected", func() bool { return !l.connected(engineer) })
	s.conn.Close()
}

// TestActiveSessions_AStormCostsTheOwnersLittle has 500 people sign in while two
// owners watch on one server.
func TestActiveSessions_AStormCostsTheOwnersLittle(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	one, two := n.watchActive(owner), n.watchActive(owner)
	one.until("the owner is connected", func() bool { return one.connected(owner) })
	two.until("the owner is connected", func() bool { return two.connected(owner) })
	n.statements.take()
	before := n.server.Stats()

	const storm = 500
	began := time.Now()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for range storm / 4 {
				_, err := n.db.ExecContext(context.WithoutCancel(t.Context()), `INSERT INTO login_sessions
					(account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, generation, generation_at, salt)
					SELECT account_id, gen_random_uuid(), user_id, now(), now(), now(), '1 h', now() + interval '1 h', now() + interval '8 h', 1, now(), salt
					FROM login_sessions WHERE id = ?`, sessionUUID(t, owner))
				if err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
				n.hints.Send(event.Hint{Account: owner.account, Topic: event.LoginPresence})
			}
		})
	}
	all.Wait()
	for _, l := range []*list{one, two} {
		l.until("all are there", func() bool { return len(l.sessions) == storm+1 })
	}
	took := time.Since(began)
	reads := slices.DeleteFunc(n.statements.take(), func(sql string) bool {
		return !strings.Contains(sql, "hashtextextended") && !strings.Contains(sql, "u__name")
	})
	// A comparison and a list each time, at most ten times a second: it is rather few
	// of them that are counted than how long it took.
	if most := 2 * (int(took/(100*time.Millisecond)) + 2); len(reads) > most || len(reads) > storm/2 {
		t.Errorf("%d sign-ins in %v took %d reads, want at most %d", storm, took, len(reads), most)
	}
	if now := n.server.Stats(); 2*(now.Executions-before.Executions) > now.Events-before.Events {
		t.Errorf("%d events were encoded %d times, want once for both owners", now.Events-before.Events, now.Executions-before.Executions)
	}
}

// TestEvents_TellNothingOfWhoeverComesFirst watches with a selection whose fields are
// private. An event is encoded once for both watchers.
func TestEvents_TellNothingOfWhoeverComesFirst(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	second := n.join(owner, "OWNER")
	const private = `subscription { activeSessions { ... on ActiveSessionsState { sessions { user { id lastLoginAt loginSessions { id ip } currentLoginSession { id } } } } } }`
	for _, p := range []*person{owner, second} {
		s := n.open(p.access)
		s.subscribe("active", private, nil)
		first := s.answer().ok()
		for i := range first.at("activeSessions.sessions").([]any) {
			at := fmt.Sprintf("activeSessions.sessions.%d.user.", i)
			if first.at(at+"loginSessions") != nil || first.at(at+"currentLoginSession") != nil || first.at(at+"lastLoginAt") == nil {
				t.Errorf("an event tells %s", first.Body)
			}
		}
	}
	engineer, other := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER")
	walk := n.walk(engineer, n.published(owner))
	n.post(engineer.access, `mutation($input: HandOverSessionInput!) { handOverSession(input: $input) { session { id } } }`,
		vars{"input": vars{"sessionId": walk, "expectedStep": 0, "toUserId": other.id}}).ok()
	s := n.open(other.access)
	s.subscribe("walk", `subscription($id: ID!) { treeSession(id: $id) { ... on TreeSessionState { session { heldBy { id lastLoginAt loginSessions { id } } startedBy { id lastLoginAt } } } } }`, vars{"id": walk})
	if first := s.answer().ok(); first.at("treeSession.session.heldBy.lastLoginAt") != nil || first.at("treeSession.session.heldBy.loginSessions") != nil {
		t.Errorf("an event that all engineers share tells what is one's own: %s", first.Body)
	}
	tree := n.published(owner)
	n.offered(engineer, tree)
	const offers = `{ nodes { title sessionId } edges { node { sessionId } } }`
	if mine := n.post(engineer.access, `query($id: ID!) { tree(id: $id) { offers `+offers+` } }`, vars{"id": tree}).ok(); mine.at("tree.offers.nodes.0.sessionId") == nil {
		t.Errorf("an engineer does not see their own session: %s", mine.Body)
	}
	s = n.open(engineer.access)
	s.subscribe("offers", `subscription($id: ID!) { treeChanged(id: $id) { tree { offers `+offers+` } } }`, vars{"id": tree})
	if first := s.answer().ok(); first.text("treeChanged.tree.offers.nodes.0.title") == "" ||
		first.at("treeChanged.tree.offers.nodes.0.sessionId") != nil || first.at("treeChanged.tree.offers.edges.0.node.sessionId") != nil {
		t.Errorf("an event that all engineers share tells of a session that one of them may read: %s", first.Body)
	}
}

// TestNATS_GoesAndComesBack takes NATS away under two servers. Nothing is lost while it
// is away, and hints go again when it is back.
func TestNATS_GoesAndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nats := startNATS(t, 0)
	port := nats.Addr().(*net.TCPAddr).Port
	o := nodeOptions{nats: nats.ClientURL()}
	a, b := w.start(o), w.start(o)
	a.awaitCarrier(true)
	b.awaitCarrier(true)
	owner := a.owner()
	one, two := a.join(owner, "ENGINEER"), a.join(owner, "ENGINEER")
	first, second := b.watch(one), b.watch(two)
	if ready := b.get("/readyz"); ready.Body != "ready\n" {
		t.Errorf("/readyz with NATS: %q", ready.Body)
	}

	nats.Shutdown()
	nats.WaitForShutdown()
	a.awaitCarrier(false)
	b.awaitCarrier(false)
	if ready := b.get("/readyz"); ready.Status != http.StatusOK || !strings.Contains(ready.Body, "without hints") {
		t.Errorf("/readyz without NATS: %d %q", ready.Status, ready.Body)
	}
	if ended := a.revoke(owner, "USER", one.id); ended != 1 {
		t.Errorf("%d login sessions ended, want 1", ended)
	}
	first.loggedOut("REVOKED_BY_OWNER")
	c := w.start(o) // starts without NATS
	c.me(owner.access).ok()
	c.me(one.access).refused("UNAUTHENTICATED", "SESSION_REVOKED")

	startNATS(t, port)
	for _, n := range []*node{a, b, c} {
		n.awaitCarrier(true)
	}
	received := b.hints.Traffic().Received
	if ended := a.revoke(owner, "USER", two.id); ended != 1 {
		t.Errorf("%d login sessions ended, want 1", ended)
	}
	second.loggedOut("REVOKED_BY_OWNER")
	for limit := time.After(patience); b.hints.Traffic().Received == received; b.settle() {
		select {
		case <-limit:
			t.Fatalf("no hint arrived after NATS came back: %+v", b.hints.Traffic())
		default:
		}
	}
	if dropped := a.hints.Traffic().Dropped; dropped == 0 {
		t.Error("no hint was dropped while NATS was away")
	}
	lines := w.log.lines(t, "NATS is away; other processes' changes are seen within half a second until it is back")
	if len(lines) != 2 {
		t.Errorf("%d lines say that NATS is away, want one of each server that lost it", len(lines))
	}
	if lines := w.log.lines(t, "no NATS server answers; other processes' changes are seen within half a second until one does"); len(lines) != 1 {
		t.Errorf("%d lines say that no NATS answers, want one of the server that started without it", len(lines))
	}
}

// sessionUUID returns the id of a person's login session as the database has it.
func sessionUUID(t *testing.T, p *person) string {
	t.Helper()
	var id login.SessionID
	check(t, id.UnmarshalText([]byte(p.session)))
	return id.UUID().String()
}

// TestLoginSession_SaysAfterHowLongItIsIdle asks as somebody who may not see the policy.
func TestLoginSession_SaysAfterHowLongItIsIdle(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	viewer := n.join(owner, "VIEWER")
	idle := func() int {
		t.Helper()
		return int(n.post(viewer.access, `{ me { currentLoginSession { idleMinutes } } }`, nil).ok().number("me.currentLoginSession.idleMinutes"))
	}
	if got := idle(); got != 3*24*60 {
		t.Errorf("by the standard policy %d minutes, want three days", got)
	}
	limits := vars{"preset": "CUSTOM", "idleMinutes": 30, "absoluteMinutes": 60}
	const update = `mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { shortenedCount } }`
	n.post(owner.access, update, vars{"input": limits}).ok()
	if got := idle(); got != 3*24*60 {
		t.Errorf("after a policy for the next sign-in %d minutes, want three days", got)
	}
	limits["applyNow"] = true
	n.post(owner.access, update, vars{"input": limits}).ok()
	if got := idle(); got != 30 {
		t.Errorf("after one that holds now %d minutes, want 30", got)
	}
}
