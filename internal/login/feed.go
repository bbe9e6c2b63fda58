package login

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
)

// Changes reads from the database what the register has to know, over one
// connection of its own. It is used by one goroutine at a time. Every error
// closes the connection; the next call opens another. A server in recovery may
// be behind, so its answer is an error.
type Changes interface {
	// Whole returns what ended within the last span of time, whose token version
	// rose within it, and the mark from which Since goes on.
	Whole(ctx context.Context, within time.Duration) (Changed, error)
	// Since returns what was committed after the read that returned mark: every
	// login session that ended or whose deadlines moved and every token version
	// that rose, however late its transaction committed.
	Since(ctx context.Context, mark Mark) (Changed, error)
	// Standings returns how these login sessions stand now. One that does not
	// exist is left out.
	Standings(ctx context.Context, keys []SessionKey) ([]Standing, error)
	// Close closes the connection, if there is one.
	Close(ctx context.Context)
}

// Mark says which transactions a read could see: those below XMax but for those
// in progress.
type Mark struct {
	XMax       uint64
	InProgress []uint64
	// Started is when the server started. With another server, or the same one
	// recovered, transaction ids may be given out again and a mark means nothing.
	Started time.Time
}

// Changed is what a read returned.
type Changed struct {
	Mark     Mark
	Now      time.Time // the database's clock
	Sessions []Standing
	Versions []VersionChange
}

// SessionKey finds a login session.
type SessionKey struct {
	AccountID account.ID
	ID        SessionID
}

// Standing is how a login session stands, as far as its devices are concerned.
type Standing struct {
	SessionKey
	UserID       account.UserID
	TokenVersion int // the user's; 0 where the session has ended

	SignedInAt time.Time
	Idle       time.Duration
	Deadlines  Deadlines

	EndReason   EndReason // empty while the session lives
	EndedAt     time.Time
	EndedBy     account.UserID // zero if nobody did
	EndedByName string
}

// VersionChange says that tokens with a lower version than this are stale.
type VersionChange struct {
	UserID       account.UserID
	TokenVersion int
}

const (
	readEvery     = 500 * time.Millisecond // without a hint
	readPatience  = time.Second            // for a read of what is new
	wholePatience = 5 * time.Second        // for a read of everything; after a mass revocation it is long
	firstPause    = 50 * time.Millisecond  // after a failed read, doubled up to readEvery
	together      = 2 * time.Millisecond   // between reads of sessions by key in a storm: what comes meanwhile goes into one
	storm         = 16 * together          // so many of them may follow one another at once
	perStatement  = 5000                   // sessions read by key at once, so that the next read of changes is not late
)

// feed says when to read and tells who waits for a read.
type feed struct {
	wake   chan struct{} // holds one: something has to be done
	wanted atomic.Bool   // a read of changes has to begin

	mu      sync.Mutex    // guards what follows
	next    *attempt      // the read that has not begun yet
	success chan struct{} // closed by the next successful read; nil if nobody asked
	stopped error         // set when there are no more reads
}

// attempt is one read of changes, to be waited for.
type attempt struct {
	done chan struct{} // closed when the read is over
	err  error         // read it after done
}

func (f *feed) init() {
	f.wake = make(chan struct{}, 1)
	f.next = &attempt{done: make(chan struct{})}
}

// poke wakes the reading goroutine.
func (f *feed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// look asks for a read. One may be on its way and one waiting, never more.
func (f *feed) look() {
	f.wanted.Store(true)
	f.poke()
}

// readAnew waits for a read that begins after this call and returns its error.
func (f *feed) readAnew(ctx context.Context) error {
	f.mu.Lock()
	a, err := f.next, f.stopped
	f.mu.Unlock()
	if err != nil {
		return err
	}
	f.look()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *feed) nextSuccess() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.success == nil {
		f.success = make(chan struct{})
	}
	return f.success
}

// begin makes the waiting read the present one.
func (f *feed) begin() *attempt {
	f.wanted.Store(false)
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.next
	f.next = &attempt{done: make(chan struct{})}
	return a
}

// finish tells those who wait for the read how it went.
func (f *feed) finish(a *attempt, err error) {
	a.err = err
	close(a.done)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && f.success != nil {
		close(f.success)
		f.success = nil
	}
}

// close ends all waiting, now and later.
func (f *feed) close(err error) {
	f.mu.Lock()
	f.stopped = err
	a := f.next
	f.mu.Unlock()
	f.finish(a, err)
}

// Start begins to read, until ctx is done or Stop is called. A register is
// started once.
func (r *Register) Start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(ctx)
	r.running.Go(func() { r.read(ctx) })
	r.running.Go(func() { r.expire(ctx) })
	r.running.Go(func() { r.keepConnections(ctx) })
}

