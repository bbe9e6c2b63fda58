package live

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Record is what there is to say about an operation in one line of the log.
type Record struct {
	Name   string        // of the operation, cut to 100 characters, or ""
	Kind   string        // "query", "mutation" or "subscription"; "" if it could not be told
	Code   string        // of the first error, or ""
	Bytes  int           // of the response; 0 for a subscription
	Events int           // that a subscription was sent
	Took   time.Duration // for a subscription: how long it was open
}

// shortName returns an operation's name as it stands in a Record: clients choose it.
func shortName(name string) string {
	count := 0
	for i := range name {
		if count == 100 {
			return name[:i]
		}
		count++
	}
	return name
}

type recordKey struct{}

// WithRecord lets the transport fill rec for the request that ctx belongs to.
// It is complete when the handler has returned. Took is not set: whoever logs
// the request knows.
func WithRecord(ctx context.Context, rec *Record) context.Context {
	return context.WithValue(ctx, recordKey{}, rec)
}

// recordOf returns the request's record, or one that nobody reads.
func recordOf(ctx context.Context) *Record {
	if rec, ok := ctx.Value(recordKey{}).(*Record); ok {
		return rec
	}
	return new(Record)
}

type principalKey struct{}

// WithPrincipal says who an HTTP request acts for. Without it nobody is signed
// in.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

func principalOf(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// Stats is what the server counts, for metrics.
type Stats struct {
	Sockets       int64 // WebSockets now
	Waiting       int   // those among them on which nobody has signed in
	Streams       int64 // event streams now
	Subscriptions int64 // subscriptions now
	Selections    int64 // distinct ones among them
	Events        int64 // events sent to clients since the start
	Executions    int64 // events executed since the start; Events / Executions is what sharing saves
	// Closes counts the connections that ended since the start, by why: the
	// close's code; "1013 cannot verify", so that "1013" is for slow readers only;
	// "4408 crowded", so that "4408" is for those who were late;
	// "client" where the client asked for the end. "1006" is for those that vanished.
	Closes map[string]uint64
}

// counters are the numbers behind Stats.
type counters struct {
	sockets, streams, subscriptions atomic.Int64
	events, executions              atomic.Int64

	mu     sync.Mutex // guards closes
	closes map[string]uint64
}

func (c *counters) closed(label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closes == nil {
		c.closes = map[string]uint64{}
	}
	c.closes[label]++
}

// Stats returns the numbers of this moment.
func (s *Server) Stats() Stats {
	c := &s.stats
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Sockets:       c.sockets.Load(),
		Waiting:       s.waiting.len(),
		Streams:       c.streams.Load(),
		Subscriptions: c.subscriptions.Load(),
		Selections:    int64(s.selections.len()),
		Events:        c.events.Load(),
		Executions:    c.executions.Load(),
		Closes:        maps.Clone(c.closes),
	}
}
