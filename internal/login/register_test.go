package login_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
	"github.com/branchline/branchline/internal/login"
)

// database is a database as the register sees it, in memory and in order. It
// implements login.Changes and login.Expirer.
type database struct {
	mu       sync.Mutex // guards what follows
	sessions map[login.SessionID]login.Standing
	log      []any // login.Standing and login.VersionChange; the index is the transaction
	from     uint64
	started  time.Time
	err      error         // of every call
	keyedErr error         // of every read by key
	gate     chan struct{} // where not nil, a read of changes waits until it is closed
	hidden   bool          // no read of changes shows anything, as if it were not exact
	locked   bool          // no session can be ended

	since, whole, keyed, endings int // calls
	keys                         int // read by key, in all
}

func newDatabase() *database {
	return &database{sessions: map[login.SessionID]login.Standing{}, from: 1, started: noon}
}

func (d *database) Whole(ctx context.Context, _ time.Duration) (login.Changed, error) {
	return d.read(ctx, &d.whole, login.Mark{})
}

func (d *database) Since(ctx context.Context, mark login.Mark) (login.Changed, error) {
	return d.read(ctx, &d.since, mark)
}

func (d *database) read(ctx context.Context, count *int, mark login.Mark) (login.Changed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*count++
	if gate := d.gate; gate != nil {
		d.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
		}
		d.mu.Lock()
	}
	if err := errors.Join(d.err, ctx.Err()); err != nil {
		return login.Changed{}, err
	}
	c := login.Changed{Now: time.Now(), Mark: login.Mark{XMax: d.from + uint64(len(d.log)), Started: d.started}}
	for i, change := range d.log {
		if d.hidden || d.from+uint64(i) < mark.XMax {
			continue
		}
		switch change := change.(type) {
		case login.Standing:
			c.Sessions = append(c.Sessions, change)
		case login.VersionChange:
			c.Versions = append(c.Versions, change)
		}
	}
	return c, nil
}

func (d *database) Standings(ctx context.Context, keys []login.SessionKey) ([]login.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keyed++
	d.keys += len(keys)
	var list []login.Standing
	for _, k := range keys {
		if s, ok := d.sessions[k.ID]; ok && s.AccountID == k.AccountID {
			list = append(list, s)
		}
	}
	return list, errors.Join(d.err, d.keyedErr)
}

func (d *database) Close(context.Context) {}

func (d *database) ExpireLoginSessions(_ context.Context, ids []login.SessionID, now time.Time, _ int) ([]login.Ended, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endings++
	var ended []login.Ended
	for _, i := range ids {
		s := d.sessions[i]
		limit, passed := s.Deadlines.Passed(now)
		if d.locked || s.EndReason != "" || !passed {
			continue
		}
		s.EndReason, s.EndedAt = login.ExpiredIdle, now
		if limit == login.AbsoluteLimit {
			s.EndReason = login.ExpiredAbsolute
		}
		d.sessions[i] = s
		d.log = append(d.log, s)
		ended = append(ended, login.Ended{AccountID: s.AccountID, ID: s.ID, UserID: s.UserID, Reason: s.EndReason})
	}
	return ended, d.err
}

// do changes the database.
func (d *database) do(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// save writes how a session stands, as a transaction does.
func (d *database) save(s login.Standing) {
	d.do(func() {
		d.sessions[s.ID] = s
		d.log = append(d.log, s)
	})
}

func (d *database) end(s login.Standing, reason login.EndReason, by login.Standing, name string) {
	s.EndReason, s.EndedAt, s.EndedBy, s.EndedByName = reason, noon, by.UserID, name
	d.save(s)
}

var discard = slog.New(slog.DiscardHandler)

// nobodyHints sends hints to nobody.
type nobodyHints struct{}

func (nobodyHints) Send(event.Hint) {}

// person is a session in the database and what its devices were told.
type person struct {
	login.Standing
	mu   sync.Mutex // guards told and events
	told []string
	all  []login.Event
}

func (p *person) bearer() login.Bearer {
	return login.Bearer{AccountID: p.AccountID, UserID: p.UserID, SessionID: p.ID, TokenVersion: 1}
}

func (p *person) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, text)
}

