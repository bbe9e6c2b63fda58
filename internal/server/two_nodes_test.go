package server_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

const revokeMutation = `mutation($input: RevokeSessionsInput!) { revokeSessions(input: $input) { revokedCount accountSecurity { activeUsers { user { id } } } } }`

// revoke ends login sessions by scope and returns how many ended.
func (n *node) revoke(by *person, scope, userID string) int {
	n.t.Helper()
	in := vars{"scope": scope}
	if userID != "" {
		in["userId"] = userID
	}
	return n.post(by.access, revokeMutation, vars{"input": in}).ok().number("revokeSessions.revokedCount")
}

// TestTwoNodes_RevokedOnOneIsOutOnTheOther runs with each carrier of hints and without
// any: then the other server's own read has to find what ended.
func TestTwoNodes_RevokedOnOneIsOutOnTheOther(t *testing.T) {
	t.Parallel()
	for name, options := range carriers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := options(t)
			a, b := w.start(o), w.start(o)
			owner := a.owner()
			engineer := a.join(owner, "ENGINEER")
			b.me(engineer.access).ok()
			gone, stays := b.watch(engineer), b.watch(owner)

			if ended := a.revoke(owner, "USER", engineer.id); ended != 1 {
				t.Errorf("%d login sessions ended, want 1", ended)
			}
			told := gone.loggedOut("REVOKED_BY_OWNER")
			if told.text("endedByUserId") != owner.id {
				t.Errorf("ForcedLogout is %s, want it to name the owner %s", told.Body, owner.id)
			}
			b.me(engineer.access).refused("UNAUTHENTICATED", "SESSION_REVOKED") // at once: the event came of the same read
			a.settle()                                                          // it need not have read before the other one
			for _, n := range []*node{a, b} {
				n.me(engineer.access).refused("UNAUTHENTICATED", "SESSION_REVOKED")
				n.renew(engineer, true).refused("UNAUTHENTICATED", "SESSION_REVOKED")
				late, _ := n.dial(nil)
				late.init(engineer.access)
				late.closed(4401)
			}
			stays.ask(`{ me { id } }`, nil).ok()
			b.me(owner.access).ok()
			if ended := b.revoke(owner, "USER", engineer.id); ended != 0 {
				t.Errorf("revoking again ended %d, want 0", ended)
			}
		})
	}
}

func TestTwoNodes_ARoleChangesOnBoth(t *testing.T) {
	t.Parallel()
	for name, options := range carriers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := options(t)
			a, b := w.start(o), w.start(o)
			owner := a.owner()
			p := a.join(owner, "ENGINEER")
			other := a.join(owner, "ENGINEER")
			s, untouched := b.watch(p), b.watch(other)
			before := p.access

			a.post(owner.access, `mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { role } } }`,
				vars{"input": vars{"userId": p.id, "role": "VIEWER"}}).ok()
			s.closed(4403)
			b.settle()
			b.me(before).refused("UNAUTHENTICATED", "STALE_TOKEN")
			late, _ := b.dial(nil)
			late.init(before)
			late.closed(4403)

			b.renew(p, true).ok()
			if role := b.me(p.access).ok().text("me.role"); role != "VIEWER" {
				t.Errorf("after the refresh the role is %s, want VIEWER", role)
			}
			b.post(p.access, `mutation { createTreeCategory(input: { name: "Lamps" }) { category { id } } }`, nil).refused("FORBIDDEN")
			b.watch(p).ask(`{ me { id } }`, nil).ok()
			untouched.ask(`{ me { id } }`, nil).ok()
		})
	}
}

