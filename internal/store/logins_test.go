package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
)

// desk is where people sign in: the real service on a database of its own, with a
// clock that the test sets.
type desk struct {
	*login.Service
	db    *store.DB
	store *store.Logins
	sent  *statements

	mu    sync.Mutex // guards what follows
	clock time.Time
	hints int
}

const password = login.Secret("correct horse battery staple")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newDesk(t testing.TB) *desk {
	t.Helper()
	sent := new(statements)
	return deskOn(t, pgtest.OpenTraced(t, sent), sent)
}

// deskOn makes a desk on an empty database that is traced.
func deskOn(t testing.TB, db *store.DB, sent *statements) *desk {
	t.Helper()
	d := &desk{db: db, sent: sent, clock: noon}
	d.store = store.NewLogins(d.db)
	ring, err := login.ParseRing(login.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	settings := login.DefaultSettings()
	settings.Argon2 = login.Argon2{MemoryKiB: 7 * 1024, Passes: 1, Parallelism: 1}
	d.Service, err = login.NewService(d.store, d, ring, login.DefaultBounds(), settings, d.now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Send counts a hint.
func (d *desk) Send(event.Hint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hints++
}

func (d *desk) hinted() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hints
}

func (d *desk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clock
}

func (d *desk) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock = d.clock.Add(by)
}

// seat is somebody who is signed in.
type seat struct{ login.SignIn }

func (d seat) caller() login.Caller {
	return login.Caller{
		Actor:     account.Actor{AccountID: d.User.AccountID, UserID: d.User.ID, Role: d.User.Role},
		SessionID: d.Session.ID,
		Device:    login.Device{IP: "192.0.2.1"},
	}
}

// found registers an account with its owner, who signs in from a laptop.
func (d *desk) found(t testing.TB, accountName, owner string) seat {
	t.Helper()
	in, err := d.Register(t.Context(), login.RegisterInput{
		AccountName: accountName, Name: owner, Email: owner + "@" + accountName + ".example", Password: password,
		Device: login.Device{UserAgent: "laptop"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return seat{in}
}

// join has an owner invite somebody, who accepts on a laptop.
func (d *desk) join(t testing.TB, owner seat, name string, role account.Role) seat {
	t.Helper()
	_, token, err := d.Invite(t.Context(), owner.caller(), name+"@"+owner.Account.Name+".example", role)
	if err != nil {
		t.Fatal(err)
	}
	in, err := d.AcceptInvitation(t.Context(), login.AcceptInput{Token: token, Name: name, Password: password, Device: login.Device{UserAgent: "laptop"}})
	if err != nil {
		t.Fatal(err)
	}
	return seat{in}
}

// again signs somebody in from one more device.
func (d *desk) again(t testing.TB, who seat, userAgent string) seat {
	t.Helper()
	in, err := d.Login(t.Context(), login.LoginInput{Email: who.User.Email, Password: password, Device: login.Device{UserAgent: userAgent}})
	if err != nil {
		t.Fatal(err)
	}
	return seat{in}
}

// state returns how a login session ended, or "" while it lives.
func (d *desk) state(t testing.TB, who seat) login.EndReason {
	t.Helper()
	s, err := d.store.LoginSession(t.Context(), who.User.AccountID, who.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	return s.EndReason
}

// actions returns the latest actions in the audit log, newest first.
func (d *desk) actions(t testing.TB, owner seat, n int) []account.AuditAction {
	t.Helper()
	var actions []account.AuditAction
	for _, e := range d.entries(t, owner, n) {
		actions = append(actions, e.Action)
	}
	return actions
}

// entries returns the latest entries in the audit log, newest first.
func (d *desk) entries(t testing.TB, owner seat, n int) []account.AuditEntry {
	t.Helper()
	lines, err := d.store.AuditLog(t.Context(), owner.User.AccountID, login.AuditFilter{}, login.AuditMark{}, n)
	if err != nil {
		t.Fatal(err)
	}
	entries := make([]account.AuditEntry, len(lines))
	for i, line := range lines {
		entries[i] = line.Entry
	}
	return entries
}

func wantRefusal(t testing.TB, err error, code fault.Code, reason fault.Reason) {
	t.Helper()
	if !errors.Is(err, code) || fault.ReasonOf(err) != reason {
		t.Errorf("the error is %v (reason %q); want %s with the reason %q", err, fault.ReasonOf(err), code, reason)
	}
}

// byText compares ids.
var byText = cmp.Options{
	cmp.Comparer(func(a, b account.ID) bool { return a == b }),
	cmp.Comparer(func(a, b account.UserID) bool { return a == b }),
	cmp.Comparer(func(a, b login.SessionID) bool { return a == b }),
}

const attempt = login.Secret("attempt-0123456789")

func TestLogins_RegisterAndLogin(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "Ann")
	if ann.User.Email != "ann@acme.example" || ann.User.Role != account.Owner {
		t.Errorf("registered %+v", ann.User)
	}

	// Verify what is kept is what was answered.
	kept, err := d.store.LoginSession(t.Context(), ann.User.AccountID, ann.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ann.Session, kept, byText); diff != "" {
		t.Errorf("login session (-answered +kept):\n%s", diff)
	}
	user, err := d.User(t.Context(), ann.caller().Actor, ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ann.User, user, byText); diff != "" {
		t.Errorf("user (-answered +kept):\n%s", diff)
	}
	claims, err := d.Access.Verify(string(ann.Tokens.Access))
	if err != nil {
		t.Fatal(err)
	}
	if claims.SessionID != ann.Session.ID || claims.UserID != ann.User.ID || claims.AccountID != ann.User.AccountID || claims.Version != 1 {
		t.Errorf("claims %+v", claims)
	}

	// Verify that the address is unique in the installation, in any case.
	_, err = d.Register(t.Context(), login.RegisterInput{AccountName: "rival", Name: "Ann", Email: "ANN@acme.example", Password: password})
	wantRefusal(t, err, fault.Conflict, "")
	if f := fault.Of(err); f == nil || f.Field != "input.email" {
		t.Errorf("the fault is about %+v, want input.email", f)
	}

	_, err = d.Login(t.Context(), login.LoginInput{Email: "ann@acme.example", Password: "not the password"})
	wantRefusal(t, err, fault.Unauthenticated, fault.InvalidCredentials)
	known := err.Error()
	_, err = d.Login(t.Context(), login.LoginInput{Email: "nobody@acme.example", Password: "not the password"})
	wantRefusal(t, err, fault.Unauthenticated, fault.InvalidCredentials)
	if err.Error() != known {
		t.Errorf("an unknown user gets %q, a known one %q", err, known)
	}
	if got := d.actions(t, ann, 1); !slices.Equal(got, []account.AuditAction{account.SignInFailed}) {
		t.Errorf("the log begins with %v", got)
	}
	d.advance(time.Minute)
	phone := d.again(t, ann, "phone")
	if !phone.User.LastLoginAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("last login at %v", phone.User.LastLoginAt)
	}
	sessions, err := d.LoginSessions(t.Context(), ann.caller().Actor, 0)
	if err != nil || len(sessions) != 2 || sessions[0].UserAgent != "phone" {
		t.Errorf("own login sessions are %+v, %v", sessions, err)
	}
}

func TestLogins_RehashAtSignIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	d.Passwords = login.NewPasswords(login.Argon2{MemoryKiB: 8 * 1024, Passes: 1, Parallelism: 1})
	d.again(t, ann, "phone")
	stored, err := d.store.PasswordOf(t.Context(), ann.User.AccountID, ann.User.ID)
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=8192,t=1,p=1$") {
		t.Errorf("the stored password begins %.35s, %v", stored, err)
	}
	d.again(t, ann, "phone")
}

// between is a store in which something happens before the next transaction.
type between struct {
	login.Store
	once sync.Once
	act  func()
}

func (b *between) InTx(ctx context.Context, f func(ctx context.Context, tx login.Tx) error) error {
	b.once.Do(b.act)
	return b.Store.InTx(ctx, f)
}

func (b *between) InSignIn(
	ctx context.Context, accountID account.ID, userID account.UserID, f func(ctx context.Context, tx login.Tx, who login.Entrant) error,
) error {
	b.once.Do(b.act)
	return b.Store.InSignIn(ctx, accountID, userID, f)
}

func TestLogins_ARightPasswordThatIsHashedAnewMeanwhileStaysRight(t *testing.T) {
	t.Parallel()
	tests := map[string]func(d *desk, who seat) error{
		"signing in": func(d *desk, who seat) error {
			_, err := d.Login(t.Context(), login.LoginInput{Email: who.User.Email, Password: password})
			return err
		},
		"changing it": func(d *desk, who seat) error {
			_, err := d.ChangePassword(t.Context(), who.caller(), password, "another long password")
			return err
		},
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			ann := d.found(t, "acme", "ann")
			rehash := func() { // as another process does it, at the sign-in of another device
				other := *d.Service
				other.Store = d.store
				other.Passwords = login.NewPasswords(login.Argon2{MemoryKiB: 8 * 1024, Passes: 1, Parallelism: 1})
				if _, err := other.Login(t.Context(), login.LoginInput{Email: ann.User.Email, Password: password}); err != nil {
					t.Error(err)
				}
			}
			d.Service.Store = &between{Store: d.store, act: rehash}
			if err := act(d, ann); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLogins_APasswordThatIsChangedMeanwhileIsWrong(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	next := login.Secret("another long password")
	d.Service.Store = &between{Store: d.store, act: func() {
		other := *d.Service
		other.Store = d.store
		if _, err := other.ChangePassword(t.Context(), ann.caller(), password, next); err != nil {
			t.Error(err)
		}
	}}
	_, err := d.Login(t.Context(), login.LoginInput{Email: ann.User.Email, Password: password})
	wantRefusal(t, err, fault.Unauthenticated, fault.InvalidCredentials)

	d.Service.Store = &between{Store: d.store, act: func() {
		other := *d.Service
		other.Store = d.store
		if _, err := other.ChangePassword(t.Context(), ann.caller(), next, password); err != nil {
			t.Error(err)
		}
	}}
	_, err = d.ChangePassword(t.Context(), ann.caller(), next, "a third long password")
	wantRefusal(t, err, fault.Conflict, "")
}

func TestLogins_Revoke(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scope login.Scope
		user  string
		want  []string // who is signed out, in order
	}{
		"everybody":           {login.Everybody, "", []string{"ann/laptop REVOKED_BY_SELF", "ann/phone REVOKED_BY_SELF", "bob/laptop REVOKED_BY_OWNER"}},
		"everybody except me": {login.EverybodyElse, "", []string{"bob/laptop REVOKED_BY_OWNER"}},
		"one user":            {login.OneUser, "bob", []string{"bob/laptop REVOKED_BY_OWNER"}},
		"one user who is me":  {login.OneUser, "ann", []string{"ann/laptop REVOKED_BY_SELF", "ann/phone REVOKED_BY_SELF"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			ann := d.found(t, "acme", "ann")
			people := map[string]seat{
				"ann/laptop": ann, "ann/phone": d.again(t, ann, "phone"), "bob/laptop": d.join(t, ann, "bob", account.Engineer),
				"eve/laptop": d.found(t, "rival", "eve"), // must survive
			}
			var user account.UserID
			if tt.user != "" {
				user = people[tt.user+"/laptop"].User.ID
			}
			before := d.hinted()
			n, err := d.Revoke(t.Context(), ann.caller(), tt.scope, user)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for name, who := range people {
				if reason := d.state(t, who); reason != "" {
					got = append(got, name+" "+string(reason))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("signed out (-want +got):\n%s", diff)
			}
			if n != len(tt.want) || d.hinted() != before+1 {
				t.Errorf("%d ended, %d hints; want %d and 1", n, d.hinted()-before, len(tt.want))
			}
			entries := d.entries(t, ann, 1)
			if len(entries) != 1 || entries[0].Action != account.LoginSessionsRevoked || entries[0].Details["count"] != float64(n) || entries[0].ActorID != ann.User.ID {
				t.Errorf("the log has %+v", entries)
			}

			// Verify that a second time ends none, hints at nothing, and is no error
			// while the caller is still signed in.
			again, err := d.Revoke(t.Context(), ann.caller(), tt.scope, user)
			if d.state(t, ann) != "" {
				wantRefusal(t, err, fault.Unauthenticated, fault.SessionRevoked)
			} else if err != nil || again != 0 {
				t.Errorf("a second time ends %d, %v", again, err)
			}
			if d.hinted() != before+1 {
				t.Error("a second time sends a hint")
			}
		})
	}
}

func TestLogins_RevokeOneSession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.join(t, ann, "bob", account.Admin)
	phone := d.again(t, bob, "phone")
	eve := d.found(t, "rival", "eve")

	_, err := d.RevokeSession(t.Context(), bob.caller(), ann.Session.ID)
	wantRefusal(t, err, fault.NotFound, "")
	_, err = d.RevokeSession(t.Context(), eve.caller(), bob.Session.ID)
	wantRefusal(t, err, fault.NotFound, "")
	if n, err := d.RevokeSession(t.Context(), bob.caller(), phone.Session.ID); n != 1 || err != nil {
		t.Errorf("one's own: %d, %v", n, err)
	}
	if n, err := d.RevokeSession(t.Context(), bob.caller(), phone.Session.ID); n != 0 || err != nil {
		t.Errorf("one's own again: %d, %v", n, err)
	}
	if n, err := d.RevokeSession(t.Context(), ann.caller(), bob.Session.ID); n != 1 || err != nil {
		t.Errorf("an owner: %d, %v", n, err)
	}
	if got := []login.EndReason{d.state(t, phone), d.state(t, bob)}; !slices.Equal(got, []login.EndReason{login.RevokedBySelf, login.RevokedByOwner}) {
		t.Errorf("the reasons are %v", got)
	}

	tablet := d.again(t, ann, "tablet")
	if n, err := d.RevokeMyOtherSessions(t.Context(), tablet.caller()); n != 1 || err != nil || d.state(t, ann) != login.RevokedBySelf || d.state(t, tablet) != "" {
		t.Errorf("my others: %d, %v", n, err)
	}
}

func TestLogins_Strangers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	invitation, _, err := d.Invite(t.Context(), ann.caller(), "bob@acme.example", account.Engineer)
	if err != nil {
		t.Fatal(err)
	}
	eve := d.found(t, "rival", "eve")
	rival := eve.User.AccountID
	ctx := t.Context()
	tests := map[string]func() error{
		"a user":                    func() error { _, err := d.store.User(ctx, rival, ann.User.ID); return err },
		"a password":                func() error { _, err := d.store.PasswordOf(ctx, rival, ann.User.ID); return err },
		"a login session":           func() error { _, err := d.store.LoginSession(ctx, rival, ann.Session.ID); return err },
		"an invitation":             func() error { _, err := d.store.Invitation(ctx, rival, invitation.ID); return err },
		"a user to change":          func() error { _, err := d.UpdateUser(ctx, eve.caller(), ann.User.ID, account.Viewer); return err },
		"a user to disable":         func() error { _, _, err := d.DisableUser(ctx, eve.caller(), ann.User.ID); return err },
		"a user to enable":          func() error { _, err := d.EnableUser(ctx, eve.caller(), ann.User.ID); return err },
		"a session to end":          func() error { _, err := d.RevokeSession(ctx, eve.caller(), ann.Session.ID); return err },
		"a user to sign out":        func() error { _, err := d.Revoke(ctx, eve.caller(), login.OneUser, ann.User.ID); return err },
		"a session to look at":      func() error { _, err := d.LoginSession(ctx, eve.caller().Actor, ann.Session.ID); return err },
		"an invitation to withdraw": func() error { _, err := d.WithdrawInvitation(ctx, eve.caller(), invitation.ID); return err },
	}
	for name, get := range tests {
		t.Run(name, func(t *testing.T) { wantRefusal(t, get(), fault.NotFound, "") })
	}
	if d.state(t, ann) != "" {
		t.Error("a stranger signed somebody out")
	}
	for name, list := range map[string]func() (int, error){
		"users":        func() (int, error) { l, err := d.store.Users(ctx, rival); return len(l), err },
		"active users": func() (int, error) { l, err := d.store.ActiveUsers(ctx, rival, noon); return len(l), err },
		"live sessions": func() (int, error) {
			l, err := d.store.ActiveSessions(ctx, rival, account.UserID{}, login.SessionUser|login.SessionConnected, noon, login.MaxActiveSessions)
			return len(l), err
		},
		"invitations": func() (int, error) { l, err := d.store.Invitations(ctx, rival, noon); return len(l) + 1, err },
	} {
		if n, err := list(); n != 1 || err != nil {
			t.Errorf("%s: %d of them, %v; want the stranger's own", name, n, err)
		}
	}
}

func TestLogins_ActiveUsers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	d.advance(time.Minute)
	bob := d.join(t, ann, "bob", account.Engineer)
	d.again(t, bob, "phone")
	cem := d.join(t, ann, "cem", account.Viewer)
	if _, err := d.Logout(t.Context(), cem.caller()); err != nil {
		t.Fatal(err)
	}
	d.advance(time.Minute)
	d.again(t, ann, "phone")
	active := func() []string {
		users, err := d.ActiveUsers(t.Context(), ann.caller().Actor)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range users {
			got = append(got, fmt.Sprint(u.Name, " ", u.LoginSessions))
		}
		return got
	}
	if diff := cmp.Diff([]string{"ann 2", "bob 2"}, active()); diff != "" {
		t.Errorf("active users (-want +got):\n%s", diff)
	}
	d.advance(3*24*time.Hour - 30*time.Second) // ann's first session and bob's are past their idle deadline
	if diff := cmp.Diff([]string{"ann 1"}, active()); diff != "" {
		t.Errorf("active users (-want +got):\n%s", diff)
	}
	_, err := d.ActiveUsers(t.Context(), bob.caller().Actor)
	wantRefusal(t, err, fault.Forbidden, "")
}