func (p *person) watch(r *login.Register, tab string) (cancel func()) {
	return r.Watch(p.bearer(), event.SinkFunc[login.Event](func(e login.Event) {
		p.mu.Lock()
		p.all = append(p.all, e)
		p.mu.Unlock()
		at := " at " + e.Sent().Sub(p.SignedInAt).Truncate(time.Second).String()
		switch e := e.(type) {
		case *login.State:
			p.say(tab + "state " + string(e.Warning.Level) + at)
		case *login.Approaching:
			p.say(tab + string(e.Warning.Level) + " " + string(e.Warning.Limit) + at)
		case *login.Extended:
			p.say(tab + "extended to " + e.Deadlines.Idle.Sub(p.SignedInAt).String() + at)
		case *login.Expired:
			p.say(tab + "expired " + string(e.Limit) + at)
		case *login.ForcedLogout:
			p.say(tab + "forced out " + string(e.Reason) + " by " + e.ByName)
		}
	}))
}

func (p *person) attach(r *login.Register, version int) (detach func()) {
	b := p.bearer()
	b.TokenVersion = version
	return r.Attach(b, event.SinkFunc[login.Close](func(c login.Close) {
		p.say(map[login.Close]string{login.CloseRevoked: "close revoked", login.CloseExpired: "close expired", login.CloseComeBack: "come back"}[c])
	}))
}

// want compares all that the devices were told so far, and forgets it.
func (p *person) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff(want, p.told); diff != "" {
		t.Errorf("the devices were told (-want +got):\n%s", diff)
	}
	p.told = nil
}

// bundle is a register on a database, in a bubble.
type bundle struct {
	*database
	nodes    nodes
	register *login.Register
	account  account.ID
}

func inBubble(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := start(t, login.OwnClocks())
		test(t, b)
	})
}

func start(t *testing.T, own func() login.Reading) *bundle {
	b := &bundle{database: newDatabase(), account: newID[account.ID]()}
	b.register = login.NewRegister(login.RegisterOptions{
		Clock: login.NewClock(own), Changes: b.database, Expirer: b.database, Present: &b.nodes, Hints: nobodyHints{}, Log: slog.New(slog.DiscardHandler), TokenLife: 5 * time.Minute,
	})
	b.register.Start(t.Context())
	t.Cleanup(b.register.Stop)
	return b
}

// newID returns an id of a kind that this package cannot name.
func newID[ID interface{ id.Of[K] }, K id.Kind]() ID { return ID(id.New[K]()) }

// signIn makes a session of an hour's idle and eight hours' longest age.
func (b *bundle) signIn() *person {
	p := &person{Standing: login.Standing{
		SessionKey: login.SessionKey{AccountID: b.account, ID: newID[login.SessionID]()}, UserID: newID[account.UserID](),
		TokenVersion: 1, SignedInAt: time.Now(), Idle: time.Hour,
	}}
	p.Deadlines = login.Deadlines{Idle: p.SignedInAt.Add(time.Hour), Absolute: p.SignedInAt.Add(8 * time.Hour)}
	b.do(func() { b.sessions[p.ID] = p.Standing })
	return p
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestRegister_TellsWhatComesAndEndsWhatHasPassed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		ann.attach(b.register, 1)
		ann.watch(b.register, "")
		ann.want(t, "state NONE at 0s")
		pass(54*time.Minute + 59*time.Second)
		ann.want(t)
		pass(2 * time.Second)
		ann.want(t, "SOON IDLE at 55m0s")
		pass(4*time.Minute + 30*time.Second)
		ann.want(t, "NOW IDLE at 59m30s")
		pass(30 * time.Second)
		ann.want(t, "expired IDLE at 1h0m0s", "close expired")
		pass(time.Hour)
		ann.want(t)
		b.do(func() {
			if b.endings != 1 {
				t.Errorf("%d statements ended one session", b.endings)
			}
		})
		if reason := fault.ReasonOf(b.register.Check(t.Context(), ann.bearer())); reason != "" {
			t.Errorf("an ending of an hour ago is still remembered as %s", reason)
		}
	})
}

