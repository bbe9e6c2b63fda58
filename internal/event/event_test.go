package event_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/branchline/branchline/internal/event"
)

type recorder struct {
	mu  sync.Mutex // guards got
	got []int
}

func (r *recorder) Receive(e int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, e)
}

func TestHub_DeliversToTheKeyInOrder(t *testing.T) {
	t.Parallel()
	var hub event.Hub[string, int]
	var ann, bob recorder
	hub.Subscribe("ann", &ann)
	hub.Subscribe("bob", &bob)
	for i := range 3 {
		hub.Publish("ann", i)
	}
	if n := hub.Publish("nobody", 9); n != 0 {
		t.Errorf("published to %d sinks of a key without any", n)
	}
	if !slices.Equal(ann.got, []int{0, 1, 2}) || len(bob.got) != 0 {
		t.Errorf("ann got %v, bob %v", ann.got, bob.got)
	}
}

func TestHub_ASinkMayCancelWhileItReceives(t *testing.T) {
	t.Parallel()
	var hub event.Hub[string, int]
	var sub *event.Subscription[string, int]
	calls := 0
	sub = hub.Subscribe("k", event.SinkFunc[int](func(int) { calls++; sub.Cancel(); sub.Cancel() }))
	hub.Publish("k", 1)
	hub.Publish("k", 2)
	if calls != 1 || hub.Has("k") || hub.Len() != 0 || len(hub.Keys()) != 0 {
		t.Errorf("%d calls, %d subscriptions left", calls, hub.Len())
	}
}

func TestHub_ManyAtOnce(t *testing.T) {
	t.Parallel()
	var hub event.Hub[int, int]
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				sub := hub.Subscribe(i%4, event.SinkFunc[int](func(int) {}))
				hub.Publish(g%4, i)
				sub.Cancel()
			}
		})
	}
	all.Wait()
	if hub.Len() != 0 {
		t.Errorf("%d subscriptions left", hub.Len())
	}
}

func TestHub_WhoStaysHearsWhoeverElseLeaves(t *testing.T) {
	t.Parallel()
	var hub event.Hub[string, int]
	heard := make([]int, 5)
	subs := make([]*event.Subscription[string, int], len(heard))
	for i := range heard {
		subs[i] = hub.Subscribe("k", event.SinkFunc[int](func(int) { heard[i]++ }))
	}
	for n, i := range []int{0, 4, 2, 2, 1, 3} { // 2 twice: the second time changes nothing
		if got, want := hub.Publish("k", n), 5-min(n, 3)-max(0, n-4); got != want {
			t.Errorf("before cancellation %d, %d heard; want %d", n, got, want)
		}
		subs[i].Cancel()
	}
	if want := []int{1, 5, 3, 6, 2}; !slices.Equal(heard, want) || hub.Has("k") {
		t.Errorf("they heard %v events, want %v; somebody is left: %v", heard, want, hub.Has("k"))
	}
}
