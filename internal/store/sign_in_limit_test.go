package store_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

// quickHash makes a try cost the database more than the processor.
var quickHash = login.Argon2{MemoryKiB: 8, Passes: 1, Parallelism: 1}

// try signs in from an address and returns the error.
func (d *desk) try(t testing.TB, email string, password login.Secret, ip string) error {
	t.Helper()
	_, err := d.Login(t.Context(), login.LoginInput{Email: email, Password: password, Device: login.Device{IP: ip}})
	if f := fault.Of(err); err != nil && f == nil {
		t.Fatal(err)
	}
	return err
}

// retryAfter returns what a refusal says, or 0.
func retryAfter(err error) int {
	if f := fault.Of(err); f != nil && f.Code == fault.RateLimited {
		return f.Extensions["retryAfterSeconds"].(int)
	}
	return 0
}

const wrong = login.Secret("not the password")

func TestSignInLimit_OneAddressGuessesAtAName(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	ann := d.found(t, "acme", "ann")
	const street, elsewhere = "198.51.100.7", "198.51.100.8"
	for i := range 10 {
		if err := d.try(t, ann.User.Email, wrong, street); fault.ReasonOf(err) != fault.InvalidCredentials {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	err := d.try(t, ann.User.Email, password, street) // also the right one
	if retryAfter(err) != 60 || !strings.Contains(err.Error(), "Try again in 60 seconds.") {
		t.Errorf("the eleventh try: %v, after %d s", err, retryAfter(err))
	}
	if err := d.try(t, ann.User.Email, password, elsewhere); err != nil {
		t.Errorf("from another address: %v", err)
	}
	if err := d.try(t, "bob@acme.example", wrong, street); fault.ReasonOf(err) != fault.InvalidCredentials {
		t.Errorf("another name: %v", err)
	}
	d.advance(59 * time.Second)
	if err := d.try(t, ann.User.Email, password, street); retryAfter(err) != 1 {
		t.Errorf("a second too early: %v", err)
	}
	d.advance(time.Second)
	if err := d.try(t, ann.User.Email, password, street); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	for i := range 9 { // the right one gave all of them back
		if err := d.try(t, ann.User.Email, wrong, street); fault.ReasonOf(err) != fault.InvalidCredentials {
			t.Fatalf("try %d after a success: %v", i+1, err)
		}
	}
}

func TestSignInLimit_NetworksOfIPv6(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	for i := range 10 { // one customer's
		if err := d.try(t, "ann@acme.example", wrong, fmt.Sprintf("2001:db8:0:%x::%x", i, i+1)); fault.ReasonOf(err) != fault.InvalidCredentials {
			t.Fatal(err)
		}
	}
	for ip, limited := range map[string]bool{"2001:db8:0:ff::1": true, "2001:db8:0:100::1": false, "::ffff:192.0.2.7": false} {
		if err := d.try(t, "ann@acme.example", wrong, ip); (retryAfter(err) > 0) != limited {
			t.Errorf("from %s: %v", ip, err)
		}
	}
}

// TestSignInLimit_AroundANetworkOfIPv6 guesses from all networks of a /48. Who signed in
// from one of them before is not in the way of it.
func TestSignInLimit_AroundANetworkOfIPv6(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	d.Settings.Tries.PerName = login.Rate{Burst: 2, Every: 16 * time.Second}
	d.Settings.Tries.Register = login.Rate{Burst: 1, Every: 16 * time.Second}
	d.Settings.Tries.LongestDelay = 0
	ann := d.found(t, "acme", "ann")
	in := func(n int) string { return fmt.Sprintf("2001:db8:0:%x00::1", n) } // a /56 each
	const home = 200
	if err := d.try(t, ann.User.Email, password, in(home)); err != nil {
		t.Fatal(err)
	}
	for n := range 32 {
		if err := d.try(t, ann.User.Email, wrong, in(n)); fault.ReasonOf(err) != fault.InvalidCredentials {
			t.Fatalf("guess %d: %v", n+1, err)
		}
	}
	if err := d.try(t, ann.User.Email, wrong, in(32)); retryAfter(err) != 1 {
		t.Errorf("the 33rd guess: %v", err)
	}
	for range 3 {
		if err := d.try(t, ann.User.Email, password, in(home)); err != nil {
			t.Errorf("from home: %v", err)
		}
	}
	if err := d.try(t, ann.User.Email, wrong, "2001:db8:1::1"); fault.ReasonOf(err) != fault.InvalidCredentials {
		t.Errorf("from another /48: %v", err)
	}
	if err := d.try(t, "bob@acme.example", wrong, in(32)); fault.ReasonOf(err) != fault.InvalidCredentials {
		t.Errorf("another name: %v", err)
	}
	d.advance(time.Second)
	if err := d.try(t, ann.User.Email, wrong, in(32)); fault.ReasonOf(err) != fault.InvalidCredentials {
		t.Errorf("a second later: %v", err)
	}
	for n := range 17 {
		_, err := d.Register(t.Context(), login.RegisterInput{
			AccountName: "A", Name: "N", Email: fmt.Sprintf("n%d@rival.example", n), Password: password, Device: login.Device{IP: in(n)},
		})
		if limited := retryAfter(err) > 0; limited != (n == 16) {
			t.Fatalf("account %d: %v", n+1, err)
		}
	}
}

// TestSignInLimit_Inviting invites people until the account may not any more.
func TestSignInLimit_Inviting(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Settings.Tries.Invite = login.Rate{Burst: 3, Every: time.Minute}
	ann, eve := d.found(t, "acme", "ann"), d.found(t, "rival", "eve")
	invite := func(who seat, email string) error {
		_, _, err := d.Invite(t.Context(), who.caller(), email, account.Engineer)
		return err
	}
	for range 2 { // whether an address is taken costs as much as an invitation
		wantRefusal(t, invite(ann, eve.User.Email), fault.Conflict, "")
	}
	if err := invite(ann, "bob@acme.example"); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"cid@acme.example", eve.User.Email} {
		if err := invite(ann, email); retryAfter(err) != 60 {
			t.Errorf("one too many: %v", err)
		}
	}
	if err := invite(eve, "bob@rival.example"); err != nil {
		t.Errorf("another account: %v", err)
	}
	if n := d.Refusals()["INVITE"]; n != 2 {
		t.Errorf("%d refusals are counted", n)
	}
	d.advance(time.Minute)
	if err := invite(ann, "cid@acme.example"); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestLogins_OpenInvitationsAreBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Settings.Tries.Off = true
	ann, eve := d.found(t, "acme", "ann"), d.found(t, "rival", "eve")
	_, err := d.db.NewRaw(`
		INSERT INTO invitations (account_id, id, email, role, secret_hash, invited_by, created_at, expires_at)
		SELECT ?, gen_random_uuid(), 'n' || n || '@acme.example', 'VIEWER', sha256(n::text::bytea), ?, ?, ?
		FROM generate_series(2, ?) AS n`,
		ann.User.AccountID, ann.User.ID, d.now(), d.now().Add(time.Hour), login.MaxOpenInvitations).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last, _, err := d.Invite(t.Context(), ann.caller(), "last@acme.example", account.Viewer)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = d.Invite(t.Context(), ann.caller(), "more@acme.example", account.Viewer)
	wantRefusal(t, err, fault.Conflict, "")
	if _, _, err := d.Invite(t.Context(), eve.caller(), "more@rival.example", account.Viewer); err != nil {
		t.Errorf("another account: %v", err)
	}
	if _, err := d.WithdrawInvitation(t.Context(), ann.caller(), last.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Invite(t.Context(), ann.caller(), "more@acme.example", account.Viewer); err != nil {
		t.Errorf("after one was withdrawn: %v", err)
	}
}

// TestSignInLimit_NobodyLocksAColleagueOut floods a name from hundreds of addresses
// while its owner signs in at home, and then for the first time in a hotel.
func TestSignInLimit_NobodyLocksAColleagueOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	ann := d.found(t, "acme", "ann")
	const home, hotel = "203.0.113.5", "203.0.113.99"
	if err := d.try(t, ann.User.Email, password, home); err != nil {
		t.Fatal(err)
	}
	guesses := 0
	flood := func(seconds int) {
		for range seconds {
			for i := range 3 {
				err := d.try(t, ann.User.Email, wrong, fmt.Sprintf("192.0.%d.%d", guesses%7, i))
				if fault.ReasonOf(err) == fault.InvalidCredentials {
					guesses++
				}
			}
			d.advance(time.Second)
		}
	}
	flood(120)
	if guesses > 110 {
		t.Errorf("%d guesses reached the password in two minutes", guesses)
	}
	if err := d.try(t, ann.User.Email, password, home); err != nil {
		t.Errorf("at home: %v", err)
	}
	if err := d.try(t, ann.User.Email, "a typing error", home); fault.ReasonOf(err) != fault.InvalidCredentials {
		t.Errorf("at home, mistyped: %v", err)
	}
	if err := d.try(t, ann.User.Email, password, home); err != nil {
		t.Errorf("at home again: %v", err)
	}
	err := d.try(t, ann.User.Email, password, hotel)
	if wait := retryAfter(err); wait < 1 || wait > 30 {
		t.Errorf("in the hotel: %v, after %d s", err, wait)
	}
	flood(30)
	if err := d.try(t, ann.User.Email, password, hotel); err != nil {
		t.Errorf("in the hotel, 30 s later: %v", err)
	}
	// The hotel is known now.
	flood(5)
	if err := d.try(t, ann.User.Email, password, hotel); err != nil {
		t.Errorf("in the hotel the next time: %v", err)
	}
	told := 0
	for _, action := range d.actions(t, ann, 100) {
		if action == account.SignInLimited {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the log tells %d times in three minutes that tries are refused, want once", told)
	}
}

// TestSignInLimit_KnownAndUnknownNamesAreTheSame compares what a stranger sees: words,
// code, waits and the statements that are sent.
func TestSignInLimit_KnownAndUnknownNamesAreTheSame(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	ann := d.found(t, "acme", "ann")
	seen := func(email string, offset int) (list []string) {
		for i := range 60 {
			ip := fmt.Sprintf("192.0.2.%d", offset+i/12)
			var f *fault.Fault
			sql := strings.Join(d.sent.during(func() { f = fault.Of(d.try(t, email, wrong, ip)) }), "\n")
			list = append(list, fmt.Sprint(f.Code, f.Reason, f.Message, f.Field, f.Extensions, "\n", values.ReplaceAllString(sql, "?")))
		}
		return list
	}
	if diff := cmp.Diff(seen(ann.User.Email, 0), seen("nobody@acme.example", 100)); diff != "" {
		t.Errorf("a known name and an unknown one differ (-known +unknown):\n%s", diff)
	}
}

// values are those in a statement.
var values = regexp.MustCompile(`'[^']*'`)

// TestSignInLimit_FourHundredAtOnce has two processes share a limit.
func TestSignInLimit_FourHundredAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	here, there := *d.Service, *d.Service
	for _, s := range []*login.Service{&here, &there} {
		s.Passwords = login.NewPasswords(quickHash)
		s.Settings.Tries.PerName.Burst = 5
		s.Settings.Tries.PerAddress.Burst = 1000
	}
	var passed, limited atomic.Int64
	var all sync.WaitGroup
	for i := range 400 {
		s := []*login.Service{&here, &there}[i%2]
		all.Go(func() {
			_, err := s.Login(t.Context(), login.LoginInput{Email: "ann@acme.example", Password: wrong, Device: login.Device{IP: "192.0.2.1"}})
			switch {
			case errors.Is(err, fault.RateLimited):
				limited.Add(1)
			case fault.ReasonOf(err) == fault.InvalidCredentials:
				passed.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if passed.Load() != 5 || limited.Load() != 395 {
		t.Errorf("%d passed and %d were limited of 400 at once, want 5 and 395", passed.Load(), limited.Load())
	}
	if n := here.Refusals()["NAME_FROM_ADDRESS"]; n != 395 { // both count into the one that they were copied from
		t.Errorf("%d refusals are counted", n)
	}
}

func TestSignInLimit_WholeAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	d.Settings.Tries.PerAddress = login.Rate{Burst: 15, Every: time.Second}
	ann := d.found(t, "acme", "ann")
	for i := range 40 { // an office that signs in at nine
		if err := d.try(t, ann.User.Email, password, "192.0.2.1"); err != nil {
			t.Fatalf("sign-in %d: %v", i+1, err)
		}
	}
	for i := range 15 {
		if err := d.try(t, fmt.Sprintf("name%d@acme.example", i), wrong, "192.0.2.1"); fault.ReasonOf(err) != fault.InvalidCredentials {
			t.Fatalf("name %d: %v", i, err)
		}
	}
	if err := d.try(t, "one.more@acme.example", wrong, "192.0.2.1"); retryAfter(err) != 1 {
		t.Errorf("one name too many: %v", err)
	}
	if err := d.try(t, "one.more@acme.example", wrong, "192.0.2.2"); fault.ReasonOf(err) != fault.InvalidCredentials {
		t.Errorf("from next door: %v", err)
	}
}

func TestSignInLimit_RegisterInvitationsAndConfirming(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	d.Settings.Tries.Register.Burst, d.Settings.Tries.Invitations.Burst = 3, 4
	ann := d.found(t, "acme", "ann")
	register := func(i int) error {
		_, err := d.Register(t.Context(), login.RegisterInput{
			AccountName: "A", Name: "N", Email: fmt.Sprintf("n%d@rival.example", i), Password: password, Device: login.Device{IP: "192.0.2.1"},
		})
		return err
	}
	for i := range 3 {
		if err := register(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := register(3); retryAfter(err) != 180 {
		t.Errorf("the fourth account: %v", err)
	}

	_, token, err := d.Invite(t.Context(), ann.caller(), "bob@acme.example", account.Engineer)
	if err != nil {
		t.Fatal(err)
	}
	from := login.Device{IP: "192.0.2.1"}
	for range 20 { // who has the secret may look as often as they like
		if _, _, err := d.Invitation(t.Context(), token, from); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		_, _, err := d.Invitation(t.Context(), token[:len(token)-4]+"AAAA", from)
		wantRefusal(t, err, fault.NotFound, "")
	}
	if _, _, err := d.Invitation(t.Context(), token, from); retryAfter(err) != 10 {
		t.Errorf("after guesses: %v", err)
	}
	_, err = d.AcceptInvitation(t.Context(), login.AcceptInput{Token: token, Name: "bob", Password: password, Device: from})
	if retryAfter(err) != 10 {
		t.Errorf("accepting after guesses: %v", err)
	}

	for range 5 {
		_, err := d.Reauthenticate(t.Context(), ann.caller(), wrong)
		wantRefusal(t, err, fault.Forbidden, fault.InvalidCredentials)
	}
	if _, err := d.Reauthenticate(t.Context(), ann.caller(), password); retryAfter(err) != 60 {
		t.Errorf("confirming after guesses: %v", err)
	}
	if _, err := d.ChangePassword(t.Context(), ann.caller(), password, "seven grey mice dance"); retryAfter(err) != 60 {
		t.Errorf("changing the password after guesses: %v", err)
	}
	phone := d.again(t, ann, "phone")
	for range 9 { // right ones cost nothing, and another device is not in the way
		if _, err := d.Reauthenticate(t.Context(), phone.caller(), password); err != nil {
			t.Fatal(err)
		}
	}
	d.advance(time.Minute)
	if _, err := d.Reauthenticate(t.Context(), ann.caller(), password); err != nil {
		t.Errorf("confirming a minute later: %v", err)
	}

	// What was written is forgotten when it says nothing any more.
	rows := func() int {
		n, err := d.db.NewSelect().Table("sign_in_limits").Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	if err := d.ForgetLimits(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	before := rows()
	if before < 5 {
		t.Errorf("%d rows are left at once", before)
	}
	d.advance(91 * 24 * time.Hour)
	if err := d.ForgetLimits(t.Context(), 2); err != nil || rows() != before-2 {
		t.Errorf("%d rows of %d are left after forgetting two, %v", rows(), before, err)
	}
	if err := d.ForgetLimits(t.Context(), 100); err != nil || rows() != 0 {
		t.Errorf("%d rows are left, %v", rows(), err)
	}
}

func TestSignInLimit_OffLetsEverythingThrough(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	d.Settings.Tries.Off = true
	for i := range 200 {
		if err := d.try(t, "ann@acme.example", wrong, "192.0.2.1"); fault.ReasonOf(err) != fault.InvalidCredentials {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	if n, err := d.db.NewSelect().Table("sign_in_limits").Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d rows were written, %v", n, err)
	}
}

// supply is a supply of tokens as the reference counts it: in milliseconds.
type supply struct{ left, full, every int64 }

func (s *supply) pass(ms int64) { s.left = min(s.full, s.left+ms) }

// reference is the limits of sign-ins as they are described, counted step by step.
type reference struct {
	limits login.TryLimits
	now    int64
	pairs  map[string]*pairOfReference
	nets   map[string]*supply
	heat   map[string]int64 // failures of a name, in milliseconds until they are forgotten
}

type pairOfReference struct {
	supply
	since        int64
	known, tried bool
}

func ms(d time.Duration) int64 { return d.Milliseconds() }

func newSupply(r login.Rate) supply {
	return supply{int64(r.Burst) * ms(r.Every), int64(r.Burst) * ms(r.Every), ms(r.Every)}
}

func (r *reference) pass(by int64) {
	r.now += by
	for _, p := range r.pairs {
		p.pass(by)
	}
	for _, s := range r.nets {
		s.pass(by)
	}
	for name := range r.heat {
		r.heat[name] = max(0, r.heat[name]-by)
	}
}

// try returns how many milliseconds a try has to wait, 0 where it is let through.
func (r *reference) try(name, net string, right bool) int64 {
	pair := r.pairs[name+net]
	if pair == nil {
		pair = &pairOfReference{supply: newSupply(r.limits.PerName)}
		r.pairs[name+net] = pair
	}
	if r.nets[net] == nil {
		s := newSupply(r.limits.PerAddress)
		r.nets[net] = &s
	}
	every := ms(r.limits.PerNameEverywhere.Every)
	if over := r.heat[name] - int64(r.limits.PerNameEverywhere.Burst)*every; over > 0 && !pair.known {
		delay := int64(1000)
		for ; over > every; over -= every {
			delay *= 2
		}
		delay = min(delay, ms(r.limits.LongestDelay))
		if !pair.tried {
			pair.tried, pair.since = true, r.now
		}
		if wait := pair.since + delay - r.now; wait > 0 {
			return wait
		}
	}
	for _, s := range []*supply{&pair.supply, r.nets[net]} {
		if s.left < s.every {
			return s.every - s.left
		}
	}
	pair.tried, pair.since = true, r.now
	// A name is never hotter than for 1, 2, 4, 8 s: a success there forgets a failure.
	r.heat[name] = min(r.heat[name]+every, (int64(r.limits.PerNameEverywhere.Burst)+4)*every)
	if right {
		r.heat[name] -= every
		pair.left, pair.known = pair.full, true
		return 0
	}
	pair.left -= pair.every
	r.nets[net].left -= r.nets[net].every
	return 0
}

// TestSignInLimit_IsAsTheReferenceCounts runs tries of two names from three networks,
// right ones and wrong ones, against the database.
func TestSignInLimit_IsAsTheReferenceCounts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Passwords = login.NewPasswords(quickHash)
	limits := login.DefaultTryLimits()
	limits.PerName = login.Rate{Burst: 3, Every: 4 * time.Second}
	limits.PerAddress = login.Rate{Burst: 5, Every: 3 * time.Second}
	limits.PerNameEverywhere = login.Rate{Burst: 4, Every: 5 * time.Second}
	limits.LongestDelay = 8 * time.Second
	limits.Register.Burst = 100_000 // an account a run
	d.Settings.Tries = limits
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		known := d.found(t, fmt.Sprintf("acme%d", run), "ann").User.Email
		names := []string{known, fmt.Sprintf("nobody@acme%d.example", run)}
		ref := &reference{limits: limits, pairs: map[string]*pairOfReference{}, nets: map[string]*supply{}, heat: map[string]int64{}}
		for range rapid.IntRange(1, 40).Draw(rt, "tries") {
			by := rapid.SampledFrom([]int64{0, 0, 0, 1, 999, 1000, 2500, 4000, 9000, 60_000}).Draw(rt, "pause")
			d.advance(time.Duration(by) * time.Millisecond)
			ref.pass(by)
			name := rapid.SampledFrom(names).Draw(rt, "name")
			net := fmt.Sprintf("10.%d.%d.%d", run/250, run%250, rapid.IntRange(1, 3).Draw(rt, "net"))
			right := name == known && rapid.IntRange(0, 3).Draw(rt, "right") == 0
			tried := wrong
			if right {
				tried = password
			}
			err := d.try(t, name, tried, net)
			want := ref.try(name, net, right)
			if got := retryAfter(err); got != int((want+999)/1000) || want == 0 && (err == nil) != right {
				rt.Fatalf("%s from %s, right %v: %v, after %d s; the reference says after %d ms", name, net, right, err, got, want)
			}
		}
	})
}