func TestRegister_TellsAnExtensionEverywhere(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		ann.watch(b.register, "")
		ann.want(t, "state NONE at 0s")
		pass(56 * time.Minute)
		ann.want(t, "SOON IDLE at 55m0s")
		ann.Deadlines.Idle = ann.SignedInAt.Add(116 * time.Minute)
		b.save(ann.Standing)
		pass(time.Second)
		ann.want(t, "extended to 1h56m0s at 56m0s")
		pass(10 * time.Minute)
		ann.want(t)
		pass(45 * time.Minute)
		ann.want(t, "SOON IDLE at 1h51m0s")
	})
}

// Who comes alone is told at once; those who come in a storm share reads.
func TestRegister_ReadsAStormTogether(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		const many = 200
		people := make([]*person, many)
		for i := range people {
			people[i] = b.signIn()
			people[i].watch(b.register, "")
			synctest.Wait()
		}
		pass(100 * time.Millisecond)
		for _, p := range people {
			p.want(t, "state NONE at 0s")
		}
		b.do(func() {
			if b.keyed > 20 {
				t.Errorf("%d reads for %d who came at once", b.keyed, many)
			}
		})
		late := b.signIn()
		late.watch(b.register, "")
		late.want(t, "state NONE at 0s")
	})
}

// Before a warning is pushed the session is read by key: what the other reads
// did not show is told as it is.
func TestRegister_WarnsNobodyWhoseDeadlineHasMoved(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		ann.watch(b.register, "")
		ann.want(t, "state NONE at 0s")
		ann.Deadlines.Idle = ann.SignedInAt.Add(80 * time.Minute)
		b.do(func() { b.hidden = true })
		b.save(ann.Standing)
		pass(56 * time.Minute)
		ann.want(t, "extended to 1h20m0s at 55m0s")
		pass(20 * time.Minute)
		ann.want(t, "SOON IDLE at 1h15m0s")
	})
}

func TestRegister_AnnouncesTheAbsoluteDeadlineEarly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		ann.Deadlines.Absolute = ann.SignedInAt.Add(61 * time.Minute)
		ann.Deadlines.Idle = ann.Deadlines.Absolute
		b.save(ann.Standing)
		ann.watch(b.register, "")
		ann.want(t, "state NONE at 0s")
		pass(time.Hour + time.Minute + time.Second)
		ann.want(t, "NOTICE ABSOLUTE at 54m54s", "SOON ABSOLUTE at 56m0s", "NOW ABSOLUTE at 1h0m30s", "expired ABSOLUTE at 1h1m0s")
	})
}

func TestRegister_EndsAtOnceWhatHadPassedBefore(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		pass(2 * time.Hour)
		ann.watch(b.register, "")
		ann.want(t, "expired IDLE at 2h0m0s")
	})
}

func TestRegister_TriesAgainWhatCouldNotBeEnded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		b.do(func() { b.locked = true })
		pass(2 * time.Hour)
		ann.attach(b.register, 1)
		ann.watch(b.register, "")
		pass(3 * time.Second)
		ann.want(t)
		b.do(func() { b.locked = false })
		pass(time.Second)
		ann.want(t, "expired IDLE at 2h0m3s", "close expired")
	})
}

func TestRegister_TellsTheStateAnewWhenAPolicyShortensIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		ann.watch(b.register, "")
		ann.want(t, "state NONE at 0s")
		ann.Idle, ann.Deadlines.Idle = 15*time.Minute, ann.SignedInAt.Add(15*time.Minute)
		b.save(ann.Standing)
		pass(12 * time.Minute)
		ann.want(t, "state NONE at 0s", "SOON IDLE at 10m0s")
	})
}

