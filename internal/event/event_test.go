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