func TestLogins_LastOwnerAgainstTwoAtOnce(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(d *desk, by, whom seat) error{
		"demote": func(d *desk, by, whom seat) error {
			_, err := d.UpdateUser(t.Context(), by.caller(), whom.User.ID, account.Admin)
			return err
		},
		"disable": func(d *desk, by, whom seat) error {
			_, _, err := d.DisableUser(t.Context(), by.caller(), whom.User.ID)
			return err
		},
		"demote oneself": func(d *desk, by, _ seat) error {
			_, err := d.UpdateUser(t.Context(), by.caller(), by.User.ID, account.Admin)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			ann := d.found(t, "acme", "ann")
			bob := d.join(t, ann, "bob", account.Owner)
			before := d.hinted()
			errs := atOnce(2, func(i int) error {
				two := []seat{ann, bob}
				return act(d, two[i], two[1-i])
			})
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Errorf("the two got %v and %v; want one to be refused", errs[0], errs[1])
			}
			if d.hinted() != before+1 {
				t.Errorf("%d hints for one change: what was rolled back is not announced", d.hinted()-before)
			}
			users, err := d.store.Users(t.Context(), ann.User.AccountID)
			if err != nil {
				t.Fatal(err)
			}
			owners := 0
			for _, u := range users {
				if u.Role == account.Owner && u.DisabledAt.IsZero() {
					owners++
				}
			}
			if owners != 1 {
				t.Errorf("%d owners are left", owners)
			}
		})
	}
}