func TestRegister_TellsAnEndingOnceAndToAllAlike(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		owner, ann, bob := b.signIn(), b.signIn(), b.signIn()
		for _, p := range []*person{ann, bob} {
			p.attach(b.register, 1)
			p.watch(b.register, "")
			p.watch(b.register, "")
			p.want(t, "state NONE at 0s", "state NONE at 0s")
		}
		b.end(ann.Standing, login.RevokedByOwner, owner.Standing, "Olga")
		b.end(bob.Standing, login.RevokedByOwner, owner.Standing, "Olga")
		b.register.Look()
		for _, p := range []*person{ann, bob} {
			p.want(t, "forced out REVOKED_BY_OWNER by Olga", "forced out REVOKED_BY_OWNER by Olga", "close revoked")
			if reason := fault.ReasonOf(b.register.Check(t.Context(), p.bearer())); reason != fault.SessionRevoked {
				t.Errorf("a revoked session is refused because of %q", reason)
			}
		}
		if last := len(ann.all) - 1; ann.all[last] != bob.all[last] || ann.all[last] != ann.all[last-1] {
			t.Error("one ending came as several events")
		}
		if err := b.register.Check(t.Context(), owner.bearer()); err != nil {
			t.Errorf("the owner is refused: %v", err)
		}

		// Who comes late is told; the others are not told again, neither by that nor
		// by a read of everything.
		cancel := ann.watch(b.register, "late: ")
		ann.want(t, "late: forced out REVOKED_BY_OWNER by Olga")
		cancel()
		b.do(func() { b.started = noon.Add(time.Second) })
		pass(time.Second)
		ann.want(t)
		bob.want(t)
	})
}

func TestRegister_ALogoutIsTheUsersOwn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		ann.watch(b.register, "")
		ann.want(t, "state NONE at 0s")
		b.end(ann.Standing, login.LoggedOut, ann.Standing, "Ann")
		pass(time.Second)
		ann.want(t, "forced out REVOKED_BY_SELF by Ann")
	})
}

func TestRegister_ARaisedVersionBringsSocketsBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann, bob := b.signIn(), b.signIn()
		for _, p := range []*person{ann, bob} {
			p.attach(b.register, 1)
			p.watch(b.register, "")
			p.want(t, "state NONE at 0s")
		}
		ann.attach(b.register, 2) // came back before this process knew
		b.do(func() { b.log = append(b.log, login.VersionChange{UserID: ann.UserID, TokenVersion: 2}) })
		pass(time.Second)
		ann.want(t, "come back")
		bob.want(t)
		if reason := fault.ReasonOf(b.register.Check(t.Context(), ann.bearer())); reason != fault.StaleToken {
			t.Errorf("a token of the old version: %q", reason)
		}
		fresh := ann.bearer()
		fresh.TokenVersion = 2
		if err := b.register.Check(t.Context(), fresh); err != nil {
			t.Errorf("a token of the new version is refused: %v", err)
		}
		if err := b.register.Check(t.Context(), bob.bearer()); err != nil {
			t.Errorf("somebody else's token is refused: %v", err)
		}
	})
}

func TestRegister_ALostSessionComesBackToLearnIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		ann.attach(b.register, 1)
		ann.watch(b.register, "")
		ann.want(t, "state NONE at 0s")
		b.do(func() { // a failover to a copy that lacks it
			delete(b.sessions, ann.ID)
			b.from, b.started = 0, noon.Add(time.Hour)
		})
		pass(time.Second)
		ann.want(t, "come back")
	})
}

// A socket that is attached while a session's standing is told does not take the
// session for lost.
func TestRegister_ASocketAttachedInBetweenStays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		b.register.Watch(ann.bearer(), event.SinkFunc[login.Event](func(login.Event) { ann.attach(b.register, 1) }))
		pass(2 * time.Second)
		ann.want(t)
	})
}

