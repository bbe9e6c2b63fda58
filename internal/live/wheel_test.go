package live

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tape is a wire that notes what happens and when. It takes every frame at
// once.
type tape struct {
	peer  *peer
	began time.Time
	notes []note
	over  bool
}

type note struct {
	At   time.Duration
	What string
}

func (w *tape) note(what string) {
	w.notes = append(w.notes, note{time.Since(w.began).Round(time.Second), what})
}

func (w *tape) wake() {
	for f, ok := w.peer.take(); ok; f, ok = w.peer.take() {
		switch f.kind {
		case beat:
			w.note("ping")
		case next:
			w.note("next")
		case farewell:
			w.note(w.peer.closing.Reason)
		}
	}
}

func (w *tape) sever() {
	if !w.over {
		w.over = true
		w.note("severed")
		go w.peer.unref()
	}
}

func (w *tape) report(Record) {}

// TestWheel lets a day of connections pass in no time.
func TestWheel(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrange func(s *Server, p *peer)
		lasts   time.Duration
		want    []note // pings are left out
		pings   int
	}{
		"nobody initialises": {
			arrange: func(s *Server, p *peer) { p.initBy = s.clock() + s.limits.Init },
			lasts:   time.Minute,
			want:    []note{{5 * time.Second, InitTimeout.Reason}, {15 * time.Second, "severed"}},
		},
		"nobody answers": {
			lasts: 2 * time.Minute,
			want:  []note{{60 * time.Second, ""}, {60 * time.Second, "severed"}},
			pings: 2,
		},
		"a client that answers grows old": {
			arrange: func(s *Server, p *peer) { p.heard.Store(int64(3 * time.Hour)) },
			lasts:   2 * time.Hour,
			want:    []note{{time.Hour, TooOld.Reason}, {time.Hour + 10*time.Second, "severed"}},
			pings:   143,
		},
		"something is under way at the end": {
			arrange: func(s *Server, p *peer) { p.owed = 1; p.End(SessionEnded) },
			lasts:   time.Minute,
			want:    []note{{2 * time.Second, SessionEnded.Reason}, {12 * time.Second, "severed"}},
		},
		"a write hangs": {
			arrange: func(s *Server, p *peer) { p.writing = s.clock() },
			lasts:   time.Minute,
			want:    []note{{10 * time.Second, SlowReader.Reason}, {20 * time.Second, "severed"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := New(nil, Options{Limits: Limits{LifeSpread: time.Nanosecond, Ping: 25 * time.Second}})
				s.Start(t.Context())
				w := &tape{began: time.Now()}
				p := &peer{server: s, wire: w, gauge: &s.stats.sockets}
				w.peer = p
				p.arm(0)
				p.mu.Lock()
				p.beatAt = s.clock() + s.limits.Ping
				p.mu.Unlock()
				if tt.arrange != nil {
					tt.arrange(s, p)
				}
				p.due.Store(0)
				<-time.After(tt.lasts) // the bubble's time
				synctest.Wait()
				pings, got := 0, []note(nil)
				for _, n := range w.notes {
					if n.What == "ping" {
						pings++
					} else {
						got = append(got, n)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("notes (-want +got):\n%s", diff)
				}
				if pings != tt.pings {
					t.Errorf("%d pings, want %d", pings, tt.pings)
				}
				s.Stop()
				if n := s.Stats().Sockets; n != 0 {
					t.Errorf("%d sockets left", n)
				}
			})
		})
	}
}

func TestWheel_LeavesInAnyOrder(t *testing.T) {
	t.Parallel()
	var w wheel
	peers := make([]*peer, 200)
	for i := range peers {
		peers[i] = &peer{}
		w.join(peers[i])
	}
	for i := 0; i < len(peers); i += 3 {
		w.leave(peers[i])
	}
	for i, p := range peers {
		if i%3 != 0 {
			if w.members[p.seat] != p {
				t.Fatalf("peer %d does not sit where it thinks", i)
			}
			w.leave(p)
		}
	}
	if len(w.members) != 0 || cap(w.members) > 64 {
		t.Errorf("%d members left, room for %d", len(w.members), cap(w.members))
	}
}

func TestHold_NothingButSignsOfLifeAndTheFarewellIsSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(nil, Options{})
		s.Start(t.Context())
		w := &tape{began: time.Now()}
		p := &peer{server: s, wire: w, gauge: &s.stats.sockets}
		w.peer = p
		p.arm(0)
		put := func(k kind) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.put(frame{kind: k})
		}
		s.Hold(true)
		put(next)
		put(next)
		if len(w.notes) != 0 {
			t.Errorf("sent %v while deliveries are held", w.notes)
		}
		put(beat)
		if len(w.notes) != 1 || w.notes[0].What != "ping" {
			t.Errorf("sent %v, want the ping past what is held", w.notes)
		}
		s.Hold(false)
		if len(w.notes) != 3 {
			t.Errorf("sent %v when they were let go", w.notes)
		}
		s.Hold(true)
		for range 257 { // more than may wait
			put(next)
		}
		if last := w.notes[len(w.notes)-1].What; last != SlowReader.Reason {
			t.Errorf("a queue that overflowed ended with %q", last)
		}
		s.Stop()
	})
}

func TestWheel_NoticesWhenACrowdHasGone(t *testing.T) {
	t.Parallel()
	var w wheel
	for i, step := range []struct {
		connected int
		want      bool
	}{
		{aCrowd - 1, false},
		{0, false},
		{0, false}, // no crowd
		{2 * aCrowd, false},
		{aCrowd, false},
		{aCrowd, false}, // half of it stays
		{aCrowd / 2, false},
		{aCrowd / 2, true},
		{aCrowd / 2, false}, // once
		{0, false},
		{0, false},
		{aCrowd, false},
		{10, false},
		{5, false},
		{7, true}, // not while they leave
	} {
		for len(w.members) < step.connected {
			w.join(&peer{})
		}
		for len(w.members) > step.connected {
			w.leave(w.members[0])
		}
		if got := w.emptied(); got != step.want {
			t.Errorf("tick %d, with %d connected: %t", i, step.connected, got)
		}
	}
}
