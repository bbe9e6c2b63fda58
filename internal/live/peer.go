package live

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// peer is one connected client: a WebSocket or an event stream. It holds what
// both have in common: operations, what is to be sent, time limits, the end.
//
// An end has three steps. It is asked for (closing is set: no new operations,
// no new events), it waits until nothing is owed any more, and then the peer is
// shut: the farewell is the queue's last frame. The wheel bounds the waiting.
type peer struct {
	server   *Server
	wire     wire
	gauge    *atomic.Int64 // counts its kind
	key      string        // of the principal, as are the next two
	audience string
	actor    Actor // nil if it is nobody
	// ctx carries values only and never ends by itself: operations end theirs.
	ctx context.Context

	due   atomic.Int64 // when the wheel has to visit, as a time.Duration
	heard atomic.Int64 // when the client last gave a sign of life, likewise
	seat  int32        // guarded by the wheel's lock

	mu       sync.Mutex // guards everything below
	queue    queue
	ops      []*operation // those under way
	owed     int32        // events and answers that are on their way to the queue
	busy     int32        // operations whose goroutine runs
	refs     int32        // goroutines and the like that keep the peer from being departed
	unwatch  func()       // ends the principal's watch
	entered  bool         // counts among the connections of key
	released bool         // operations, watch and place are given back
	shut     bool         // farewell is queued; nothing may follow it
	closing  Close        // zero while nobody asked for the end
	byClient bool         // it was the client who asked
	settleBy time.Duration
	goneBy   time.Duration
	beatAt   time.Duration
	initBy   time.Duration // zero once initialised
	oldAt    time.Duration
	drainAt  time.Duration // zero unless the server drains
	writing  time.Duration // since when a frame is being written; zero if none is
}

// wire is how frames reach the client.
type wire interface {
	// wake says that frames wait. The peer's lock is held: it must not block.
	wake()
	// sever breaks the connection. The peer's lock is held: it must not block.
	sever()
	// report tells the log that an operation has ended. No lock is held.
	report(Record)
}

// arm sets the time limits of a new connection and lets the wheel know it.
func (p *peer) arm(initBy time.Duration) {
	limits, now := &p.server.limits, p.server.clock()
	p.heard.Store(int64(now))
	p.oldAt = now + limits.Life - p.server.random(limits.LifeSpread)
	p.beatAt = now + limits.Ping - p.server.random(limits.Ping/2)
	p.initBy = initBy
	p.refs = 1
	p.due.Store(int64(p.next()))
	p.server.tasks.add()
	p.server.wheel.join(p)
	p.gauge.Add(1)
	if p.server.draining.Load() { // it may have missed those who were told
		p.End(Restart)
	}
	if p.server.stopped.Load() {
		p.abort()
	}
}

// abort breaks the connection.
func (p *peer) abort() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutOff(Restart)
	p.wire.sever()
}

// next returns when the wheel has to visit. p.mu must be held.
func (p *peer) next() time.Duration {
	if p.shut {
		return p.goneBy
	}
	limits := &p.server.limits
	at := min(p.oldAt, p.beatAt, time.Duration(p.heard.Load())+limits.Dead)
	if p.initBy != 0 {
		at = min(at, p.initBy)
	}
	if p.drainAt != 0 {
		at = min(at, p.drainAt)
	}
	if p.writing != 0 {
		at = min(at, p.writing+limits.Write)
	}
	if p.closing.Code != 0 {
		at = min(at, p.settleBy)
	}
	return at
}

// hurry lets the wheel visit at the latest at at.
func (p *peer) hurry(at time.Duration) {
	for {
		due := p.due.Load()
		if due <= int64(at) || p.due.CompareAndSwap(due, int64(at)) {
			return
		}
	}
}

// visit keeps the time limits. Only the wheel calls it.
func (p *peer) visit(now time.Duration) {
	limits := &p.server.limits
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.shut:
		if now >= p.goneBy {
			p.wire.sever()
			p.due.Store(int64(now + limits.Write)) // nothing is left to do
			return
		}
	case now >= time.Duration(p.heard.Load())+limits.Dead:
		p.closing = vanished
		p.shutNow(now)
		p.wire.sever()
	case p.writing != 0 && now >= p.writing+limits.Write:
		p.cutOff(SlowReader)
	case p.closing.Code != 0 && now >= p.settleBy:
		p.shutNow(now)
	case p.initBy != 0 && now >= p.initBy:
		p.cutOff(InitTimeout)
	case p.drainAt != 0 && now >= p.drainAt:
		p.endLocked(Restart)
	case now >= p.oldAt:
		p.endLocked(TooOld)
	case now >= p.beatAt:
		p.beatAt = now + limits.Ping
		p.put(frame{kind: beat})
	}
	for _, o := range p.ops {
		if o.sel != nil {
			o.sel.cool()
		}
	}
	p.due.Store(int64(p.next()))
}

// take returns the next frame to write. While the server holds deliveries, that
// is the next sign of life; a farewell and what comes before it is not held.
// p.mu must be held.
func (p *peer) take() (frame, bool) {
	if p.holds() {
		return p.queue.popSign()
	}
	return p.queue.pop()
}

// ready says whether take has a frame. p.mu must be held.
func (p *peer) ready() bool {
	if p.holds() {
		return p.queue.sign() >= 0
	}
	return p.queue.len() > 0
}

