package login

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
)

const (
	tick        = 100 * time.Millisecond // what is due within it is read and told together
	expireAgain = 500 * time.Millisecond // after a passed deadline was not ended, as behind a lock
	perEnding   = 10_000                 // sessions ended by one statement
	endPatience = 15 * time.Second       // for that statement; the database gives up after 10 s
)

// Watch tells sink what becomes of b's login session, until cancel is called or
// the event says that it is the last. Events come one at a time and in the order
// in which they became true, and none is told twice.
//
// The first event is the present state. It is read after the subscription is
// there, or by a read that was on its way; what that read did not see, a later
// one tells. So nothing falls in between, and nothing has to be compared.
//
// Watch and Attach return at once and never fail: while the database cannot be
// read, the first event waits.
func (r *Register) Watch(b Bearer, sink event.Sink[Event]) (cancel func()) {
	return r.subscribe(b, &subscription{events: sink})
}

// Attach tells sink when the sockets of b's login session have to be closed: once,
// after all events of the reason for it. Whether its token was checked before or
// is checked after, nothing falls in between: to attach has the session's standing
// read, so one that ended or a version that rose before this call is told too.
//
// Sessions with an attached socket or a watcher are those whose deadlines this
// process keeps.
func (r *Register) Attach(b Bearer, sink event.Sink[Close]) (detach func()) {
	return r.subscribe(b, &subscription{closes: sink, version: b.TokenVersion})
}

func (r *Register) subscribe(b Bearer, s *subscription) (cancel func()) {
	if r.watched.add(b, s) {
		r.feed.poke()
	}
	return s.cancel
}

// subscription is one operation's interest in events, or one socket's in its
// close. The table's mutex guards next, told and over.
type subscription struct {
	of      *watched
	next    *subscription     // of the same login session, a later one
	events  event.Sink[Event] // of an operation; else nil
	closes  event.Sink[Close] // of a socket; else nil
	version int               // of a socket: its token's
	told    bool              // the state was sent
	over    bool              // the last that there is to say was sent
}

func (s *subscription) cancel() { s.of.table.cancel(s) }

// watched is a login session with a socket or a watcher in this process. The
// table's mutex guards it.
type watched struct {
	table  *watchTable
	key    SessionKey
	user   account.UserID
	subs   *subscription // the first; nil only when the session is watched no more
	idle   int64         // the deadlines as they were last told, in µs since 1970; zero before the first
	abs    int64
	level  Level // as it was last told
	place  int32 // in the heap
	unread bool  // its standing is to be read: it is in the queue, or taken from it
	ended  bool  // and everybody was told
	tooOld bool  // late is the absolute deadline
	late   int64 // the deadline that a read found passed although the session had not ended; zero if none
}

// overdue returns the limit by which the session is over for its sockets at now,
// although nobody could end it yet. Nothing puts the absolute deadline off. The
// idle one is put off by a refresh that began before it: that is committed within
// refreshPatience and known here within trustFor, or it never is.
func (t *watchTable) overdue(id SessionID, now time.Time) (Limit, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.sessions[id]
	if w == nil {
		return "", false
	}
	at := now.UnixMicro()
	switch {
	case w.abs != 0 && at >= w.abs, w.tooOld:
		return AbsoluteLimit, true
	case w.late != 0 && at >= w.late+(refreshPatience+trustFor).Microseconds():
		return IdleLimit, true
	}
	return "", false
}

// watchTable holds the watched sessions and the instants at which there is
// something to say about them.
type watchTable struct {
	mu       sync.Mutex // guards all that follows
	sessions map[SessionID]*watched
	most     int // of them at once, since there was last room for fewer
	due      deadlineHeap
	queue    []*watched // to be read, each once; cancelled ones may be among them
	ticked   time.Time  // when the due ones were last taken

	moved   map[SessionID]account.ID // those that came or left and are not written down
	stirred chan struct{}            // holds one: moved is not empty
}

// add has the session's standing read. It says whether nothing was to be read before:
// then whoever reads has to be told.
func (t *watchTable) add(b Bearer, s *subscription) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.sessions[b.SessionID]
	if w == nil {
		w = &watched{table: t, key: SessionKey{b.AccountID, b.SessionID}, user: b.UserID}
		t.sessions[b.SessionID] = w
		t.most = max(t.most, len(t.sessions))
		t.stir(w.key)
	}
	s.of = w
	end := &w.subs
	for *end != nil {
		end = &(*end).next
	}
	*end = s
	first = len(t.queue) == 0
	t.enqueue(w)
	return first
}

func (t *watchTable) cancel(s *subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := s.of
	at := &w.subs
	for *at != s {
		if *at == nil {
			return
		}
		at = &(*at).next
	}
	s.over = true
	*at, s.next = s.next, nil
	if w.subs == nil {
		t.due.remove(w)
		delete(t.sessions, w.key.ID)
		t.stir(w.key)
		t.giveRoomBack()
	}
}

