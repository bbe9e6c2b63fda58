package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

func refreshOf(s seat, attempt login.Secret, passive bool) login.RefreshInput {
	return login.RefreshInput{Token: s.Tokens.Refresh, AttemptID: attempt, Passive: passive}
}

func TestLoginSessions_Refresh(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	ctx := t.Context()

	// Verify that a young token stays, and that activity counts all the same.
	d.advance(10 * time.Second)
	out, err := d.Refresh(ctx, refreshOf(ann, attempt, false))
	if err != nil || out.Tokens.Refresh != "" || out.Session.Generation != 1 || !out.Session.LastActiveAt.Equal(d.now()) {
		t.Fatalf("a young token: %+v, %v", out.Session, err)
	}

	// Verify that passive refreshes move nothing.
	d.advance(time.Hour)
	hints := d.hinted()
	passive, err := d.Refresh(ctx, refreshOf(ann, attempt, true))
	if err != nil || passive.Tokens.Refresh != "" || d.hinted() != hints {
		t.Fatalf("a passive refresh sends %q, %v, and %d hints", string(passive.Tokens.Refresh), err, d.hinted()-hints)
	}
	if diff := cmp.Diff(out.Session, passive.Session, byText); diff != "" {
		t.Errorf("a passive refresh changed the session:\n%s", diff)
	}

	// Verify the rotation, and that the row is what was answered.
	first, err := d.Refresh(ctx, refreshOf(ann, attempt, false))
	if err != nil || first.Tokens.Refresh == "" || first.Session.Generation != 2 || !first.Session.Deadlines.Idle.Equal(d.now().Add(3*24*time.Hour)) {
		t.Fatalf("a refresh: %+v, %v", first.Session, err)
	}
	if d.hinted() != hints+1 {
		t.Error("no hint says that the deadline moved")
	}
	kept, err := d.store.LoginSession(ctx, ann.User.AccountID, ann.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Session, kept, byText); diff != "" {
		t.Errorf("login session (-answered +kept):\n%s", diff)
	}

	// Verify the replay of the attempt, at any time, passive or not.
	d.advance(20 * time.Hour)
	for _, passive := range []bool{false, true} {
		again, err := d.Refresh(ctx, refreshOf(ann, attempt, passive))
		if err != nil || again.Tokens.Refresh != first.Tokens.Refresh {
			t.Errorf("the replay (passive %t) is another token, %v", passive, err)
		}
		if diff := cmp.Diff(first.Session, again.Session, byText); diff != "" {
			t.Errorf("the replay changed the session:\n%s", diff)
		}
	}

	// Verify that another attempt with the old token is a copy in other hands.
	_, err = d.Refresh(ctx, refreshOf(ann, attempt+"-other", false))
	wantRefusal(t, err, fault.Unauthenticated, fault.SessionRevoked)
	if d.state(t, ann) != login.TokenReuse {
		t.Errorf("the session ended as %q", d.state(t, ann))
	}
	_, err = d.Refresh(ctx, login.RefreshInput{Token: first.Tokens.Refresh, AttemptID: attempt})
	wantRefusal(t, err, fault.Unauthenticated, fault.SessionRevoked)
	entries := d.entries(t, ann, 1)
	if entries[0].Action != account.RefreshTokenReused || entries[0].LoginSessionID != ann.Session.ID.String() || entries[0].SubjectID != ann.User.ID {
		t.Errorf("the log has %+v", entries)
	}
}