// holds says whether deliveries are held. p.mu must be held.
func (p *peer) holds() bool { return !p.shut && p.server.holding.Load() }

// room says whether one more message may be queued. A message that is longer
// than the bound may still be the only one. p.mu must be held.
func (p *peer) room() bool {
	limits := &p.server.limits
	return p.queue.len()+int(p.owed) < limits.QueueMessages &&
		(p.queue.len() == 0 || int(p.queue.bytes) < limits.QueueBytes)
}

// put queues a frame. A client whose queue is full is cut off. p.mu must be
// held.
func (p *peer) put(f frame) {
	if p.shut {
		return
	}
	if !p.room() {
		p.cutOff(SlowReader)
		return
	}
	p.queue.push(f)
	p.wire.wake()
}

// End asks for the connection's end: what is owed is delivered first, for
// Limits.Grace at most, or until Drain's caller loses patience. It never blocks,
// and may be called from anywhere and more than once: the first one counts.
func (p *peer) End(c Close) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked(c)
}

// endLocked is End with p.mu held.
func (p *peer) endLocked(c Close) {
	if p.shut || p.closing.Code != 0 {
		return
	}
	p.closing = c
	p.initBy, p.drainAt, p.oldAt = 0, 0, math.MaxInt64
	p.settleBy = p.server.clock() + p.server.limits.Grace
	if c == Restart { // as long as Drain waits
		p.settleBy = math.MaxInt64
	}
	p.hurry(p.settleBy)
	p.settle()
}

// settle shuts a closing peer when nothing is owed any more. p.mu must be held.
func (p *peer) settle() {
	if p.closing.Code != 0 && !p.shut && p.owed == 0 {
		p.shutNow(p.server.clock())
	}
}

// shutNow queues the farewell. Subscriptions are completed first where the
// client is not to come back; a client that is, subscribes again by itself only
// if they are not. p.mu must be held.
func (p *peer) shutNow(now time.Duration) {
	if !p.closing.ComesBack() {
		for _, o := range p.ops {
			if o.phase == live {
				p.queue.push(frame{kind: complete, id: o.id})
			}
		}
	}
	p.queue.push(frame{kind: farewell})
	p.shut = true
	p.goneBy = now + p.server.limits.Write
	p.hurry(p.goneBy)
	p.wire.wake()
}

// cutOff shuts at once; what is queued and owed is forgotten. p.mu must be
// held.
func (p *peer) cutOff(c Close) {
	if p.shut {
		return
	}
	if p.closing.Code == 0 {
		p.closing = c
	}
	for _, o := range p.ops {
		o.phase = done // no complete for what the client did not get
	}
	p.queue.clear()
	p.shutNow(p.server.clock())
}

// fail is cutOff for a client that broke the protocol: what is queued is still
// sent.
func (p *peer) fail(c Close) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return
	}
	p.closing = c
	for _, o := range p.ops {
		o.phase = done
	}
	p.shutNow(p.server.clock())
}

// find returns the operation with this id, or nil. p.mu must be held.
func (p *peer) find(id string) *operation {
	for _, o := range p.ops {
		if o.id == id {
			return o
		}
	}
	return nil
}

// drop takes an operation off the list. Its ending is to be run without p.mu.
// p.mu must be held.
func (p *peer) drop(o *operation) ending {
	if i := slices.Index(p.ops, o); i >= 0 {
		last := len(p.ops) - 1
		p.ops[i], p.ops[last] = p.ops[last], nil
		p.ops = p.ops[:last]
	}
	e := ending{o, o.stop, o.opened}
	o.phase, o.stop, o.opened = done, nil, false
	return e
}

// release ends all operations and gives back the peer's place. Only the first
// call does something. It must not be called from within a publisher: it ends
// subscriptions.
func (p *peer) release() {
	p.mu.Lock()
	if p.released {
		p.mu.Unlock()
		return
	}
	p.released = true
	ends := make([]ending, 0, len(p.ops))
	for len(p.ops) > 0 {
		ends = append(ends, p.drop(p.ops[len(p.ops)-1]))
	}
	unwatch, entered := p.unwatch, p.entered
	p.unwatch, p.entered = nil, false
	p.mu.Unlock()
	for _, end := range ends {
		end.run()
	}
	if unwatch != nil {
		unwatch()
	}
	if entered {
		p.server.leave(p.key)
	}
}

// unref gives up one reference; with the last one the peer is gone.
func (p *peer) unref() {
	p.mu.Lock()
	p.refs--
	gone := p.refs == 0
	if gone {
		p.wire.sever()
	}
	label := p.closing.label()
	if p.byClient {
		label = "client"
	}
	p.mu.Unlock()
	if gone {
		p.server.wheel.leave(p)
		p.server.stats.closed(label) // before the gauge: who sees nobody left finds everybody counted
		p.gauge.Add(-1)
		p.server.tasks.done()
	}
}

// watch lets the end of its login session end the connection. It may do so at once.
func (p *peer) watch() {
	if p.actor == nil {
		return
	}
	cancel := p.actor.Watch(p)
	p.mu.Lock()
	late := p.released
	if !late {
		p.unwatch = cancel
	}
	p.mu.Unlock()
	if late {
		cancel()
	}
}