// aCrowd is how many sessions are worth giving their room back.
const aCrowd = 1000

// giveRoomBack makes the map and the heap anew when a crowd has gone: neither gets
// smaller by itself. t.mu must be held.
func (t *watchTable) giveRoomBack() {
	if t.most < aCrowd || len(t.sessions) > t.most/4 {
		return
	}
	t.sessions, t.due.slots = maps.Collect(maps.All(t.sessions)), slices.Clone(t.due.slots)
	t.most = len(t.sessions)
}

// enqueue has w's standing read. t.mu must be held.
func (t *watchTable) enqueue(w *watched) {
	if !w.unread {
		w.unread = true
		t.queue = append(t.queue, w)
	}
}

// readAll has every standing read.
func (t *watchTable) readAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.sessions {
		t.enqueue(w)
	}
}

// wait returns how long there is nothing to read.
func (t *watchTable) wait(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) > 0 {
		return 0
	}
	at, ok := t.due.first()
	if !ok {
		return math.MaxInt64
	}
	return max(time.UnixMicro(at).Sub(now), t.ticked.Add(tick).Sub(now))
}

// take returns the sessions to read now, at most perStatement: those that are
// due and those that somebody has begun to watch.
func (t *watchTable) take(now time.Time) []*watched {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due.take(now.UnixMicro(), func(w *watched) {
		t.ticked = now
		t.enqueue(w)
	})
	n := min(len(t.queue), perStatement)
	taken := slices.Clone(t.queue[:n])
	if t.queue = t.queue[n:]; len(t.queue) == 0 {
		t.queue = nil
	}
	return slices.DeleteFunc(taken, func(w *watched) bool { return w.subs == nil })
}

// giveBack has the standings read that could not be.
func (t *watchTable) giveBack(taken []*watched) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, taken...)
}

// settle compares how sessions stand with what was last told about them, and
// returns what there is to say. It does not matter why a standing was read.
func (t *watchTable) settle(sessions []Standing, versions []VersionChange, now time.Time) *outbox {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := &outbox{now: now}
	for i := range sessions {
		s := &sessions[i]
		w := t.sessions[s.ID]
		switch {
		case w == nil:
		case s.EndReason != "":
			t.end(w, s, out)
		default:
			t.live(w, s, out)
		}
	}
	if len(versions) > 0 {
		lowest := make(map[account.UserID]int, len(versions))
		for _, v := range versions {
			lowest[v.UserID] = v.TokenVersion
		}
		for _, w := range t.sessions {
			w.comeBack(lowest[w.user], out)
		}
	}
	return out
}

// end tells everybody that w is over. t.mu must be held.
func (t *watchTable) end(w *watched, s *Standing, out *outbox) {
	w.unread, w.ended = false, true
	t.due.remove(w)
	e, c := out.end(s)
	for sub := w.subs; sub != nil; sub = sub.next {
		if sub.over {
			continue
		}
		sub.over = true
		if sub.events != nil {
			out.events = append(out.events, letter[Event]{sub.events, e})
		} else {
			out.closes = append(out.closes, letter[Close]{sub.closes, c})
		}
	}
}

// live tells w's watchers what is new to them and settles when there will be
// something to say again. t.mu must be held.
func (t *watchTable) live(w *watched, s *Standing, out *outbox) {
	w.unread, w.ended = false, false // one that had ended lives again where a failover lost its end
	w.comeBack(s.TokenVersion, out)
	longest := s.Deadlines.Absolute.Sub(s.SignedInAt)
	warning := s.Deadlines.Warning(s.Idle, longest, out.now)
	w.late, w.tooOld = 0, false
	if warning.Level == Over {
		w.late, w.tooOld = warning.At.UnixMicro(), warning.Limit == AbsoluteLimit
		// It is announced when it has been ended, with the reason that the database
		// finds: activity may have put the deadline off a moment ago.
		t.due.remove(w)
		out.passed = append(out.passed, w.key.ID)
		return
	}
	at, _ := s.Deadlines.Next(s.Idle, longest, out.now)
	t.due.set(w, at.UnixMicro())

	idle, abs := s.Deadlines.Idle.UnixMicro(), s.Deadlines.Absolute.UnixMicro()
	var news Event // to those who know the state
	switch {
	case w.idle == 0:
	case idle < w.idle, abs != w.abs:
		news = out.state(s, warning)
	case idle > w.idle:
		news = &Extended{out.now, s.Deadlines, warning}
	case warning.Level != w.level && warning.Level != NoWarning:
		news = &Approaching{out.now, warning}
	}
	w.idle, w.abs, w.level = idle, abs, warning.Level
	var state Event // to those who do not
	for sub := w.subs; sub != nil; sub = sub.next {
		switch {
		case sub.over, sub.events == nil:
		case !sub.told:
			if state == nil {
				state = out.state(s, warning)
			}
			sub.told = true
			out.events = append(out.events, letter[Event]{sub.events, state})
		case news != nil:
			out.events = append(out.events, letter[Event]{sub.events, news})
		}
	}
}