func TestRevoke_EveryScopeEndsTheRightPeople(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		run     func(n *node, owner, owner2, engineer *person) int
		ended   int
		reasons map[string]string // who is told which reason; the others stay
	}{
		"everybody": {
			func(n *node, owner, _, _ *person) int { return n.revoke(owner, "ALL", "") }, 4,
			map[string]string{"owner": "REVOKED_BY_SELF", "owner's phone": "REVOKED_BY_SELF", "engineer": "REVOKED_BY_OWNER", "admin": "REVOKED_BY_OWNER"},
		},
		"everybody but me": {
			func(n *node, owner, _, _ *person) int { return n.revoke(owner, "ALL_EXCEPT_ME", "") }, 2,
			map[string]string{"engineer": "REVOKED_BY_OWNER", "admin": "REVOKED_BY_OWNER"},
		},
		"one user": {
			func(n *node, owner, _, engineer *person) int { return n.revoke(owner, "USER", engineer.id) }, 1,
			map[string]string{"engineer": "REVOKED_BY_OWNER"},
		},
		"one user who is me": {
			func(n *node, owner, _, _ *person) int { return n.revoke(owner, "USER", owner.id) }, 2,
			map[string]string{"owner": "REVOKED_BY_SELF", "owner's phone": "REVOKED_BY_SELF"},
		},
		"my other devices": {
			func(n *node, owner, _, _ *person) int {
				return n.post(owner.access, `mutation { revokeMyOtherSessions { revokedCount } }`, nil).ok().number("revokeMyOtherSessions.revokedCount")
			}, 1,
			map[string]string{"owner's phone": "REVOKED_BY_SELF"},
		},
		"one login session of mine": {
			func(n *node, owner, phone, _ *person) int { return n.revokeOne(owner, phone.session) }, 1,
			map[string]string{"owner's phone": "REVOKED_BY_SELF"},
		},
		"one login session of somebody else": {
			func(n *node, owner, _, engineer *person) int { return n.revokeOne(owner, engineer.session) }, 1,
			map[string]string{"engineer": "REVOKED_BY_OWNER"},
		},
		"logging out": {
			func(n *node, owner, _, _ *person) int {
				return n.post(owner.access, `mutation { logout { revokedCount } }`, nil).ok().number("logout.revokedCount")
			}, 1,
			map[string]string{"owner": "REVOKED_BY_SELF"},
		},
		"a new password": {
			func(n *node, owner, _, _ *person) int {
				next := n.newPerson().password
				a := n.post(owner.access, `mutation($input: ChangePasswordInput!) { changePassword(input: $input) { revokedCount accessToken } }`,
					vars{"input": vars{"currentPassword": owner.password, "newPassword": next}}).ok()
				n.secret("access token", a.text("changePassword.accessToken"))
				n.settle()
				n.me(owner.access).refused("UNAUTHENTICATED", "STALE_TOKEN")
				n.me(a.text("changePassword.accessToken")).ok()
				n.tryLogin(owner.email, owner.password).refused("UNAUTHENTICATED", "INVALID_CREDENTIALS")
				n.tryLogin(owner.email, next).ok()
				return a.number("changePassword.revokedCount")
			}, 1,
			map[string]string{"owner's phone": "PASSWORD_CHANGED", "owner": ""}, // the tab that did it comes back with its new token
		},
		"disabling a user": {
			func(n *node, owner, _, engineer *person) int {
				a := n.post(owner.access, `mutation($input: DisableUserInput!) { disableUser(input: $input) { revokedCount } }`, vars{"input": vars{"userId": engineer.id}}).ok()
				n.tryLogin(engineer.email, engineer.password).refused("FORBIDDEN")
				return a.number("disableUser.revokedCount")
			}, 1,
			map[string]string{"engineer": "USER_DISABLED"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n, b := w.start(nodeOptions{}), w.start(nodeOptions{})
			owner := n.owner()
			phone := n.again(owner)
			engineer, admin, stranger := n.join(owner, "ENGINEER"), n.join(owner, "ADMIN"), n.owner()
			people := map[string]*person{"owner": owner, "owner's phone": phone, "engineer": engineer, "admin": admin, "stranger": stranger}
			sockets := map[string]*socket{}
			for who, p := range people {
				sockets[who] = b.watch(p)
			}
			if ended := tt.run(n, owner, phone, engineer); ended != tt.ended {
				t.Errorf("%d login sessions ended, want %d", ended, tt.ended)
			}
			for who, s := range sockets {
				switch reason, told := tt.reasons[who]; {
				case told && reason == "":
					s.closed(4403)
				case told:
					s.loggedOut(reason)
				}
			}
			b.settle()
			for who, p := range people {
				reason, told := tt.reasons[who]
				if told && reason != "" {
					b.me(p.access).refused("UNAUTHENTICATED", "SESSION_REVOKED")
				} else if !told {
					sockets[who].ask(`{ me { id } }`, nil).ok() // and no event before it
					b.me(p.access).ok()
				}
			}
		})
	}
}

func (n *node) revokeOne(by *person, session string) int {
	n.t.Helper()
	return n.post(by.access, `mutation($input: RevokeSessionInput!) { revokeSession(input: $input) { revokedCount } }`,
		vars{"input": vars{"sessionId": session}}).ok().number("revokeSession.revokedCount")
}