// atOnce calls f n times in as many goroutines and returns the errors.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}

func TestLogins_InvitationWorksOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	_, token, err := d.Invite(t.Context(), ann.caller(), "Bob@acme.example", account.Engineer)
	if err != nil {
		t.Fatal(err)
	}
	errs := atOnce(2, func(i int) error {
		_, err := d.AcceptInvitation(t.Context(), login.AcceptInput{Token: token, Name: fmt.Sprint("bob ", i), Password: password})
		return err
	})
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("the two got %v; want one to be refused", errs)
	}
	for _, err := range errs {
		if err != nil {
			wantRefusal(t, err, fault.Conflict, "")
		}
	}
	if u, _, err := d.store.Credentials(t.Context(), "bob@acme.example"); err != nil || u.Role != account.Engineer || u.AccountID != ann.User.AccountID {
		t.Errorf("the invited user is %+v, %v", u, err)
	}
	_, _, err = d.Invite(t.Context(), ann.caller(), "bob@acme.example", account.Engineer)
	wantRefusal(t, err, fault.Conflict, "")

	// Verify the ends of other invitations.
	late, lateToken, err := d.Invite(t.Context(), ann.caller(), "cem@acme.example", account.Viewer)
	if err != nil {
		t.Fatal(err)
	}
	last := login.Secret("A")
	if strings.HasSuffix(string(lateToken), "A") {
		last = "E"
	}
	_, _, err = d.Invitation(t.Context(), lateToken[:len(lateToken)-1]+last, login.Device{})
	wantRefusal(t, err, fault.NotFound, "")
	if i, a, err := d.Invitation(t.Context(), lateToken, login.Device{}); err != nil || i.Email != "cem@acme.example" || a.Name != "acme" {
		t.Errorf("the invitation shows %+v, %+v, %v", i, a, err)
	}
	d.advance(7 * 24 * time.Hour)
	_, err = d.AcceptInvitation(t.Context(), login.AcceptInput{Token: lateToken, Name: "cem", Password: password})
	wantRefusal(t, err, fault.Conflict, "")
	d.advance(-time.Second)
	if _, err := d.WithdrawInvitation(t.Context(), d.again(t, ann, "phone").caller(), late.ID); err != nil {
		t.Fatal(err)
	}
	_, err = d.AcceptInvitation(t.Context(), login.AcceptInput{Token: lateToken, Name: "cem", Password: password})
	wantRefusal(t, err, fault.Conflict, "")
}

