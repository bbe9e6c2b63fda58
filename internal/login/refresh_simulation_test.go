package login

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
)

// This file simulates devices with several tabs that share a refresh token, a
// network that loses and delays, a database that is restored, and thieves, around
// the real rules: Decide, Session.apply, and the tokens of Ring. It asks two
// things. Is an honest device ever signed out? Is a thief found by the victim's
// second refresh? The mutations at the end show that it finds out.

// simRules is what the simulation is about, so that a mutation can replace a part.
type simRules struct {
	decide func(Session, Presented, time.Time, time.Duration) Verdict
	apply  func(Session, Verdict, Presented, time.Time) Session
	sends  func(Verdict) bool
	// attempt returns the id that a client sends, where it has stored shared.
	attempt func(shared Secret, tab int, passive bool) Secret
	// closing says that a tab that is closed lets another one refresh although its
	// own request is under way, as a lock of the browser does.
	closing bool
}

func realRules() simRules {
	return simRules{
		decide: Decide,
		apply: func(s Session, v Verdict, p Presented, now time.Time) Session {
			s, _ = s.apply(v, p, now)
			return s
		},
		sends:   Verdict.sendsToken,
		attempt: func(shared Secret, _ int, _ bool) Secret { return shared },
	}
}

const (
	simTabs    = 3
	simGiveUp  = 20 * time.Second // clients give up on an answer
	simStored  = 30 * time.Second // no active refresh within this of storing a token
	simActive  = time.Minute      // between active refreshes
	simGrace   = 30 * time.Second
	simWindow  = 3 * time.Hour
	simLongest = 24 * time.Hour
)

// simWorld is one trace.
type simWorld struct {
	rules  simRules
	choose func(n int) int // 0 to n-1

	now     time.Time
	ring    *Ring
	row     Session
	past    []Session // what a restore may bring back
	flights []simFlight
	log     []string
	fail    string // the first violation

	// The device.
	cookie         bool // the token is in a cookie: set when the answer arrives, whoever waits for it
	token          Secret
	shared         Secret // attempt id for token; empty until the first attempt
	storedAt       time.Time
	answeredAt     time.Time // last answered active refresh
	holder         int       // number of the request that is under way, by the mark in the shared storage; 0 if none
	heldSince      time.Time
	closed         int // number of the request whose tab was closed meanwhile
	requests       int
	signedOut      bool
	attempts       int
	thief          bool
	stolen         []Secret // what the thief holds
	stolenAt       int      // requests below this number were sent before the theft
	refreshesSince int      // active ones of the victim with a token that was not too young, answered, sent after the theft
}

// simFlight is a request on its way to the server, or an answer on its way back.
type simFlight struct {
	at      time.Time
	number  int
	tab     int
	answer  bool
	token   Secret
	attempt Secret
	passive bool
	refused bool
	stayed  bool // the token was too young to be rotated
	lost    bool // its answer will be
	back    time.Duration
}

func newSimWorld(rules simRules, choose func(int) int) *simWorld {
	ring, err := ParseRing(NewKey())
	if err != nil {
		panic(err)
	}
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	w := &simWorld{rules: rules, choose: choose, now: start, ring: ring, cookie: choose(2) == 0}
	w.row = Session{
		AccountID: account.NewID(), ID: NewSessionID(), UserID: account.NewUserID(),
		SignedInAt: start, LastActiveAt: start, Idle: simWindow,
		Deadlines:  Deadlines{Idle: start.Add(simWindow), Absolute: start.Add(simLongest)},
		Generation: 1, GenerationAt: start, Salt: bytes.Repeat([]byte{7}, saltBytes),
	}
	w.token, w.storedAt, w.answeredAt = ring.RefreshToken(w.row), start, start
	w.past = append(w.past, w.row)
	return w
}

func (w *simWorld) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%6.0fs  ", w.now.Sub(w.row.SignedInAt).Seconds())+fmt.Sprintf(format, args...))
}

func (w *simWorld) violate(format string, args ...any) {
	if w.fail == "" {
		w.note("VIOLATION: "+format, args...)
		w.fail = strings.Join(w.log, "\n")
	}
}

