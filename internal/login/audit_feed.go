package login

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
)

// AuditStore is what an AuditFeed reads.
type AuditStore interface {
	// AuditAfter returns at most limit lines of the account that whoever has the
	// cursor does not know, the oldest first, and what the read saw. Without a cursor
	// it returns that alone.
	AuditAfter(ctx context.Context, accountID account.ID, after *AuditPlace, limit int) ([]*AuditLine, Mark, error)
	// AuditSince returns the lines of the accounts whose transactions mark does not
	// see, however late they committed, the oldest first, and what the read saw.
	// What happened before from is left out.
	AuditSince(ctx context.Context, accounts []account.ID, mark Mark, from time.Time) ([]*AuditLine, Mark, error)
}

// MaxAuditBacklog is how many lines a subscription brings of the time before it
// began.
const MaxAuditBacklog = 1000

const (
	auditEvery    = 500 * time.Millisecond // between reads without a hint
	auditPatience = 5 * time.Second        // for one round of reading
	auditPause    = 250 * time.Millisecond // after a failed one
	// lateBy bounds how old a line may be that is read as new: no transaction lives
	// longer than ten seconds. Ids of transactions that came with a restored backup
	// would count as new for ever.
	lateBy = time.Hour
	// overlap is how far back is read on another server, whose transaction ids say
	// nothing about the lines told before.
	overlap      = time.Minute
	rememberMost = 10_000 // lines told lately, so that none is told twice then
)

// AuditFeed tells owners of each new line of their account's audit log, once, in
// whatever process it was written. Each process has one, with one goroutine that
// reads: all accounts that are watched here in one statement, twice a second and at
// once on a hint. The read is exact, as that of the login register is: every line
// notes its transaction, and the read asks for what the last one could not see.
type AuditFeed struct {
	store AuditStore
	log   *slog.Logger
	now   func() time.Time // the database's clock
	wake  chan struct{}    // holds one

	mu   sync.Mutex // guards subs
	subs map[account.ID][]*auditSub

	// The reading goroutine's.
	mark     Mark // of the last read of all; zero while nobody watches
	lastRead time.Time
	told     map[account.AuditID]struct{}

	stop    context.CancelFunc
	running sync.WaitGroup
}

// auditSub is one subscription. The feed's mutex guards over; the rest is the reading
// goroutine's once the subscription is in the list.
type auditSub struct {
	sink  event.Sink[*AuditLine]
	mark  Mark // what the receiver knows
	level bool // whether mark is not older than the feed's
	over  bool
}

// NewAuditFeed returns a feed that tells nobody anything until it is started.
func NewAuditFeed(store AuditStore, now func() time.Time, log *slog.Logger) *AuditFeed {
	return &AuditFeed{
		store: store, now: now, log: log, wake: make(chan struct{}, 1),
		subs: map[account.ID][]*auditSub{}, told: map[account.AuditID]struct{}{},
	}
}

// Watch tells sink each line of the account's audit log that is new, until cancel is
// called; with a cursor first those that came after it. Owners only. Where those are
// more than MaxAuditBacklog it is a Conflict: page through them instead.
func (f *AuditFeed) Watch(ctx context.Context, actor account.Actor, after *string, sink event.Sink[*AuditLine]) (cancel func(), err error) {
	if err := actor.Require(account.Owner); err != nil {
		return nil, err
	}
	var place *AuditPlace
	if after != nil {
		p, err := parseAuditCursor("after", *after)
		if err != nil {
			return nil, err
		}
		place = &p
	}
	lines, mark, err := f.store.AuditAfter(ctx, actor.AccountID, place, MaxAuditBacklog+1)
	if err != nil {
		return nil, err
	}
	if place != nil && place.Read.XMax > mark.XMax {
		return nil, fault.Input("after", "This cursor is of a database before it was restored. Page through auditLog, and take a cursor from there.")
	}
	if len(lines) > MaxAuditBacklog {
		conflict := fault.New(fault.Conflict, "More than %d entries came after this cursor. Page through auditLog first, then watch from the newest one's cursor.", MaxAuditBacklog)
		conflict.Field = "after"
		return nil, conflict
	}
	for _, line := range lines {
		sink.Receive(line)
	}
	sub := &auditSub{sink: sink, mark: mark}
	f.mu.Lock()
	f.subs[actor.AccountID] = append(f.subs[actor.AccountID], sub)
	f.mu.Unlock()
	f.poke()
	return func() { f.cancel(actor.AccountID, sub) }, nil
}