func TestLogins_WhoMayManageWhom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.join(t, ann, "bob", account.Admin)
	cem := d.join(t, ann, "cem", account.Engineer)

	_, _, err := d.Invite(t.Context(), bob.caller(), "dan@acme.example", account.Owner)
	wantRefusal(t, err, fault.Forbidden, "")
	_, _, err = d.Invite(t.Context(), cem.caller(), "dan@acme.example", account.Viewer)
	wantRefusal(t, err, fault.Forbidden, "")
	if _, _, err = d.Invite(t.Context(), bob.caller(), "dan@acme.example", account.Admin); err != nil {
		t.Error(err)
	}
	_, err = d.UpdateUser(t.Context(), bob.caller(), ann.User.ID, account.Viewer)
	wantRefusal(t, err, fault.Forbidden, "")
	_, err = d.UpdateUser(t.Context(), bob.caller(), cem.User.ID, account.Owner)
	wantRefusal(t, err, fault.Forbidden, "")
	u, err := d.UpdateUser(t.Context(), bob.caller(), cem.User.ID, account.Admin)
	if err != nil || u.Role != account.Admin || u.TokenVersion != cem.User.TokenVersion+1 {
		t.Errorf("after the change of role %+v, %v", u, err)
	}

	// Verify that the present role counts, not the one in the token.
	if _, err := d.UpdateUser(t.Context(), ann.caller(), bob.User.ID, account.Viewer); err != nil {
		t.Fatal(err)
	}
	_, err = d.UpdateUser(t.Context(), bob.caller(), cem.User.ID, account.Viewer)
	wantRefusal(t, err, fault.Forbidden, "")

	_, n, err := d.DisableUser(t.Context(), ann.caller(), cem.User.ID)
	if err != nil || n != 1 || d.state(t, cem) != login.UserDisabled {
		t.Errorf("disabling ended %d, %v", n, err)
	}
	_, err = d.Login(t.Context(), login.LoginInput{Email: cem.User.Email, Password: password})
	wantRefusal(t, err, fault.Forbidden, "")
	_, err = d.Login(t.Context(), login.LoginInput{Email: cem.User.Email, Password: "not the password"})
	wantRefusal(t, err, fault.Unauthenticated, fault.InvalidCredentials)
	_, _, err = d.DisableUser(t.Context(), ann.caller(), ann.User.ID)
	wantRefusal(t, err, fault.Conflict, "")
	if _, err := d.EnableUser(t.Context(), ann.caller(), cem.User.ID); err != nil {
		t.Fatal(err)
	}
	d.again(t, cem, "phone")
}