// serve is what Service.Refresh does, on the one row of this world.
func (w *simWorld) serve(who string, text, attempt Secret, passive bool) (token Secret, v Verdict) {
	t, err := ParseRefreshToken(text)
	if err != nil {
		w.violate("%s: a token of ours does not parse", who)
		return "", NotGenuine
	}
	hash, err := HashAttempt(attempt)
	if err != nil {
		w.violate("%s: an attempt id is refused", who)
		return "", NotGenuine
	}
	p := Presented{Generation: t.Generation, Genuine: w.ring.Genuine(t, w.row), Attempt: hash, Passive: passive}
	before := w.row
	v = w.rules.decide(w.row, p, w.now, graceOf(simGrace, w.row.Idle))
	w.row = w.rules.apply(w.row, v, p, w.now)
	w.note("%s presents generation %d, passive %t, attempt %s; row has %d → %s", who, t.Generation, passive, string(attempt)[:7], before.Generation, v)
	switch v {
	case PastEnd:
		limit, _ := w.row.Deadlines.Nearer()
		w.row.EndedAt, w.row.EndReason = w.now, limit.endReason()
	case Reuse:
		w.row.EndedAt, w.row.EndReason = w.now, TokenReuse
	}
	w.checkRow(before, v, passive)
	if v <= Reuse {
		return "", v
	}
	if w.rules.sends(v) {
		token = w.ring.RefreshToken(w.row)
	}
	w.past = append(w.past, w.row)
	return token, v
}

// checkRow holds the rules about one step.
func (w *simWorld) checkRow(before Session, v Verdict, passive bool) {
	switch {
	case !before.EndedAt.IsZero() && (w.row.EndedAt.IsZero() || v > Reuse):
		w.violate("an ended session came back by %s", v)
	case v > Reuse && !w.now.Before(w.row.Deadlines.Absolute):
		w.violate("the session outlived its absolute deadline by %s", v)
	case w.row.Deadlines.Idle.After(w.row.Deadlines.Absolute) || !w.row.Deadlines.Absolute.Equal(before.Deadlines.Absolute):
		w.violate("the absolute deadline moved by %s", v)
	case !w.row.Deadlines.Idle.Equal(before.Deadlines.Idle) && (passive || v != Rotate && v != Stay):
		w.violate("the idle deadline moved by %s, passive %t", v, passive)
	case w.row.Generation < before.Generation:
		w.violate("the generation fell by %s", v)
	}
}

// refresh has a tab begin a refresh, if the rules for clients allow one.
func (w *simWorld) refresh(tab int, passive bool) {
	if w.holder != 0 && w.now.Sub(w.heldSince) >= simGiveUp {
		w.holder = 0
	}
	switch {
	case w.signedOut, w.holder != 0:
		return
	case !passive && (w.now.Sub(w.storedAt) < simStored || w.now.Sub(w.answeredAt) < simActive):
		return
	}
	if w.shared == "" {
		w.attempts++
		w.shared = Secret(fmt.Sprintf("attempt%012d", w.attempts))
	}
	w.requests++
	w.holder, w.heldSince = w.requests, w.now
	f := simFlight{number: w.requests, tab: tab, token: w.token, attempt: w.rules.attempt(w.shared, tab, passive), passive: passive}
	there := []time.Duration{0, time.Second, 3 * time.Second, 10 * time.Second, -1}[w.choose(5)]
	back := []time.Duration{0, time.Second, 4 * time.Second, -1, -1}[w.choose(5)]
	if there < 0 {
		w.note("tab %d: request %d is lost", tab, f.number)
		return
	}
	f.at, f.back, f.lost = w.now.Add(there), back, back < 0
	w.flights = append(w.flights, f)
}

// arrive takes a request or an answer in.
func (w *simWorld) arrive(f simFlight) {
	if !f.answer {
		token, v := w.serve(fmt.Sprintf("tab %d (request %d)", f.tab, f.number), f.token, f.attempt, f.passive)
		if f.lost {
			w.note("answer to request %d is lost", f.number)
			return
		}
		f.answer, f.at, f.token, f.refused, f.stayed = true, w.now.Add(f.back), token, v <= Reuse, v == Stay
		w.flights = append(w.flights, f)
		return
	}
	waiting := f.number == w.holder && f.number != w.closed && w.now.Sub(w.heldSince) < simGiveUp
	if w.cookie && f.token != "" {
		w.token = f.token // by the browser, though no script may know
	}
	if !waiting {
		return
	}
	w.holder = 0
	if f.refused {
		w.signedOut = true
		if !w.thief {
			w.violate("an honest device was signed out: %s", w.row.EndReason)
		}
		return
	}
	if f.token != "" {
		w.token, w.storedAt, w.shared = f.token, w.now, ""
	}
	if !f.passive {
		w.answeredAt = w.now
		if w.thief && f.number >= w.stolenAt && !f.stayed {
			w.refreshesSince++
		}
	}
}