func TestCheck_RefusesWhatAReadByKeyFoundEnded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		pass(time.Second)
		b.do(func() { b.hidden = true })
		b.end(ann.Standing, login.RevokedByOwner, login.Standing{}, "")
		ann.attach(b.register, 1)
		ann.want(t, "close revoked")
		if err := b.register.Check(t.Context(), ann.bearer()); fault.ReasonOf(err) != fault.SessionRevoked {
			t.Errorf("after the socket was told: %v", err)
		}
	})
}

func TestCheckSocket_RefusesPastADeadlineThatCouldNotBeApplied(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, b *bundle, p *person, want fault.Reason) {
		t.Helper()
		synctest.Wait()
		if err := b.register.CheckSocket(t.Context(), p.bearer()); fault.ReasonOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("%v after the sign-in: %v, want the reason %q", time.Since(p.SignedInAt), err, want)
		}
	}
	tests := map[string]func(t *testing.T, b *bundle, p *person){
		"the absolute one at once": func(t *testing.T, b *bundle, p *person) {
			p.Deadlines.Idle = p.Deadlines.Absolute
			b.save(p.Standing)
			pass(8*time.Hour - time.Millisecond)
			refused(t, b, p, "")
			b.do(func() { b.keyedErr = errors.New("cut") }) // so that only what was told is known
			pass(time.Millisecond)
			refused(t, b, p, fault.SessionExpiredAbs)
		},
		"the absolute one that had passed before": func(t *testing.T, b *bundle, p *person) {
			p.Deadlines.Idle, p.Deadlines.Absolute = p.SignedInAt, p.SignedInAt
			b.save(p.Standing)
			pass(time.Second)
			refused(t, b, p, fault.SessionExpiredAbs)
		},
		"the idle one when no refresh can put it off any more": func(t *testing.T, b *bundle, p *person) {
			pass(time.Hour + 6*time.Second)
			refused(t, b, p, "")
			pass(time.Second)
			refused(t, b, p, fault.SessionExpiredIdle)
			p.Deadlines.Idle = p.Deadlines.Absolute
			b.save(p.Standing)
			pass(time.Second)
			refused(t, b, p, "")
		},
		"and the end itself": func(t *testing.T, b *bundle, p *person) {
			b.do(func() { b.locked = false })
			pass(time.Hour + time.Second)
			refused(t, b, p, fault.SessionExpiredIdle)
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bundle) {
				ann := b.signIn()
				b.do(func() { b.locked = true })
				ann.attach(b.register, 1)
				pass(0)
				test(t, b, ann)
			})
		})
	}
}

func TestRegister_NothingIsToldAfterCancel(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		cancel, detach := ann.watch(b.register, ""), ann.attach(b.register, 1)
		ann.want(t, "state NONE at 0s")
		cancel()
		detach()
		cancel()
		b.end(ann.Standing, login.TokenReuse, login.Standing{}, "")
		pass(90 * time.Minute)
		ann.want(t)
		b.do(func() {
			if b.keys != 1 || b.endings != 0 {
				t.Errorf("%d reads and %d endings of a session that nobody watches", b.keys-1, b.endings)
			}
		})
	})
}

func TestRegister_ReadsOnceOnItsWayAndOnceWaiting(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		pass(time.Second)
		gate := make(chan struct{})
		var before int
		b.do(func() { b.gate, before = gate, b.since })
		for range 100 {
			b.register.Deliver(event.Hint{Account: "acct_1", Topic: event.LoginSessions})
			synctest.Wait()
		}
		b.do(func() {
			if b.since != before+1 {
				t.Errorf("%d reads on their way", b.since-before)
			}
			b.gate = nil
		})
		close(gate)
		synctest.Wait()
		b.do(func() {
			if b.since != before+2 {
				t.Errorf("100 hints caused %d reads", b.since-before)
			}
			before = b.since
		})
		b.register.Deliver(event.Hint{Account: "acct_1", Topic: "of another matter"})
		synctest.Wait()
		pass(10 * time.Second)
		b.do(func() {
			if b.since != before+20 {
				t.Errorf("%d reads in 10 s without a hint", b.since-before)
			}
		})
	})
}