func TestLogins_DangerousActionsAskAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.join(t, ann, "bob", account.Engineer)
	d.advance(30 * time.Minute)
	ctx := t.Context()
	dangerous := map[string]func() error{
		"revoke":          func() error { _, err := d.Revoke(ctx, ann.caller(), login.EverybodyElse, account.UserID{}); return err },
		"revoke one":      func() error { _, err := d.RevokeSession(ctx, ann.caller(), bob.Session.ID); return err },
		"policy":          func() error { _, err := d.UpdatePolicy(ctx, ann.caller(), strict, true); return err },
		"role":            func() error { _, err := d.UpdateUser(ctx, ann.caller(), bob.User.ID, account.Viewer); return err },
		"disable":         func() error { _, _, err := d.DisableUser(ctx, ann.caller(), bob.User.ID); return err },
		"invite an owner": func() error { _, _, err := d.Invite(ctx, ann.caller(), "dan@acme.example", account.Owner); return err },
	}
	for name, act := range dangerous {
		t.Run(name, func(t *testing.T) { wantRefusal(t, act(), fault.Forbidden, fault.ReauthenticationRequired) })
	}
	if n, err := d.RevokeMyOtherSessions(ctx, ann.caller()); err != nil {
		t.Errorf("ending one's own asks again: %d, %v", n, err)
	}
	_, err := d.Reauthenticate(ctx, ann.caller(), "not the password")
	wantRefusal(t, err, fault.Forbidden, fault.InvalidCredentials)
	session, err := d.Reauthenticate(ctx, ann.caller(), password)
	if err != nil {
		t.Fatal(err)
	}
	if until, asks := d.AskedAgainAt(session); !asks || !until.Equal(noon.Add(time.Hour)) {
		t.Errorf("asked again at %v, %t", until, asks)
	}
	if diff := cmp.Diff([]account.AuditAction{account.Reauthenticated, account.ReauthenticateFailed}, d.actions(t, ann, 2)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	for _, name := range []string{"policy", "role", "revoke", "disable", "invite an owner"} {
		if err := dangerous[name](); err != nil {
			t.Errorf("%s after the password was confirmed: %v", name, err)
		}
	}
}

