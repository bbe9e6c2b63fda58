package login

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
)

// Bearer is what an access token says about whoever sent it.
type Bearer struct {
	AccountID    account.ID
	UserID       account.UserID
	SessionID    SessionID
	TokenVersion int
}

const (
	// trustFor is how long a process trusts what it read: three reads may fail.
	trustFor = 1500 * time.Millisecond
	// checkPatience is how long a request waits for the database when the process
	// has lost its trust. It leaves time to answer within the 5 s that clients wait.
	checkPatience = 2 * time.Second
	// remembersLonger is added to an access token's life: a transaction may commit
	// 10 s after the moment that it writes down, and clocks differ by less.
	remembersLonger = time.Minute
)

// Register knows which access tokens are no longer good although their signature
// and their time still are, and tells the devices of a login session what becomes
// of it. Each process has one.
//
// It learns from the database alone: one goroutine reads, over one connection,
// what ended, what moved and whose token version rose, and everything else
// follows from these reads in their order. Hints say when to read.
type Register struct {
	clock   *Clock
	changes Changes
	expirer Expirer
	present Connections
	hints   event.Hinter
	log     *slog.Logger
	within  time.Duration // how far back a whole read goes; what ended longer ago has no token left

	mu       sync.RWMutex // guards ended and versions
	ended    recent[SessionID, *fault.Fault]
	versions recent[account.UserID, int]

	lastRead atomic.Pointer[Reading] // when the last successful read began; nil before the first

	feed    feed
	watched watchTable
	passed  passedList

	stop    context.CancelFunc
	running sync.WaitGroup
}

// RegisterOptions are what a Register works with. All are needed but Log.
type RegisterOptions struct {
	Clock     *Clock        // renewed by every read
	Changes   Changes       // on a connection of its own, so that a busy pool does not make it read late
	Expirer   Expirer       // ends the sessions whose deadline has passed
	Present   Connections   // keeps who is connected here
	Hints     event.Hinter  // tells the other processes of these
	TokenLife time.Duration // the longest life of an access token
	Log       *slog.Logger  // nil is slog.Default()
}

// Expirer ends login sessions whose nearer deadline has passed at now, at most
// limit of those named, and returns those that it ended. Store has it.
type Expirer interface {
	ExpireLoginSessions(ctx context.Context, ids []SessionID, now time.Time, limit int) ([]Ended, error)
}

