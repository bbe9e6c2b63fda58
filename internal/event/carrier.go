package event

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// LongestPayload is the most that a carrier sends at once, in bytes. It is below
// PostgreSQL's limit of 8,000 for a notification.
const LongestPayload = 7900

// Outbox holds the hints that wait for a carrier, each once, so that what comes while
// one is on its way goes together.
type Outbox struct {
	mu      sync.Mutex // guards waiting
	waiting map[Hint]struct{}
	wake    chan struct{} // holds one: a hint is waiting
}

// NewOutbox returns an empty outbox.
func NewOutbox() *Outbox {
	return &Outbox{waiting: map[Hint]struct{}{}, wake: make(chan struct{}, 1)}
}

// Put adds hints. It never blocks.
func (o *Outbox) Put(hints ...Hint) {
	o.mu.Lock()
	for _, h := range hints {
		o.waiting[h] = struct{}{}
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Wake returns the channel that says that hints are waiting.
func (o *Outbox) Wake() <-chan struct{} { return o.wake }

// Take returns what waits, which is then no longer waiting.
func (o *Outbox) Take() []Hint {
	o.mu.Lock()
	defer o.mu.Unlock()
	hints := make([]Hint, 0, len(o.waiting))
	for h := range o.waiting {
		hints = append(hints, h)
	}
	if len(hints) > 0 {
		o.waiting = map[Hint]struct{}{} // gives back what a storm took
	}
	return hints
}

// FormatHints returns a payload: a line for each hint, its topic, a space and its
// account. The line of the zero hint, which means everything, is a space, and it
// is all that is said where the lines would be longer than LongestPayload.
func FormatHints(hints []Hint) string {
	var b strings.Builder
	for _, h := range hints {
		if b.Len()+len(h.Topic)+len(h.Account)+2 > LongestPayload {
			return " \n"
		}
		fmt.Fprintf(&b, "%s %s\n", h.Topic, h.Account)
	}
	return b.String()
}

// ParseHints reads a payload. What it does not understand, as from another
// version of the program, it takes for a hint about everything.
func ParseHints(payload string) []Hint {
	var hints []Hint
	for line := range strings.Lines(payload) {
		topic, account, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			return []Hint{{}}
		}
		hints = append(hints, Hint{Account: account, Topic: Topic(topic)})
	}
	return hints
}

// Traffic is what a carrier of hints has done since it was made.
type Traffic struct {
	Carrier   string // "postgres" or "nats"
	Connected bool   // it hears the other processes now
	Sent      int64  // hints sent to the others
	Received  int64  // hints from the others
	Dropped   int64  // hints that were not sent because it was not connected
}

// Counts counts a carrier's traffic. Its zero value is ready.
type Counts struct {
	Connected               atomic.Bool
	Sent, Received, Dropped atomic.Int64
}

// Traffic returns the counts, under the carrier's name.
func (c *Counts) Traffic(carrier string) Traffic {
	return Traffic{carrier, c.Connected.Load(), c.Sent.Load(), c.Received.Load(), c.Dropped.Load()}
}