var strict = login.PolicyInput{LimitsInput: login.LimitsInput{Preset: login.Strict}}

// TestLogins_ALeakedKeyIsNotEnough has a thief who can sign any access token.
func TestLogins_ALeakedKeyIsNotEnough(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.join(t, ann, "bob", account.Viewer)
	forged := map[string]login.Caller{
		"a session that never was": {Actor: ann.caller().Actor, SessionID: login.NewSessionID()},
		"somebody else's session":  {Actor: ann.caller().Actor, SessionID: bob.Session.ID},
		"a role that is not one's": {Actor: account.Actor{AccountID: bob.User.AccountID, UserID: bob.User.ID, Role: account.Owner}, SessionID: bob.Session.ID},
	}
	ctx := t.Context()
	for name, c := range forged {
		t.Run(name, func(t *testing.T) {
			for action, act := range map[string]func() error{
				"revoke":  func() error { _, err := d.Revoke(ctx, c, login.Everybody, account.UserID{}); return err },
				"policy":  func() error { _, err := d.UpdatePolicy(ctx, c, strict, true); return err },
				"role":    func() error { _, err := d.UpdateUser(ctx, c, bob.User.ID, account.Owner); return err },
				"disable": func() error { _, _, err := d.DisableUser(ctx, c, ann.User.ID); return err },
				"invite":  func() error { _, _, err := d.Invite(ctx, c, "thief@rival.example", account.Owner); return err },
			} {
				if err := act(); !errors.Is(err, fault.Unauthenticated) && !errors.Is(err, fault.Forbidden) && !errors.Is(err, fault.Conflict) {
					t.Errorf("%s: %v", action, err)
				}
			}
		})
	}
	if d.state(t, ann) != "" || d.state(t, bob) != "" {
		t.Error("a forged token signed somebody out")
	}
}