// NewRegister returns a register that refuses every token until it is started.
func NewRegister(o RegisterOptions) *Register {
	r := &Register{
		clock: o.Clock, changes: o.Changes, expirer: o.Expirer, present: o.Present, hints: o.Hints, log: o.Log,
		within: o.TokenLife + remembersLonger,
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	r.feed.init()
	r.watched.sessions, r.watched.moved = map[SessionID]*watched{}, map[SessionID]account.ID{}
	r.watched.stirred = make(chan struct{}, 1)
	r.passed.wake = make(chan struct{}, 1)
	return r
}

var (
	sessionExpiredIdle     = fault.New(fault.Unauthenticated, "You were signed out because nothing happened for a while. Sign in again.").Because(fault.SessionExpiredIdle)
	sessionExpiredAbsolute = fault.New(fault.Unauthenticated, "Your sign-in has reached its longest age. Sign in again.").Because(fault.SessionExpiredAbs)
	sessionRevoked         = fault.New(fault.Unauthenticated, "This sign-in was ended. Sign in again.").Because(fault.SessionRevoked)
	staleToken             = fault.New(fault.Unauthenticated, "Your role or password has changed. Refresh your access token and try again.").Because(fault.StaleToken)
	cannotVerify           = fault.New(fault.Unauthenticated, "The server cannot verify your sign-in at the moment. Try again in a second.").Because(fault.CannotVerify)
)

// Fault returns what is said to whoever comes with a token of a session that
// ended for this reason.
func (r EndReason) Fault() *fault.Fault {
	switch r {
	case ExpiredIdle:
		return sessionExpiredIdle
	case ExpiredAbsolute:
		return sessionExpiredAbsolute
	}
	return sessionRevoked
}

// Check says whether a valid access token is still good. It returns nil, or an
// Unauthenticated fault whose reason is SessionExpiredIdle, SessionExpiredAbs,
// SessionRevoked, StaleToken or CannotVerify.
//
// It asks the database nothing unless the last successful read began more than
// 1.5 s ago. Then it waits for a read that begins after this call: one read for
// all calls that wait, because what that read returns answers for every session
// at once. CannotVerify says that this read failed too, or took longer than 2 s.
func (r *Register) Check(ctx context.Context, b Bearer) error {
	// The order matters to a process that is stopped in between: the memory that
	// is looked at is at least as new as began, and the clock is read after it.
	began := r.lastRead.Load()
	if f := r.refused(b); f != nil {
		return f
	}
	if r.trusts(began) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	if err := r.feed.readAnew(ctx); err != nil {
		return cannotVerify.Wrap(err)
	}
	if f := r.refused(b); f != nil {
		return f
	}
	return nil
}

// CheckSocket is Check for a socket, which outlives its token. It also refuses
// where a deadline of the login session has passed although the session could not
// be ended, as behind a lock, with the reason SessionExpiredAbs at once, or
// SessionExpiredIdle after 6.5 s. The socket must be attached.
func (r *Register) CheckSocket(ctx context.Context, b Bearer) error {
	if err := r.Check(ctx, b); err != nil {
		return err
	}
	if limit, over := r.watched.overdue(b.SessionID, r.clock.Now()); over {
		return limit.endReason().Fault()
	}
	return nil
}

// refused returns the fault of a token that is known to be no good, or nil.
func (r *Register) refused(b Bearer) *fault.Fault {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if f, ok := r.ended.get(b.SessionID); ok {
		return f
	}
	if lowest, ok := r.versions.get(b.UserID); ok && b.TokenVersion < lowest {
		return staleToken
	}
	return nil
}

// Trusted says whether the register is up to date. While it is not, sockets hold
// their deliveries.
func (r *Register) Trusted() bool { return r.trusts(r.lastRead.Load()) }

// ReadAge returns how long ago the last successful read began, for metrics; it is
// the process's own age where there was none yet.
func (r *Register) ReadAge() time.Duration {
	began := r.lastRead.Load()
	if began == nil {
		return r.clock.own().Mono
	}
	return r.clock.own().since(*began)
}

// Regained returns a channel that is closed when the next successful read is in.
func (r *Register) Regained() <-chan struct{} { return r.feed.nextSuccess() }

func (r *Register) trusts(began *Reading) bool {
	return began != nil && r.clock.own().since(*began) <= trustFor
}

// Look makes the register read at once. A hint from another process, or one of
// this process's own, is a reason to.
func (r *Register) Look() { r.feed.look() }

// remember takes in what a read found.
func (r *Register) remember(sessions []Standing, versions []VersionChange) {
	now := r.clock.own().Mono
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended.turn(now, r.within)
	r.versions.turn(now, r.within)
	for i := range sessions {
		if s := &sessions[i]; s.EndReason != "" {
			r.ended.put(s.ID, s.EndReason.Fault())
		}
	}
	for _, v := range versions {
		if lowest, ok := r.versions.get(v.UserID); !ok || v.TokenVersion > lowest {
			r.versions.put(v.UserID, v.TokenVersion)
		}
	}
}

// recent is a map that forgets. What was put into it stays for one span at least
// and two at most. It has two maps, of which the older one is dropped whole:
// nothing is swept, and the memory of a busy hour is given back. Its zero value
// is ready.
type recent[K comparable, V any] struct {
	young, old map[K]V
	turned     time.Duration
}

func (m *recent[K, V]) get(key K) (V, bool) {
	if v, ok := m.young[key]; ok {
		return v, true
	}
	v, ok := m.old[key]
	return v, ok
}

func (m *recent[K, V]) put(key K, v V) {
	if m.young == nil {
		m.young = map[K]V{}
	}
	m.young[key] = v
}

// turn forgets what is older than span when that much time has passed since the
// last turn.
func (m *recent[K, V]) turn(now, span time.Duration) {
	if now-m.turned < span {
		return
	}
	if now-m.turned >= 2*span {
		m.young = nil
	}
	m.old, m.young, m.turned = m.young, nil, now
}
