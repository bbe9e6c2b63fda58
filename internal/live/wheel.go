package live

import (
	"sync"
	"time"
)

// tick is how exact time limits are.
const tick = 500 * time.Millisecond

// systemClock is the clock where Options.Now says no other.
var systemClock = time.Now

func newTicks() (ticks <-chan time.Time, done func()) {
	ticker := time.NewTicker(tick)
	return ticker.C, ticker.Stop
}

// wheel looks after the time limits of all connections with one goroutine and
// one timer. A connection says when it wants to be looked at next; a tick costs
// one atomic read for each connection that is not due.
type wheel struct {
	mu      sync.Mutex // guards members and their seat
	members []*peer

	// Only emptied uses them.
	most int // members at once since the last crowd went
	last int // members at the last tick
}

// aCrowd is how many connections are worth giving their memory back.
const aCrowd = 1000

// emptied says whether a crowd has just gone: of a thousand connections or more a
// quarter at most is left, and nobody has left since the last call. It is called at each
// tick.
func (w *wheel) emptied() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.members)
	gone := w.most >= aCrowd && n <= w.most/4 && n >= w.last
	w.most, w.last = max(w.most, n), n
	if gone {
		w.most = n
	}
	return gone
}

func (w *wheel) join(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.seat = int32(len(w.members))
	w.members = append(w.members, p)
}

func (w *wheel) leave(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := len(w.members) - 1
	w.members[p.seat] = w.members[last]
	w.members[p.seat].seat = p.seat
	w.members[last] = nil
	w.members = w.members[:last]
	if cap(w.members) > 64 && last < cap(w.members)/4 { // a crowd went: give its room back
		w.members = append(make([]*peer, 0, 2*last), w.members...)
	}
}

// all returns the connections of this moment.
func (w *wheel) all() []*peer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*peer(nil), w.members...)
}

// turn visits every connection that is due at now. Visits run without the
// wheel's lock.
func (w *wheel) turn(now time.Duration) {
	var due []*peer
	w.mu.Lock()
	for _, p := range w.members {
		if time.Duration(p.due.Load()) <= now {
			due = append(due, p)
		}
	}
	w.mu.Unlock()
	for _, p := range due {
		p.visit(now)
	}
}
