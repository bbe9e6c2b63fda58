// Package event carries news inside a process and names it between processes.
//
// A Hub hands events to whoever subscribed to a key. A Hint tells other
// processes where to look; it carries no state, because what is committed in
// the database is the event.
package event

import "sync"

// Topic names what a hint is about.
type Topic string

// The topics.
const (
	LoginSessions Topic = "login_sessions" // sessions ended or moved, or token versions rose
	LoginPresence Topic = "login_presence" // a session began, or its first socket came or its last one went
	Trees         Topic = "trees"          // a tree was saved, published, archived or deleted
	TreeSessions  Topic = "tree_sessions"  // a troubleshooting session began or changed
)

// Hint says "look now": something of this topic changed in this account. A lost
// hint costs time, never correctness; a hint too many costs one read. The zero
// Hint means every topic of every account.
type Hint struct {
	Account string // the account's id; empty means every account
	Topic   Topic  // empty means every topic
}

// Hinter sends hints to every process, this one included. Send never blocks and
// never fails: call it after the commit.
type Hinter interface {
	Send(Hint)
}

// Sink receives events. Receive must not block: a receiver that cannot keep up
// has to end itself, as sockets do by closing. It may be called once more after
// its subscription was cancelled.
type Sink[E any] interface {
	Receive(E)
}

// SinkFunc is a function as a Sink.
type SinkFunc[E any] func(E)

// Receive calls f.
func (f SinkFunc[E]) Receive(e E) { f(e) }

// Hub hands events to the sinks subscribed to a key. It never blocks and never
// drops an event. The events of one key arrive in order where one goroutine
// publishes them. The zero value is ready.
type Hub[K comparable, E any] struct {
	mu   sync.RWMutex // guards subs and the place of each
	subs map[K][]*Subscription[K, E]
}

// Subscription is one sink's interest in one key.
type Subscription[K comparable, E any] struct {
	hub   *Hub[K, E]
	key   K
	sink  Sink[E]
	place int // in the hub's list; -1 once cancelled
}

// Subscribe hands the key's events to sink until the subscription is cancelled.
func (h *Hub[K, E]) Subscribe(key K, sink Sink[E]) *Subscription[K, E] {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = map[K][]*Subscription[K, E]{}
	}
	s := &Subscription[K, E]{hub: h, key: key, sink: sink, place: len(h.subs[key])}
	h.subs[key] = append(h.subs[key], s)
	return s
}

// Cancel ends the subscription. It is safe to call more than once.
func (s *Subscription[K, E]) Cancel() {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.place < 0 {
		return
	}
	subs := h.subs[s.key]
	last := len(subs) - 1
	subs[s.place] = subs[last]
	subs[s.place].place = s.place
	subs[last] = nil
	s.place = -1
	if last == 0 {
		delete(h.subs, s.key)
	} else {
		h.subs[s.key] = subs[:last]
	}
}

// Publish hands e to every sink of key and returns how many there were. The
// sinks run in this goroutine, without the hub's lock, so that one may cancel
// its subscription while it receives. They come in about the order in which they
// subscribed, so that what was made together is found together in memory.
func (h *Hub[K, E]) Publish(key K, e E) int {
	h.mu.RLock()
	sinks := make([]Sink[E], len(h.subs[key]))
	for i, s := range h.subs[key] {
		sinks[i] = s.sink
	}
	h.mu.RUnlock()
	for _, sink := range sinks {
		sink.Receive(e)
	}
	return len(sinks)
}

// Has says whether anybody is subscribed to key.
func (h *Hub[K, E]) Has(key K) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.subs[key]) > 0
}

// Len returns the number of subscriptions.
func (h *Hub[K, E]) Len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	n := 0
	for _, subs := range h.subs {
		n += len(subs)
	}
	return n
}

// Keys returns the keys that have a subscription.
func (h *Hub[K, E]) Keys() []K {
	h.mu.RLock()
	defer h.mu.RUnlock()
	keys := make([]K, 0, len(h.subs))
	for key := range h.subs {
		keys = append(keys, key)
	}
	return keys
}