func (f *AuditFeed) cancel(accountID account.ID, sub *auditSub) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sub.over = true
	// A new list: the reading goroutine may walk along the old one.
	left := slices.DeleteFunc(slices.Clone(f.subs[accountID]), func(s *auditSub) bool { return s == sub })
	if len(left) == 0 {
		delete(f.subs, accountID)
	} else {
		f.subs[accountID] = left
	}
}

func (f *AuditFeed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Deliver takes a hint in, of whatever topic: most of what they tell of is in the log.
func (f *AuditFeed) Deliver(h event.Hint) {
	f.mu.Lock()
	found := len(f.subs) > 0 && h.Account == ""
	for accountID := range f.subs {
		found = found || accountID.String() == h.Account
	}
	f.mu.Unlock()
	if found {
		f.poke()
	}
}

// Start begins to read, until Stop is called. A feed is started once.
func (f *AuditFeed) Start(ctx context.Context) {
	ctx, f.stop = context.WithCancel(ctx)
	f.running.Go(func() { f.run(ctx) })
}

// Stop ends the reading and waits for it. It is safe to call more than once, and
// without a start.
func (f *AuditFeed) Stop() {
	if f.stop == nil {
		return
	}
	f.stop()
	f.running.Wait()
}

func (f *AuditFeed) run(ctx context.Context) {
	look := time.NewTicker(auditEvery)
	defer look.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-look.C:
		}
		limited, cancel := context.WithTimeout(ctx, auditPatience)
		err := f.round(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failing = false
		default:
			if !failing {
				f.log.Warn("watched audit logs cannot be read", "error", err)
			}
			failing = true
			select { // a stopped database is not asked as often as hints come in
			case <-ctx.Done():
				return
			case <-time.After(auditPause):
			}
		}
	}
}

// round brings those who are new to where all others are, and then reads what is new
// for all. All reads are one after the other, so none of them sees less than the one
// before: a subscription misses nothing, and what it knows already it is not told.
func (f *AuditFeed) round(ctx context.Context) error {
	f.mu.Lock()
	watched := make(map[account.ID][]*auditSub, len(f.subs))
	for accountID, subs := range f.subs {
		watched[accountID] = slices.Clone(subs)
	}
	f.mu.Unlock()
	if len(watched) == 0 {
		f.mark = Mark{}
		clear(f.told)
		return nil
	}
	began := f.now()
	accounts := make([]account.ID, 0, len(watched))
	for accountID, subs := range watched {
		accounts = append(accounts, accountID)
		for _, sub := range subs {
			if sub.level {
				continue
			}
			lines, mark, err := f.store.AuditSince(ctx, []account.ID{accountID}, sub.mark, began.Add(-lateBy))
			if err != nil {
				return err
			}
			for _, line := range lines {
				f.tell(sub, line)
			}
			sub.mark, sub.level = mark, true
			if f.mark.XMax == 0 {
				f.mark = mark
			}
		}
	}
	lines, mark, err := f.store.AuditSince(ctx, accounts, f.mark, began.Add(-lateBy))
	if err != nil {
		return err
	}
	another := mark.XMax < f.mark.XMax || !mark.Started.Equal(f.mark.Started)
	if another {
		if lines, mark, err = f.store.AuditSince(ctx, accounts, Mark{}, f.lastRead.Add(-overlap)); err != nil {
			return err
		}
		lines = slices.DeleteFunc(lines, func(line *AuditLine) bool {
			_, told := f.told[line.Entry.ID]
			return told
		})
	}
	for _, line := range lines {
		for _, sub := range watched[line.Entry.AccountID] {
			if another || !sub.mark.Sees(line.XID) {
				f.tell(sub, line)
			}
		}
	}
	if another { // whatever they knew by transaction ids means nothing here
		for _, subs := range watched {
			for _, sub := range subs {
				sub.mark = mark
			}
		}
	}
	f.mark, f.lastRead = mark, began
	return nil
}

// tell tells one subscription, without the mutex: a receiver may cancel.
func (f *AuditFeed) tell(sub *auditSub, line *AuditLine) {
	f.mu.Lock()
	over := sub.over
	f.mu.Unlock()
	if len(f.told) >= rememberMost {
		clear(f.told)
	}
	f.told[line.Entry.ID] = struct{}{}
	if !over {
		sub.sink.Receive(line)
	}
}