func TestLoginSessions_AForgedRefreshTokenChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.found(t, "rival", "bob")
	d.advance(time.Hour)
	token := string(ann.Tokens.Refresh)
	part := strings.Split(token, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	hints := d.hinted()
	held, err := d.db.BeginTx(t.Context(), nil) // whoever locks a session has to wait
	if err != nil {
		t.Fatal(err)
	}
	defer held.Rollback()
	if _, err := held.NewRaw("SELECT FROM login_sessions FOR UPDATE").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string]string{
		"an older generation":  join(part[0], part[1], part[2], "2", part[4]),
		"another MAC":          join(part[0], part[1], part[2], part[3], strings.Repeat("A", 43)),
		"another key":          join("k0", part[1], part[2], part[3], part[4]),
		"another account":      join(part[0], bob.User.AccountID.String(), part[2], part[3], part[4]),
		"another session":      join(part[0], part[1], bob.Session.ID.String(), part[3], part[4]),
		"another one's MAC":    join(part[0], bob.User.AccountID.String(), bob.Session.ID.String(), part[3], part[4]),
		"an access token":      string(ann.Tokens.Access),
		"nothing":              "",
		"a session that isn't": join(part[0], part[1], login.NewSessionID().String(), part[3], part[4]),
	} {
		_, err := d.Refresh(t.Context(), login.RefreshInput{Token: login.Secret(forged), AttemptID: attempt})
		if fault.ReasonOf(err) != fault.InvalidRefreshToken {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := d.LogoutWith(t.Context(), login.Secret(forged), login.Device{}); n != 0 || err != nil {
			t.Errorf("%s signs %d out, %v", name, n, err)
		}
	}
	for _, id := range []login.Secret{"", "short", "with spaces in it and long enough", login.Secret(strings.Repeat("x", 65))} {
		_, err := d.Refresh(t.Context(), refreshOf(ann, id, false))
		wantRefusal(t, err, fault.BadUserInput, "")
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if d.hinted() != hints {
		t.Error("forged tokens sent hints")
	}
	for _, who := range []seat{ann, bob} {
		kept, err := d.store.LoginSession(t.Context(), who.User.AccountID, who.Session.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(who.Session, kept, byText); diff != "" {
			t.Errorf("a forged token changed a session:\n%s", diff)
		}
	}
}

func TestLoginSessions_RefreshesAtOnceRotateOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	d.advance(time.Hour)
	got := make([]login.Secret, 6)
	errs := atOnce(len(got), func(i int) error {
		id := attempt
		if i%2 == 1 {
			id += login.Secret(fmt.Sprint("-tab-", i)) // a client that keeps an id for each tab
		}
		out, err := d.Refresh(t.Context(), refreshOf(ann, id, false))
		got[i] = out.Tokens.Refresh
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s, err := d.store.LoginSession(t.Context(), ann.User.AccountID, ann.Session.ID)
	if err != nil || s.Generation != 2 {
		t.Errorf("generation %d, %v", s.Generation, err)
	}
	sent := map[login.Secret]bool{}
	for _, token := range got {
		sent[token] = true
	}
	delete(sent, "")
	if len(sent) != 1 {
		t.Errorf("%d different refresh tokens were sent", len(sent))
	}
}

func TestLoginSessions_ExpireOnceWithTheRightReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	// Bob's session is refreshed until it is too old.
	bob := d.found(t, "rival", "bob")
	for range 7 {
		d.advance(2 * 24 * time.Hour)
		out, err := d.Refresh(t.Context(), refreshOf(bob, attempt, false))
		if errors.Is(err, fault.Unauthenticated) {
			wantRefusal(t, err, fault.Unauthenticated, fault.SessionExpiredAbs)
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		bob.Tokens.Refresh = out.Tokens.Refresh
	}
	if got := d.state(t, bob); got != login.ExpiredAbsolute {
		t.Errorf("bob's session ended as %q", got)
	}

	hints := d.hinted()
	_, err := d.Refresh(t.Context(), refreshOf(ann, attempt, true))
	wantRefusal(t, err, fault.Unauthenticated, fault.SessionExpiredIdle)
	if d.state(t, ann) != login.ExpiredIdle || d.hinted() != hints+1 {
		t.Errorf("ann's session ended as %q, with %d hints", d.state(t, ann), d.hinted()-hints)
	}

	// Verify that of several who notice it, one ends each.
	people := map[login.SessionID]seat{}
	var ids []login.SessionID
	for range 5 {
		who := d.again(t, ann, "phone")
		people[who.Session.ID], ids = who, append(ids, who.Session.ID)
	}
	early, err := d.store.ExpireLoginSessions(t.Context(), ids, d.now(), 10)
	if err != nil || len(early) != 0 {
		t.Errorf("%d ended before their deadline, %v", len(early), err)
	}
	d.advance(3 * 24 * time.Hour)
	ended := make([][]login.Ended, 4)
	errs := atOnce(4, func(i int) error {
		var err error
		if i < 2 {
			ended[i], err = d.store.ExpireLoginSessions(t.Context(), ids, d.now(), 10)
		} else {
			ended[i], err = d.store.ExpireLoginSessions(t.Context(), nil, d.now(), 10)
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sweep(t.Context(), 10); err != nil { // what was passed by because others had it locked
		t.Fatal(err)
	}
	seen := map[login.SessionID]bool{}
	for _, list := range ended {
		for _, e := range list {
			if seen[e.ID] || e.Reason != login.ExpiredIdle || e.UserID != ann.User.ID || e.AccountID != ann.User.AccountID {
				t.Errorf("ended %+v, seen before: %t", e, seen[e.ID])
			}
			seen[e.ID] = true
		}
	}
	var entries int
	err = d.db.NewRaw("SELECT count(*) FROM audit_log WHERE action = 'LOGIN_SESSION_EXPIRED' AND details ->> 'reason' = 'EXPIRED_IDLE'").Scan(t.Context(), &entries)
	if err != nil || entries != 6 {
		t.Errorf("%d entries in the log for 6 expiries, %v", entries, err)
	}
}

func TestLoginSessions_Logout(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	phone := d.again(t, ann, "phone")
	if n, err := d.Logout(t.Context(), ann.caller()); n != 1 || err != nil || d.state(t, ann) != login.LoggedOut || d.state(t, phone) != "" {
		t.Errorf("logout ended %d, %v", n, err)
	}
	if n, err := d.Logout(t.Context(), ann.caller()); n != 0 || err != nil {
		t.Errorf("a second logout ended %d, %v", n, err)
	}
	if n, err := d.Logout(t.Context(), login.Caller{}); n != 0 || err != nil {
		t.Errorf("nobody's logout ended %d, %v", n, err)
	}
	if n, err := d.LogoutWith(t.Context(), phone.Tokens.Refresh, login.Device{}); n != 1 || err != nil || d.state(t, phone) != login.LoggedOut {
		t.Errorf("logout with a refresh token ended %d, %v", n, err)
	}
}

func TestSessionPolicy_AppliesAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.join(t, ann, "bob", account.Engineer)
	policy, err := d.Policy(t.Context(), ann.caller().Actor)
	if err != nil || !policy.Inherited || policy.Preset != login.Standard {
		t.Errorf("the policy without a choice is %+v, %v", policy, err)
	}
	number := func(n int) *int { return &n }
	in := login.PolicyInput{
		LimitsInput: login.LimitsInput{Preset: login.Custom, IdleMinutes: number(60), AbsoluteMinutes: number(600)},
		Admins:      &login.LimitsInput{Preset: login.Custom, IdleMinutes: number(15), AbsoluteMinutes: number(60)},
		MaxSessions: number(3), AtCap: login.RefuseSignIn,
	}
	done, err := d.UpdatePolicy(t.Context(), ann.caller(), in, false)
	if err != nil || done.Ended+done.Shorter != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	kept, err := d.Policy(t.Context(), ann.caller().Actor)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(done.Policy, kept, byText); diff != "" {
		t.Errorf("policy (-answered +kept):\n%s", diff)
	}
	if kept.Inherited || kept.MaxSessions != 3 || kept.AtCap != login.RefuseSignIn || kept.ChosenBy != ann.User.ID {
		t.Errorf("the policy is %+v", kept)
	}
	old, err := d.store.LoginSession(t.Context(), bob.User.AccountID, bob.Session.ID)
	if err != nil || !old.Deadlines.Absolute.Equal(noon.Add(14*24*time.Hour)) {
		t.Errorf("a running session got %+v, %v", old.Deadlines, err)
	}
	if got, want := d.again(t, ann, "phone").Session.Deadlines, (login.Deadlines{Idle: noon.Add(15 * time.Minute), Absolute: noon.Add(time.Hour)}); got != want {
		t.Errorf("the owner's new session has %+v, want %+v", got, want)
	}
	if got, want := d.again(t, bob, "phone").Session.Deadlines, (login.Deadlines{Idle: noon.Add(time.Hour), Absolute: noon.Add(10 * time.Hour)}); got != want {
		t.Errorf("the engineer's new session has %+v, want %+v", got, want)
	}
	_, err = d.UpdatePolicy(t.Context(), bob.caller(), in, false)
	wantRefusal(t, err, fault.Forbidden, "")
	back, err := d.UpdatePolicy(t.Context(), ann.caller(), strict, false)
	if err != nil || back.Policy.Admins != nil || back.Policy.MaxSessions != 0 || back.Policy.Idle != time.Hour {
		t.Errorf("strict is %+v, %v", back.Policy, err)
	}
}

// TestSessionPolicy_ApplyNow compares the statement with the pure rule.
func TestSessionPolicy_ApplyNow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	eve := d.found(t, "rival", "eve")
	roles := map[account.UserID]account.Role{ann.User.ID: account.Owner}
	for i, role := range []account.Role{account.Admin, account.Engineer, account.Viewer} {
		u := d.join(t, ann, fmt.Sprint("user", i), role)
		roles[u.User.ID] = role
		for range 6 {
			d.again(t, u, "phone")
		}
	}
	// Spread the sessions over the past, as sign-ins and refreshes would have left them.
	r := rand.New(rand.NewPCG(7, 7))
	live, err := d.store.ActiveSessions(t.Context(), ann.User.AccountID, account.UserID{}, 0, d.now(), login.MaxActiveSessions)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range live {
		if s.ID == ann.Session.ID {
			continue
		}
		signedIn := noon.Add(-time.Duration(r.IntN(40)) * time.Hour)
		active := signedIn.Add(noon.Sub(signedIn) * time.Duration(r.IntN(4)) / 4)
		_, err := d.db.ExecContext(t.Context(), "UPDATE login_sessions SET signed_in_at = ?, last_active_at = ?, idle_at = ?, absolute_at = ? WHERE id = ?",
			signedIn, active, active.Add(3*24*time.Hour), signedIn.Add(14*24*time.Hour), s.ID)
		if err != nil {
			t.Fatal(err)
		}
	}
	before, err := d.store.ActiveSessions(t.Context(), ann.User.AccountID, account.UserID{}, 0, d.now(), login.MaxActiveSessions)
	if err != nil {
		t.Fatal(err)
	}
	number := func(n int) *int { return &n }
	done, err := d.UpdatePolicy(t.Context(), ann.caller(), login.PolicyInput{
		LimitsInput: login.LimitsInput{Preset: login.Strict},
		Admins:      &login.LimitsInput{Preset: login.Custom, IdleMinutes: number(30), AbsoluteMinutes: number(720)},
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	ended, shorter, reasons := 0, 0, map[login.EndReason]int{}
	for _, s := range before {
		want := s.Shorten(done.Policy.For(roles[s.UserID]))
		got, err := d.store.LoginSession(t.Context(), s.AccountID, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		if limit, passed := want.Deadlines.Passed(noon); passed {
			ended++
			reasons[got.EndReason]++
			if (got.EndReason == login.ExpiredIdle) != (limit == login.IdleLimit) || !got.EndedAt.Equal(noon) {
				t.Errorf("%s ended as %q at %v, want %s", s.ID, got.EndReason, got.EndedAt, limit)
			}
			continue
		}
		if want.Deadlines != s.Deadlines || want.Idle != s.Idle {
			shorter++
		}
		if diff := cmp.Diff(want, got, byText); diff != "" {
			t.Errorf("login session (-pure +database):\n%s", diff)
		}
	}
	if done.Ended != ended || done.Shorter != shorter || reasons[login.ExpiredIdle] == 0 || reasons[login.ExpiredAbsolute] == 0 {
		t.Errorf("%d ended and %d shorter, want %d and %d; reasons %v", done.Ended, done.Shorter, ended, shorter, reasons)
	}
	if got, err := d.store.LoginSession(t.Context(), eve.User.AccountID, eve.Session.ID); err != nil || got.Deadlines != eve.Session.Deadlines {
		t.Errorf("a stranger's session has %+v, %v", got.Deadlines, err)
	}

	// Verify that a longer policy lengthens nothing.
	if longer, err := d.UpdatePolicy(t.Context(), ann.caller(), login.PolicyInput{LimitsInput: login.LimitsInput{Preset: login.Standard}}, true); err != nil || longer.Ended+longer.Shorter != 0 {
		t.Errorf("a longer policy changed %+v, %v", longer, err)
	}
}

func TestSessionPolicy_Cap(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	two := 2
	set := func(at login.AtCap) {
		t.Helper()
		if _, err := d.UpdatePolicy(t.Context(), ann.caller(), login.PolicyInput{LimitsInput: strict.LimitsInput, MaxSessions: &two, AtCap: at}, false); err != nil {
			t.Fatal(err)
		}
	}
	set(login.EndLeastRecentlyActive)
	bob := d.join(t, ann, "bob", account.Engineer)
	d.advance(time.Minute)
	phone := d.again(t, bob, "phone")
	d.advance(time.Minute)
	if _, err := d.Refresh(t.Context(), refreshOf(bob, attempt, false)); err != nil {
		t.Fatal(err)
	}
	hints := d.hinted()
	tablet := d.again(t, bob, "tablet")
	if s, err := d.store.LoginSession(t.Context(), phone.User.AccountID, phone.Session.ID); err != nil || !s.EndedBy.IsZero() {
		t.Errorf("a rule ended the phone's session, not %v, %v", s.EndedBy, err)
	}
	if d.state(t, phone) != login.SessionLimit || d.state(t, bob) != "" || d.hinted() != hints+1 {
		t.Errorf("the phone ended as %q, the laptop as %q, %d hints", d.state(t, phone), d.state(t, bob), d.hinted()-hints)
	}

	set(login.RefuseSignIn)
	_, err := d.Login(t.Context(), login.LoginInput{Email: bob.User.Email, Password: password})
	wantRefusal(t, err, fault.Conflict, "")
	if _, err := d.Logout(t.Context(), tablet.caller()); err != nil {
		t.Fatal(err)
	}
	// Verify that two at once do not both take the last place.
	errs := atOnce(2, func(int) error {
		_, err := d.Login(t.Context(), login.LoginInput{Email: bob.User.Email, Password: password})
		return err
	})
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("the two got %v and %v; want one to be refused", errs[0], errs[1])
	}
}