func TestRegister_ReadsTheWholeWhenTransactionIDsBeginAnew(t *testing.T) {
	t.Parallel()
	tests := map[string]func(b *bundle){
		"xmax fell":             func(b *bundle) { b.from = 0 },
		"the server started":    func(b *bundle) { b.started = noon.Add(time.Minute) },
		"the connection is new": func(b *bundle) { b.err = errors.New("cut") },
		"a read by key failed":  func(b *bundle) { b.keyedErr = errors.New("cut") },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bundle) {
				ann, bob := b.signIn(), b.signIn()
				b.end(bob.Standing, login.RevokedBySelf, bob.Standing, "Bob")
				pass(time.Second)
				ann.watch(b.register, "")
				ann.want(t, "state NONE at 1s")
				late := b.signIn()
				late.watch(b.register, "")
				b.do(func() {
					change(b)
					// What happened meanwhile is behind the mark, and longer ago than the
					// whole read goes back to.
					s := ann.Standing
					s.EndReason, s.EndedAt = login.UserDisabled, noon
					b.sessions[ann.ID] = s
				})
				pass(600 * time.Millisecond)
				b.do(func() { b.err, b.keyedErr = nil, nil })
				pass(600 * time.Millisecond)
				ann.want(t, "forced out USER_DISABLED by ")
				late.want(t, "state NONE at 0s")
				b.do(func() {
					if b.keyed == 0 || b.whole < 2 || b.since == 0 {
						t.Errorf("%d reads of the whole and %d of what is new", b.whole, b.since)
					}
				})
				if reason := fault.ReasonOf(b.register.Check(t.Context(), bob.bearer())); reason != fault.SessionRevoked {
					t.Errorf("what was known before is forgotten: %q", reason)
				}
			})
		})
	}
}

// hand is a pair of clocks that go with the bubble's time and can be moved.
type hand struct {
	ownClocks
	base func() login.Reading
}

func (h *hand) read() login.Reading {
	r, moved := h.base(), h.ownClocks.read()
	return login.Reading{Wall: r.Wall.Add(moved.Wall.Sub(time.Time{})), Mono: r.Mono + moved.Mono}
}

func TestCheck_FailsClosed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ wall, mono time.Duration }{
		"time passed":                 {1600 * time.Millisecond, 1600 * time.Millisecond},
		"the machine slept":           {1600 * time.Millisecond, 0},
		"the wall clock was set back": {-time.Hour, 1600 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hand{base: login.OwnClocks()}
				b := start(t, h.read)
				ann, bob := b.signIn(), b.signIn()
				b.end(bob.Standing, login.RevokedBySelf, bob.Standing, "Bob")
				pass(time.Second)

				// The database is gone, but was read a moment ago.
				b.do(func() { b.err = errors.New("gone") })
				if err := b.register.Check(t.Context(), ann.bearer()); err != nil || !b.register.Trusted() {
					t.Errorf("refused a moment after a read: %v", err)
				}

				h.move(tt.wall, tt.mono)
				if b.register.Trusted() {
					t.Error("the register trusts what it read 1.6 s ago")
				}
				err := b.register.Check(t.Context(), ann.bearer())
				if fault.ReasonOf(err) != fault.CannotVerify || !errors.Is(err, fault.Unauthenticated) {
					t.Errorf("while the database is gone: %v", err)
				}
				if reason := fault.ReasonOf(b.register.Check(t.Context(), bob.bearer())); reason != fault.SessionRevoked {
					t.Errorf("what is known to have ended is refused because of %q", reason)
				}
				regained := b.register.Regained()

				b.do(func() { b.err = nil })
				if err := b.register.Check(t.Context(), ann.bearer()); err != nil || !b.register.Trusted() {
					t.Errorf("refused when the database is back: %v", err)
				}
				<-regained
			})
		})
	}
}