// advance lets time pass and delivers what arrives in it, in order.
func (w *simWorld) advance(d time.Duration) {
	end := w.now.Add(d)
	for {
		next := -1
		for i := range w.flights {
			if !w.flights[i].at.After(end) && (next < 0 || w.flights[i].at.Before(w.flights[next].at)) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		f := w.flights[next]
		w.flights = slices.Delete(w.flights, next, next+1)
		w.now = later(w.now, f.at)
		w.arrive(f)
		w.checkThief()
		w.follow()
	}
	w.now = end
}

// follow is the thief who listens on a socket: after whatever happens it tries at
// once, in some way.
func (w *simWorld) follow() {
	if w.thief && w.choose(3) == 0 {
		w.steal(w.choose(2) == 0)
	}
}

// steal has the thief present one of its tokens, mostly the latest.
func (w *simWorld) steal(passive bool) {
	if !w.thief || !w.row.EndedAt.IsZero() {
		return
	}
	i := len(w.stolen) - 1
	if w.choose(4) == 0 {
		i = w.choose(len(w.stolen))
	}
	w.attempts++
	token, v := w.serve("thief", w.stolen[i], Secret(fmt.Sprintf("thieves%012d", w.attempts)), passive)
	if v > Reuse && token != "" && token != w.stolen[i] {
		w.stolen = append(w.stolen, token)
	}
}

// checkThief asks whether the thief was found in time: after the victim's second
// refresh the session is over, or nothing that the thief has is worth anything and
// trying it ends the session.
func (w *simWorld) checkThief() {
	if !w.thief || w.refreshesSince < 2 || !w.row.EndedAt.IsZero() {
		return
	}
	for _, text := range w.stolen {
		t, err := ParseRefreshToken(text)
		if err != nil {
			panic(err)
		}
		p := Presented{Generation: t.Generation, Genuine: true, Attempt: make([]byte, 32), Passive: true}
		if v := w.rules.decide(w.row, p, w.now, graceOf(simGrace, w.row.Idle)); v != Reuse {
			w.violate("after two refreshes of the victim the thief's generation %d is still good for %s", t.Generation, v)
		}
	}
}

// step does one thing of many.
func (w *simWorld) step(thieves, restores bool) {
	switch n := w.choose(20); {
	case n < 6:
		w.refresh(w.choose(simTabs), false)
	case n < 9:
		w.refresh(w.choose(simTabs), true)
	case n == 9:
		if w.holder != 0 {
			w.note("the tab of request %d is closed", w.holder)
			w.closed = w.holder // its request goes on, and so does its mark in the storage
			if w.rules.closing {
				w.holder = 0
			}
		}
	case n == 10 && restores:
		i := max(0, len(w.past)-1-w.choose(6))
		if w.row.EndedAt.IsZero() {
			w.note("the database is restored to generation %d", w.past[i].Generation)
			w.row = w.past[i]
			w.past = w.past[:i+1]
			w.now = w.now.Add(time.Duration(w.choose(5)-2) * 500 * time.Millisecond) // another machine's clock
		}
	case n == 11 && thieves && !w.thief && !w.signedOut:
		w.note("the token is copied")
		w.thief, w.stolen, w.stolenAt = true, []Secret{w.token}, w.requests+1
	case n <= 13 && w.thief:
		w.steal(w.choose(2) == 0)
	default:
		w.advance([]time.Duration{time.Second, 5 * time.Second, 21 * time.Second, 31 * time.Second, 65 * time.Second, 5 * time.Minute}[w.choose(6)])
	}
}

// run plays a trace and returns the story of the first violation, or "".
func (w *simWorld) run(steps int, thieves, restores bool) string {
	for range steps {
		w.step(thieves, restores)
		if w.fail != "" || w.signedOut {
			break
		}
	}
	return w.fail
}

func drawn(t *rapid.T) func(int) int {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
}

func seeded(seed uint64) func(int) int {
	r := rand.New(rand.NewPCG(seed, 1))
	return r.IntN
}

func TestRefresh_HonestDevicesAreNeverSignedOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if story := newSimWorld(realRules(), drawn(t)).run(120, false, true); story != "" {
			t.Fatal(story)
		}
	})
	for seed := range uint64(1500) {
		if story := newSimWorld(realRules(), seeded(seed)).run(120, false, true); story != "" {
			t.Fatalf("seed %d:\n%s", seed, story)
		}
	}
}

func TestRefresh_AThiefIsFoundAtTheVictimsSecondRefresh(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if story := newSimWorld(realRules(), drawn(t)).run(120, true, false); story != "" {
			t.Fatal(story)
		}
	})
	for seed := range uint64(1500) {
		if story := newSimWorld(realRules(), seeded(seed)).run(120, true, false); story != "" {
			t.Fatalf("seed %d:\n%s", seed, story)
		}
	}
}