// Stop ends the reading and waits for it. Check then refuses what it can no
// longer know. It is safe to call more than once, and without a start.
func (r *Register) Stop() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.running.Wait()
}

// Deliver takes a hint in. The empty topic means every topic.
func (r *Register) Deliver(h event.Hint) {
	if h.Topic == event.LoginSessions || h.Topic == "" {
		r.Look()
	}
}

// read is the one goroutine that knows what the database says. All that it reads
// it reads one after the other, so every answer is newer than the one before, and
// what is published follows the order in which it became true.
func (r *Register) read(ctx context.Context) {
	defer r.changes.Close(context.WithoutCancel(ctx))
	defer func() { r.feed.close(context.Cause(ctx)) }()
	var (
		mark     Mark // zero: read the whole
		failures int
		nextRead time.Duration
		calm     time.Duration // when the last reads by key would have been over, with pauses between them
		timer    = time.NewTimer(0)
	)
	defer timer.Stop()
	for {
		if failures > 0 {
			// A hint must not shorten the pause: a stopped database would be asked
			// as often as requests come in.
			timer.Reset(min(firstPause<<min(failures-1, 8), readEvery))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		} else {
			now := r.clock.own().Mono
			timer.Reset(min(nextRead-now, max(calm-storm-now, r.watched.wait(r.clock.Now()))))
			select {
			case <-ctx.Done():
				return
			case <-r.feed.wake:
			case <-timer.C:
			}
		}

		var err error
		if r.feed.wanted.Load() || failures > 0 || r.clock.own().Mono >= nextRead {
			nextRead = r.clock.own().Mono + readEvery
			mark, err = r.readChanges(ctx, mark)
		}
		if now := r.clock.own().Mono; err == nil && now >= calm-storm {
			var some bool
			if some, err = r.readStandings(ctx); some {
				calm = max(calm, now) + together
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			mark = Mark{}
			if failures == 0 {
				r.log.Warn("login register cannot read the database", "error", err)
			}
			failures++
		case failures > 0:
			r.log.Info("login register reads the database again", "failed_reads", failures)
			failures = 0
		}
	}
}

// readChanges reads what is new since mark, or the whole, and returns the next
// mark.
func (r *Register) readChanges(ctx context.Context, mark Mark) (Mark, error) {
	a := r.feed.begin()
	began := r.clock.own()
	changed, whole, err := r.changed(ctx, mark)
	if err == nil {
		r.clock.Observe(began, r.clock.own(), changed.Now)
		r.remember(changed.Sessions, changed.Versions)
		r.lastRead.Store(&began)
	}
	r.feed.finish(a, err)
	if err != nil {
		return Mark{}, err
	}
	r.settle(changed.Sessions, changed.Versions)
	if whole {
		// What moved or ended while nobody looked may be older than what the whole
		// read goes back to.
		r.watched.readAll()
	}
	return changed.Mark, nil
}

// changed reads what is new since mark. It reads the whole where mark is zero
// and where the server's transaction ids began anew.
func (r *Register) changed(ctx context.Context, mark Mark) (c Changed, whole bool, err error) {
	if mark.XMax != 0 {
		limited, cancel := context.WithTimeout(ctx, readPatience)
		defer cancel()
		c, err = r.changes.Since(limited, mark)
		if err != nil || (c.Mark.XMax >= mark.XMax && c.Mark.Started.Equal(mark.Started)) {
			return c, false, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, wholePatience)
	defer cancel()
	c, err = r.changes.Whole(limited, r.within)
	return c, true, err
}

// readStandings reads how the sessions stand that are due to be told something,
// or that somebody has begun to watch, at most perStatement of them. It says whether
// there were any.
func (r *Register) readStandings(ctx context.Context) (some bool, err error) {
	taken := r.watched.take(r.clock.Now())
	if len(taken) == 0 {
		return false, nil
	}
	keys := make([]SessionKey, len(taken))
	for i, w := range taken {
		keys[i] = w.key
	}
	limited, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	standings, err := r.changes.Standings(limited, keys)
	if err != nil {
		r.watched.giveBack(taken)
		return true, err
	}
	r.remember(standings, nil) // one that has ended since the last read of changes is refused before it is told
	r.settle(standings, nil)
	r.watched.missing(taken, standings).send()
	return true, nil
}

// settle tells the devices of the sessions what they have to know, and hands on
// the sessions whose deadline has passed.
func (r *Register) settle(sessions []Standing, versions []VersionChange) {
	out := r.watched.settle(sessions, versions, r.clock.Now())
	out.send()
	r.passed.add(out.passed)
}