// TestRules_EndLoginSessionsToo covers the ends that nobody asked for.
func TestRules_EndLoginSessionsToo(t *testing.T) {
	t.Parallel()
	t.Run("a refresh token used twice", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, nodeOptions{})
		p := n.owner()
		thief := *p
		thief.attempt = newAttempt()
		for range 2 { // the copy is the one before the last: no answer was lost
			n.moveTo(n.clock.Now().Add(time.Minute))
			n.renew(p, false).ok()
		}
		s := n.watch(p)
		n.renew(&thief, false).refused("UNAUTHENTICATED", "SESSION_REVOKED")
		if told := s.loggedOut("TOKEN_REUSE"); told.at("endedByUserId") != nil {
			t.Errorf("ForcedLogout is %s, want that nobody did it", told.Body)
		}
		n.renew(p, false).refused("UNAUTHENTICATED", "SESSION_REVOKED")
		n.me(p.access).refused("UNAUTHENTICATED", "SESSION_REVOKED")
	})
	for rule, told := range map[string]bool{"END_LEAST_RECENTLY_ACTIVE": true, "REFUSE": false} {
		t.Run("a device more than allowed, "+rule, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, nodeOptions{})
			first := n.owner()
			n.post(first.access, `mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }`,
				vars{"input": vars{"preset": "STANDARD", "maxSessionsPerUser": 2, "atSessionLimit": rule}}).ok()
			n.moveTo(n.clock.Now().Add(time.Minute))
			second := n.again(first)
			oldest, newer := n.watch(first), n.watch(second)
			if third := n.tryLogin(first.email, first.password); told {
				(&person{}).signedIn(n, third, "login")
				oldest.loggedOut("SESSION_LIMIT")
				n.me(first.access).refused("UNAUTHENTICATED", "SESSION_REVOKED")
			} else {
				third.refused("CONFLICT")
				oldest.ask(`{ me { id } }`, nil).ok()
			}
			newer.ask(`{ me { id } }`, nil).ok()
		})
	}
}

// TestEventStream_TellsTheSame follows a login session by server-sent events.
func TestEventStream_TellsTheSame(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.http.URL+"/graphql", strings.NewReader(`{"query": "subscription { sessionExpiry { __typename } }"}`))
	check(t, err)
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Authorization": {"Bearer " + p.access}}
	resp, err := n.http.Client().Do(r)
	check(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if text := lines.Text(); text != "" && !strings.HasPrefix(text, ":") {
				return text
			}
		}
		return ""
	}
	want := func(list ...string) {
		t.Helper()
		for _, want := range list {
			if got := next(); got != want {
				t.Fatalf("the stream says %q, want %q", got, want)
			}
		}
	}
	want("event: next", `data: {"data":{"sessionExpiry":{"__typename":"SessionState"}}}`)
	if ended := n.revoke(p, "ALL", ""); ended != 1 {
		t.Errorf("%d login sessions ended, want 1", ended)
	}
	want("event: next", `data: {"data":{"sessionExpiry":{"__typename":"ForcedLogout"}}}`, "event: complete", "data:", "")
}

func TestSignIn_RefusalsTellNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	wrong, unknown := n.tryLogin(p.email, "not the password at all"), n.tryLogin("nobody@example.com", "not the password at all")
	if wrong.Body != unknown.Body || wrong.Status != unknown.Status {
		t.Errorf("a wrong password and an unknown address are told apart: %s and %s", wrong.Body, unknown.Body)
	}
	wrong.refused("UNAUTHENTICATED", "INVALID_CREDENTIALS")

	// A token that ran out keeps nobody from signing in or refreshing.
	old := http.Header{"Authorization": {"Bearer " + p.access}}
	n.moveTo(n.clock.Now().Add(10 * time.Minute))
	n.me(p.access).refused("UNAUTHENTICATED", "TOKEN_EXPIRED")
	n.send(n.http.Client(), old, refreshMutation, vars{"input": vars{"refreshToken": p.refresh, "attemptId": p.attempt, "passive": true}}).ok()
	n.send(n.http.Client(), old, loginMutation, vars{"input": vars{"email": p.email, "password": p.password}}).ok()
	n.send(n.http.Client(), old, `{ serverInfo { version } }`, nil).ok()
}

func TestInvitation_WorksOnceAndNotForEver(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	invite := func(email string) string {
		t.Helper()
		return n.post(owner.access, `mutation($input: InviteUserInput!) { inviteUser(input: $input) { token } }`, vars{"input": vars{"email": email, "role": "VIEWER"}}).ok().text("inviteUser.token")
	}
	accept := func(token string) *answer {
		t.Helper()
		n.secret("invitation", token)
		return n.post("", `mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { user { role email } } }`,
			vars{"input": vars{"token": token, "name": "N", "password": owner.password}})
	}
	token, late := invite("one@example.com"), invite("two@example.com")
	if forged := token[:len(token)-3] + "AAA"; forged != token {
		accept(forged).refused("NOT_FOUND")
	}
	if who := accept(token).ok(); who.text("acceptInvitation.user.role") != "VIEWER" || who.text("acceptInvitation.user.email") != "one@example.com" {
		t.Errorf("the invited user is %s", who.Body)
	}
	accept(token).refused("CONFLICT")
	n.post(owner.access, `mutation { inviteUser(input: { email: "ONE@example.com", role: VIEWER }) { token } }`, nil).refused("CONFLICT")
	n.moveTo(n.clock.Now().Add(7 * 24 * time.Hour))
	accept(late).refused("CONFLICT")
}