// directed plays a thief with a plan against a victim who refreshes every 70 s.
// after is how long the thief waits after each refresh of the victim, or, with
// ahead, before it.
func directed(rules simRules, after time.Duration, ahead, passive bool) string {
	w := newSimWorld(rules, func(int) int { return 0 }) // nothing is lost or late
	w.advance(40 * time.Second)
	w.thief, w.stolen, w.stolenAt = true, []Secret{w.token}, 1
	for range 6 {
		if ahead {
			w.advance(70*time.Second - after)
			w.steal(passive)
			w.advance(after)
			w.refresh(0, false)
			w.advance(0)
		} else {
			w.advance(70 * time.Second)
			w.refresh(0, false)
			w.advance(after)
			w.steal(passive)
		}
		w.checkThief()
		if w.fail != "" {
			break
		}
	}
	return w.fail
}

func TestRefresh_DirectedThieves(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 29 * time.Second, 31 * time.Second, 50 * time.Second} {
		for _, ahead := range []bool{false, true} {
			for _, passive := range []bool{false, true} {
				if story := directed(realRules(), after, ahead, passive); story != "" {
					t.Errorf("after %v, ahead %t, passive %t:\n%s", after, ahead, passive, story)
				}
			}
		}
	}
}

// TestRefresh_EveryPartIsNeeded takes single parts of the rules away. The
// simulation has to find a counterexample for each.
func TestRefresh_EveryPartIsNeeded(t *testing.T) {
	t.Parallel()
	young := func(s Session, now time.Time, grace time.Duration) bool { return now.Before(s.GenerationAt.Add(grace)) }
	tests := map[string]struct {
		thieves bool
		mutate  func(*simRules)
	}{
		"an attempt id for each tab": {false, func(r *simRules) {
			r.attempt = func(shared Secret, tab int, _ bool) Secret { return shared + Secret(fmt.Sprint("-tab", tab)) }
		}},
		"passive refreshes without the attempt id": {false, func(r *simRules) {
			r.attempt = func(shared Secret, _ int, passive bool) Secret {
				if passive {
					return shared + "-passive"
				}
				return shared
			}
		}},
		"a lock that a closed tab frees": {false, func(r *simRules) { r.closing = true }},
		"no replay for a lost answer": {false, func(r *simRules) {
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				s.AttemptHash = nil
				return Decide(s, p, now, grace)
			}
		}},
		"a replay for a while only": {false, func(r *simRules) {
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				if !young(s, now, grace) {
					s.AttemptHash = nil
				}
				return Decide(s, p, now, grace)
			}
		}},
		"rotating at every call": {false, func(r *simRules) {
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				v := Decide(s, p, now, grace)
				if p.Generation == s.Generation && v > Reuse {
					return Rotate
				}
				return v
			}
		}},
		"a newer generation taken as reuse": {false, func(r *simRules) {
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				if v := Decide(s, p, now, grace); p.Generation <= s.Generation || v <= Reuse {
					return v
				}
				return Reuse
			}
		}},
		"rule 5 giving a refresh token": {true, func(r *simRules) {
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				v := Decide(s, p, now, grace)
				if v == AccessOnly && p.Generation < s.Generation {
					return Replay
				}
				return v
			}
		}},
		"a replay without its attempt": {true, func(r *simRules) {
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				if v := Decide(s, p, now, grace); v != Reuse || p.Generation < s.Generation-1 {
					return v
				}
				return Replay
			}
		}},
		"no reuse detection": {true, func(r *simRules) {
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				if v := Decide(s, p, now, grace); v != Reuse {
					return v
				}
				return AccessOnly
			}
		}},
		"grace until the new token is seen": {true, func(r *simRules) {
			seen := map[SessionID]int64{} // the newest generation that was presented
			r.decide = func(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
				seen[s.ID] = max(seen[s.ID], p.Generation)
				if v := Decide(s, p, now, grace); v != Reuse || p.Generation < s.Generation-1 || seen[s.ID] == s.Generation {
					return v
				}
				return AccessOnly
			}
		}},
		"an idle deadline moved by passive refreshes": {false, func(r *simRules) {
			r.apply = func(s Session, v Verdict, p Presented, now time.Time) Session {
				if v == AccessOnly {
					s.Deadlines = s.Deadlines.Extend(s.Idle, now)
				}
				s, _ = s.apply(v, p, now)
				return s
			}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(20_000) {
				rules := realRules()
				tt.mutate(&rules)
				if newSimWorld(rules, seeded(seed)).run(120, tt.thieves, !tt.thieves) != "" {
					return
				}
			}
			t.Error("20,000 traces did not tell these rules from the right ones")
		})
	}
}