// comeBack closes w's sockets whose token is of a lower version, so that they
// come back with a token of the present one. The table's mutex must be held.
func (w *watched) comeBack(version int, out *outbox) {
	for sub := w.subs; sub != nil; sub = sub.next {
		if sub.closes != nil && !sub.over && sub.version < version {
			sub.over = true
			out.closes = append(out.closes, letter[Close]{sub.closes, CloseComeBack})
		}
	}
}

// missing closes the sockets of the taken sessions that the read did not find.
// They were lost with a database that failed before it was copied. Their clients'
// refresh tells them to sign in. That a session is unread says nothing here:
// somebody else may have begun to watch it since it was settled.
func (t *watchTable) missing(taken []*watched, found []Standing) *outbox {
	there := make(map[SessionID]struct{}, len(found))
	for i := range found {
		there[found[i].ID] = struct{}{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out := &outbox{}
	for _, w := range taken {
		if _, ok := there[w.key.ID]; !ok {
			w.unread = false
			w.comeBack(math.MaxInt, out)
		}
	}
	return out
}

// again has the sessions looked at once more at the instant at, unless they were
// ended meanwhile.
func (t *watchTable) again(ids []SessionID, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		if w := t.sessions[id]; w != nil && !w.ended && w.place == 0 {
			t.due.set(w, at.UnixMicro())
		}
	}
}

// outbox collects what there is to say, so that it is said without the table's
// mutex: a sink may cancel its subscription. Its zero value but for now is ready.
type outbox struct {
	now    time.Time
	events []letter[Event]
	closes []letter[Close]
	passed []SessionID // live, but past a deadline

	forced  map[ForcedLogout]*ForcedLogout
	expired map[Expired]*Expired
}

type letter[E any] struct {
	to   event.Sink[E]
	news E
}

// send delivers the events and then the closes.
func (o *outbox) send() {
	for _, l := range o.events {
		l.to.Receive(l.news)
	}
	for _, l := range o.closes {
		l.to.Receive(l.news)
	}
}

func (o *outbox) state(s *Standing, w Warning) Event {
	return &State{o.now, s.ID, s.Deadlines, w}
}

// end returns what the devices of an ended session are told.
func (o *outbox) end(s *Standing) (Event, Close) {
	switch s.EndReason {
	case ExpiredIdle:
		return shared(&o.expired, Expired{o.now, IdleLimit, s.EndedAt}), CloseExpired
	case ExpiredAbsolute:
		return shared(&o.expired, Expired{o.now, AbsoluteLimit, s.EndedAt}), CloseExpired
	}
	reason := s.EndReason
	if reason == LoggedOut { // on one tab; the others learn that it was their own user
		reason = RevokedBySelf
	}
	return shared(&o.forced, ForcedLogout{o.now, reason, s.EndedBy, s.EndedByName, s.EndedAt}), CloseRevoked
}

// shared returns a pointer to an event with e's content: the same one each time.
func shared[E comparable](known *map[E]*E, e E) *E {
	if *known == nil {
		*known = map[E]*E{}
	}
	p, ok := (*known)[e]
	if !ok {
		p = &e
		(*known)[e] = p
	}
	return p
}

// passedList holds the sessions whose deadline has passed, for the goroutine that
// ends them. It is not the one that reads: an UPDATE may have to wait for a lock.
type passedList struct {
	wake chan struct{} // holds one: ids is not empty
	mu   sync.Mutex    // guards ids
	ids  []SessionID
}

func (p *passedList) add(ids []SessionID) {
	if len(ids) == 0 {
		return
	}
	p.mu.Lock()
	p.ids = append(p.ids, ids...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *passedList) take() []SessionID {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := p.ids
	p.ids = nil
	return ids
}

// expire ends sessions whose deadline has passed. It announces nothing: every
// process, this one included, reads what has been ended and tells the same.
func (r *Register) expire(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.passed.wake:
		}
		for ids := range slices.Chunk(r.passed.take(), perEnding) {
			limited, cancel := context.WithTimeout(ctx, endPatience)
			ended, err := r.expirer.ExpireLoginSessions(limited, ids, r.clock.Now(), len(ids))
			cancel()
			if err != nil && ctx.Err() == nil {
				r.log.Warn("login sessions past their deadline were not ended", "count", len(ids), "error", err)
			}
			told := map[account.ID]bool{}
			for _, e := range ended {
				if !told[e.AccountID] {
					told[e.AccountID] = true
					r.hints.Send(event.Hint{Account: e.AccountID.String(), Topic: event.LoginSessions})
				}
			}
			if len(ended) > 0 {
				r.Look()
			}
			r.watched.again(ids, r.clock.Now().Add(expireAgain))
		}
	}
}