func TestLogins_ChangePassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	phone := d.again(t, ann, "phone")
	_, err := d.ChangePassword(t.Context(), ann.caller(), "not the password", "another long password")
	wantRefusal(t, err, fault.Forbidden, fault.InvalidCredentials)
	_, err = d.ChangePassword(t.Context(), ann.caller(), password, "short")
	wantRefusal(t, err, fault.BadUserInput, "")
	out, err := d.ChangePassword(t.Context(), ann.caller(), password, "another long password")
	if err != nil {
		t.Fatal(err)
	}
	if out.Ended != 1 || out.User.TokenVersion != 2 || d.state(t, phone) != login.PasswordChanged || d.state(t, ann) != "" {
		t.Errorf("%d ended, version %d", out.Ended, out.User.TokenVersion)
	}
	if claims, err := d.Access.Verify(string(out.Tokens.Access)); err != nil || claims.Version != 2 {
		t.Errorf("the new access token says %+v, %v", claims, err)
	}
	_, err = d.Login(t.Context(), login.LoginInput{Email: ann.User.Email, Password: password})
	wantRefusal(t, err, fault.Unauthenticated, fault.InvalidCredentials)
	if _, err := d.Login(t.Context(), login.LoginInput{Email: ann.User.Email, Password: "another long password"}); err != nil {
		t.Error(err)
	}
	var noted bool
	if err := d.db.NewRaw("SELECT version_xid IS NOT NULL FROM users WHERE id = ?", ann.User.ID).Scan(t.Context(), &noted); err != nil || !noted {
		t.Errorf("the transaction of the new version is noted: %t, %v", noted, err)
	}
}