func TestOwner_TheLastOneStays(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	n.owner() // of another account: she does not count
	change := func(by *person, role string) *answer {
		t.Helper()
		return n.post(by.access, `mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { role } } }`, vars{"input": vars{"userId": owner.id, "role": role}})
	}
	change(owner, "ADMIN").refused("CONFLICT")
	n.post(owner.access, `mutation($input: DisableUserInput!) { disableUser(input: $input) { revokedCount } }`, vars{"input": vars{"userId": owner.id}}).refused("CONFLICT")
	admin, second := n.join(owner, "ADMIN"), n.join(owner, "OWNER")
	change(admin, "VIEWER").refused("FORBIDDEN")
	change(second, "VIEWER").ok()
}

// TestPolicy_AppliedNowEndsWhatIsTooOld shortens running login sessions: one whose
// new deadline has passed ends as expired, and its access token, which is still
// good by its own time, is refused with that reason.
func TestPolicy_AppliedNowEndsWhatIsTooOld(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	idle, busy := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER")
	n.moveTo(n.clock.Now().Add(20 * time.Minute))
	n.renew(idle, true).ok()
	n.renew(busy, false).ok()
	n.renew(owner, false).ok()
	quiet, told := n.watch(busy), n.watch(idle)
	a := n.post(owner.access, `mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }`,
		vars{"input": vars{"preset": "CUSTOM", "idleMinutes": 15, "absoluteMinutes": 480, "applyNow": true}}).ok()
	if got := a.number("updateSessionPolicy.endedCount"); got != 1 {
		t.Errorf("%d login sessions ended, want 1", got)
	}
	if e := told.event("SessionExpired"); e.text("expiryReason") != "IDLE" {
		t.Errorf("SessionExpired is %s, want IDLE", e.Body)
	}
	told.complete("expiry")
	told.closed(4401)
	n.me(idle.access).refused("UNAUTHENTICATED", "SESSION_EXPIRED_IDLE")
	n.renew(idle, true).refused("UNAUTHENTICATED", "SESSION_EXPIRED_IDLE")
	state := quiet.event("SessionState") // the deadlines came nearer
	if left := state.time("idleExpiresAt").Sub(n.clock.Now()); left > 15*time.Minute {
		t.Errorf("the idle end of the one who goes on is %v away, want at most 15 min", left)
	}
	n.me(busy.access).ok()
}

// TestDangerous_AsksForThePasswordAgain moves the clock past the age of a sign-in
// at which dangerous actions ask again.
func TestDangerous_AsksForThePasswordAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	engineer := n.join(owner, "ENGINEER")
	n.moveTo(n.clock.Now().Add(31 * time.Minute))
	n.renew(owner, false).ok()
	dangerous := map[string]vars{
		`mutation($input: RevokeSessionsInput!) { revokeSessions(input: $input) { revokedCount } }`:               {"scope": "ALL_EXCEPT_ME"},
		`mutation($input: RevokeSessionInput!) { revokeSession(input: $input) { revokedCount } }`:                 {"sessionId": engineer.session},
		`mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }`:       {"preset": "STRICT"},
		`mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }`:                        {"userId": engineer.id, "role": "VIEWER"},
		`mutation($input: DisableUserInput!) { disableUser(input: $input) { revokedCount } }`:                     {"userId": engineer.id},
		`mutation($input: EnableUserInput!) { enableUser(input: $input) { user { id } } }`:                        {"userId": engineer.id},
		`mutation($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id } } }`:                  {"email": "another@example.com", "role": "OWNER"},
		`mutation ForAdmins($input: InviteUserInput!) { inviteUser(input: $input) { invitation { expiresAt } } }`: {"email": "another@example.com", "role": "ADMIN"},
	}
	for query, in := range dangerous {
		n.post(owner.access, query, vars{"input": in}).refused("FORBIDDEN", "REAUTHENTICATION_REQUIRED")
	}
	const confirm = `mutation($input: ReauthenticateInput!) { reauthenticate(input: $input) { authenticatedUntil } }`
	n.post(owner.access, confirm, vars{"input": vars{"password": "not the password"}}).refused("FORBIDDEN", "INVALID_CREDENTIALS")
	until := n.post(owner.access, confirm, vars{"input": vars{"password": owner.password}}).ok().time("reauthenticate.authenticatedUntil")
	if !until.After(n.clock.Now().Add(29 * time.Minute)) {
		t.Errorf("the password holds until %v, want half an hour", until)
	}
	if ended := n.revoke(owner, "ALL_EXCEPT_ME", ""); ended != 1 {
		t.Errorf("%d login sessions ended, want 1", ended)
	}
}
