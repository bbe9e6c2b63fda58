//go:build unix

package login

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/id"
)

// The heap against a plain map: whatever is put in, moved and taken out, those
// that are due come out and no others, and every session knows its place.
func TestDeadlineHeap_TakesWhatIsDue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h deadlineHeap
		all := make([]*watched, 40)
		for i := range all {
			all[i] = &watched{}
		}
		want := map[*watched]int64{}
		someone := rapid.SampledFrom(all)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				w, at := someone.Draw(t, "who"), rapid.Int64Range(0, 20).Draw(t, "at")
				h.set(w, at)
				want[w] = at
			},
			"remove": func(t *rapid.T) {
				w := someone.Draw(t, "who")
				h.remove(w)
				delete(want, w)
			},
			"take": func(t *rapid.T) {
				now := rapid.Int64Range(0, 20).Draw(t, "now")
				h.take(now, func(w *watched) {
					if at, ok := want[w]; !ok || at > now || w.place != 0 {
						t.Fatalf("took one that is due at %d (%v), at %d", at, ok, now)
					}
					delete(want, w)
				})
				for _, at := range want {
					if at <= now {
						t.Fatalf("left one that is due at %d, at %d", at, now)
					}
				}
			},
			"": func(t *rapid.T) {
				if len(h.slots) != len(want) {
					t.Fatalf("%d in the heap, want %d", len(h.slots), len(want))
				}
				for w, at := range want {
					if w.place == 0 || h.slots[w.place-1] != (deadlineSlot{at, w}) {
						t.Fatalf("a session due at %d does not know its place", at)
					}
					if parent := (w.place - 2) / 4; w.place > 1 && h.slots[parent].at > at {
						t.Fatalf("one due at %d stands above one due at %d", h.slots[parent].at, at)
					}
				}
			},
		})
	})
}

const herd = 100_000

func BenchmarkDeadlineHeap_BytesEach(b *testing.B) {
	sessions := make([]watched, herd)
	ats := rand.Perm(herd)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var h deadlineHeap
		for i := range sessions {
			h.set(&sessions[i], int64(ats[i]))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		const place = 4 // of watched.place, which the sessions hold
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/herd+place, "B/deadline")
		for i := range sessions {
			h.remove(&sessions[i])
		}
	}
}

// BenchmarkHerd is the whole work of 100,000 sessions whose warning is due at
// once, but for the database's: take them, compare how they stand, tell their
// watchers, and put them back for the next instant.
func BenchmarkHerd(b *testing.B) {
	for _, due := range []string{"one instant", "one second"} {
		b.Run(due, func(b *testing.B) {
			start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			told := 0
			sink := event.SinkFunc[Event](func(Event) { told++ })
			table := watchTable{sessions: map[SessionID]*watched{}, moved: map[SessionID]account.ID{}}
			standings := map[SessionID]Standing{}
			for i := range herd {
				s := Standing{SessionKey: SessionKey{ID: id.New[sessionKind]()}, SignedInAt: start, Idle: time.Hour}
				s.Deadlines = Deadlines{Idle: start.Add(time.Hour), Absolute: start.Add(24 * time.Hour)}
				if due == "one second" {
					s.Deadlines.Idle = s.Deadlines.Idle.Add(time.Duration(i*7919%herd) * 10 * time.Microsecond)
				}
				standings[s.ID] = s
				table.add(Bearer{SessionID: s.ID}, &subscription{events: sink})
			}
			read := func(taken []*watched) []Standing {
				out := make([]Standing, len(taken))
				for i, w := range taken {
					out[i] = standings[w.key.ID]
				}
				return out
			}
			for taken := table.take(start); len(taken) > 0; taken = table.take(start) {
				table.settle(read(taken), nil, start).send()
			}
			// Before each round everything is due again and nobody was warned.
			var cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				now := start.Add(55*time.Minute + 2*time.Second)
				var chunks [][]Standing
				for chunk := range slices.Chunk(table.due.slots, perStatement) {
					ws := make([]*watched, len(chunk))
					for i := range chunk {
						ws[i] = chunk[i].w
						ws[i].level = NoWarning
					}
					chunks = append(chunks, read(ws))
				}
				for i, s := range table.due.slots {
					table.due.slots[i].at = standings[s.w.key.ID].Deadlines.Idle.Add(-5 * time.Minute).UnixMicro()
				}
				slices.SortFunc(table.due.slots, func(a, b deadlineSlot) int { return int(a.at - b.at) })
				for i, s := range table.due.slots {
					s.w.place = int32(i + 1)
				}
				told = 0
				runtime.GC()
				began := cpuTime(b)
				b.StartTimer()
				for _, chunk := range chunks {
					table.take(now)
					out := table.settle(chunk, nil, now)
					out.send()
				}
				cpu += cpuTime(b) - began
				if told != herd || len(table.due.slots) != herd {
					b.Fatalf("told %d, %d deadlines are left", told, len(table.due.slots))
				}
			}
			b.ReportMetric(cpu.Seconds()*1000/float64(b.N), "cpu-ms/herd")
		})
	}
}

// cpuTime returns the processor time that the process has used, which a busy
// machine does not stretch.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkCheck(b *testing.B) {
	r := NewRegister(RegisterOptions{Clock: NewClock(OwnClocks()), TokenLife: time.Hour})
	bearers := make([]Bearer, 1000)
	for i := range bearers {
		bearers[i].SessionID = id.New[sessionKind]()
	}
	for range 10_000 {
		r.ended.put(id.New[sessionKind](), sessionRevoked)
	}
	for _, readers := range []int{1, 8} {
		b.Run(fmt.Sprintf("%d readers a core", readers), func(b *testing.B) {
			b.SetParallelism(readers)
			b.ReportAllocs()
			now := r.clock.own()
			now.Mono, now.Wall = now.Mono+time.Hour, now.Wall.Add(time.Hour)
			r.lastRead.Store(&now)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := r.Check(b.Context(), bearers[i%len(bearers)]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