func TestCheck_ManyAsksCostOneRead(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]bool{"the database answers": false, "the database is gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hand{base: login.OwnClocks()}
				b := start(t, h.read)
				pass(600 * time.Millisecond)
				people := make([]*person, 500)
				for i := range people {
					people[i] = b.signIn()
				}
				// A read is on its way that began before them.
				gate := make(chan struct{})
				b.do(func() { b.gate = gate })
				b.register.Look()
				synctest.Wait()
				b.end(people[0].Standing, login.TokenReuse, login.Standing{}, "")
				h.move(2*time.Second, 2*time.Second)

				var before int
				errs := make([]error, len(people))
				var all sync.WaitGroup
				for i, p := range people {
					all.Go(func() { errs[i] = b.register.Check(t.Context(), p.bearer()) })
				}
				synctest.Wait()
				b.do(func() {
					before, b.gate = b.since+b.whole, nil
					if cut {
						b.err = errors.New("gone")
					}
				})
				close(gate)
				all.Wait()
				b.do(func() {
					// Where the one on its way fails, theirs is the next one.
					if reads := b.since + b.whole - before; reads != 1 {
						t.Errorf("500 checks caused %d reads", reads)
					}
				})
				for i, err := range errs {
					want := fault.Reason("")
					switch {
					case cut:
						want = fault.CannotVerify
					case i == 0:
						want = fault.SessionRevoked
					}
					if fault.ReasonOf(err) != want {
						t.Fatalf("check %d: %v, want %q", i, err, want)
					}
				}
			})
		})
	}
}

func TestCheck_GivesUpOnAServerThatIsSilent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		ann := b.signIn()
		pass(time.Second)
		gate := make(chan struct{})
		b.do(func() { b.gate = gate })
		pass(10 * time.Second)
		began := time.Now()
		err := b.register.Check(t.Context(), ann.bearer())
		if took := time.Since(began); fault.ReasonOf(err) != fault.CannotVerify || took > 5*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		b.do(func() { b.gate = nil })
		close(gate)
		pass(time.Second)
		if err := b.register.Check(t.Context(), ann.bearer()); err != nil {
			t.Errorf("when the server speaks again: %v", err)
		}
	})
}

func TestCheck_RefusesBeforeTheFirstReadAndAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bundle{database: newDatabase(), account: newID[account.ID]()}
		ann := b.signIn()
		r := login.NewRegister(login.RegisterOptions{Clock: login.NewClock(login.OwnClocks()), Changes: b.database, Expirer: b.database, Present: &b.nodes, Hints: nobodyHints{}, Log: slog.New(slog.DiscardHandler), TokenLife: time.Minute})
		if err := r.Check(t.Context(), ann.bearer()); fault.ReasonOf(err) != fault.CannotVerify {
			t.Errorf("before the start: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.Start(ctx)
		if err := r.Check(t.Context(), ann.bearer()); err != nil {
			t.Errorf("after the start: %v", err)
		}
		cancel()
		r.Stop()
		r.Stop()
		pass(2 * time.Second)
		if err := r.Check(t.Context(), ann.bearer()); fault.ReasonOf(err) != fault.CannotVerify {
			t.Errorf("after the stop: %v", err)
		}
	})
}

func TestRegister_ForgetsWhatNoTokenCanOutlive(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		for i := range 3 {
			ann := b.signIn()
			b.end(ann.Standing, login.RevokedBySelf, ann.Standing, "Ann")
			pass(6 * time.Minute) // a token's life and a minute
			if reason := fault.ReasonOf(b.register.Check(t.Context(), ann.bearer())); reason != fault.SessionRevoked {
				t.Errorf("ending %d is forgotten while a token may live: %q", i, reason)
			}
			pass(7 * time.Minute)
			if err := b.register.Check(t.Context(), ann.bearer()); err != nil {
				t.Errorf("ending %d is kept longer than twice that: %v", i, err)
			}
		}
	})
}

func ExampleClose_Final() {
	fmt.Println(login.CloseRevoked.Final(), login.CloseComeBack.Final())
	// Output: true false
}
