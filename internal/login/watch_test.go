package login_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/login"
)

// tab is a subscription and all that it was told.
type tab struct {
	of     *person
	cancel func()
	mu     sync.Mutex // guards got
	got    []login.Event
}

// Whatever people, other nodes, time and outages do, each subscription is told a
// story that is true: it begins with the state, its clock never goes back, every
// warning is about the deadlines last told, it ends once or not at all, and when
// all is calm the last told is what the database has.
func TestRegister_TellsATrueStory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, login.OwnClocks())
			people := []*person{b.signIn(), b.signIn(), b.signIn()}
			for _, p := range people { // short ones, so that much happens in little time
				p.Idle = 3 * time.Minute
				p.Deadlines = login.Deadlines{Idle: p.SignedInAt.Add(p.Idle), Absolute: p.SignedInAt.Add(12 * time.Minute)}
				b.do(func() { b.sessions[p.ID] = p.Standing })
			}
			var tabs []*tab
			open := func(p *person) {
				tb := &tab{of: p}
				tb.cancel = b.register.Watch(p.bearer(), event.SinkFunc[login.Event](func(e login.Event) {
					tb.mu.Lock()
					defer tb.mu.Unlock()
					tb.got = append(tb.got, e)
				}))
				tabs = append(tabs, tb)
			}
			for _, p := range people {
				open(p)
			}
			someone := rapid.SampledFrom(people)
			change := func(p *person, f func(s *login.Standing)) {
				var s login.Standing
				b.do(func() { s = b.sessions[p.ID] })
				if _, passed := s.Deadlines.Passed(time.Now()); s.EndReason != "" || passed {
					return
				}
				f(&s)
				b.save(s)
			}
			actions := map[string]func(){
				"open a tab": func() { open(someone.Draw(rt, "who")) },
				"close a tab": func() {
					if len(tabs) > 0 {
						i := rapid.IntRange(0, len(tabs)-1).Draw(rt, "tab")
						tabs[i].cancel()
						tabs = append(tabs[:i:i], tabs[i+1:]...)
					}
				},
				"be active": func() {
					change(someone.Draw(rt, "who"), func(s *login.Standing) { s.Deadlines = s.Deadlines.Extend(s.Idle, time.Now()) })
				},
				"shorten": func() {
					change(someone.Draw(rt, "who"), func(s *login.Standing) {
						s.Idle = s.Idle * 2 / 3
						s.Deadlines.Idle = time.Now().Add(s.Idle)
					})
				},
				"revoke": func() {
					change(someone.Draw(rt, "who"), func(s *login.Standing) { s.EndReason, s.EndedAt = login.RevokedByOwner, time.Now() })
				},
				"hint":             b.register.Look,
				"cut the database": func() { b.do(func() { b.err = errors.New("cut") }) },
				"cut reads by key": func() { b.do(func() { b.keyedErr = errors.New("cut") }) },
				"mend it":          func() { b.do(func() { b.err, b.keyedErr = nil, nil }) },
				"fail over":        func() { b.do(func() { b.started = b.started.Add(time.Second) }) },
				"lock":             func() { b.do(func() { b.locked = !b.locked }) },
				"wait a moment":    func() { pass(time.Duration(rapid.IntRange(1, 2000).Draw(rt, "ms")) * time.Millisecond) },
				"wait": func() {
					pass(rapid.SampledFrom([]time.Duration{time.Minute / 2, time.Minute, 2 * time.Minute}).Draw(rt, "wait"))
				},
			}
			names := slices.Sorted(maps.Keys(actions))
			for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 10, 30).Draw(rt, "actions") {
				actions[name]()
			}
			b.do(func() { b.err, b.keyedErr, b.locked = nil, nil, false })
			pass(3 * time.Second)
			for _, tb := range tabs {
				tb.mu.Lock()
				b.do(func() { checkStory(rt, tb.got, b.sessions[tb.of.ID]) })
				tb.mu.Unlock()
			}
		})
	})
}

func checkStory(t *rapid.T, got []login.Event, truth login.Standing) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("nothing was told")
	}
	var told login.Deadlines
	for i, e := range got {
		if i > 0 && e.Sent().Before(got[i-1].Sent()) {
			t.Fatalf("the clock went back at %+v", e)
		}
		if e.Last() != (i == len(got)-1 && truth.EndReason != "") {
			t.Fatalf("event %d of %d is %T; the session's end is %q", i, len(got), e, truth.EndReason)
		}
		switch e := e.(type) {
		case *login.State:
			if i > 0 && e.Deadlines == told {
				t.Fatalf("told the same state again")
			}
			told = e.Deadlines
		case *login.Extended:
			if i == 0 || !e.Deadlines.Idle.After(told.Idle) {
				t.Fatalf("event %d extends %v to %v", i, told, e.Deadlines)
			}
			told = e.Deadlines
		case *login.Approaching:
			if _, at := told.Nearer(); i == 0 || !e.Warning.At.Equal(at) && !e.Warning.At.Equal(told.Absolute) || !e.Sent().Before(e.Warning.At) {
				t.Fatalf("event %d warns of %v; the deadlines are %v", i, e.Warning, told)
			}
		case *login.Expired:
			if limit, at := truth.Deadlines.Nearer(); e.Limit != limit || e.At.Before(at) {
				t.Fatalf("expired by %s at %v; the deadlines are %v", e.Limit, e.At, truth.Deadlines)
			}
		}
	}
	if truth.EndReason == "" && told != truth.Deadlines {
		t.Fatalf("last told %v, true are %v", told, truth.Deadlines)
	}
}
