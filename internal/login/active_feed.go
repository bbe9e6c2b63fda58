package login

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
)

// ActiveFeedStore is what an ActiveFeed reads. Store has the rest.
type ActiveFeedStore interface {
	// ActiveRevisions says in one statement how the live login sessions of each of
	// these accounts stand at now. Two equal texts mean that nothing that is told
	// about them has changed.
	ActiveRevisions(ctx context.Context, accounts []account.ID, now time.Time) (map[account.ID]string, error)
	// ActiveSessions is Store's.
	ActiveSessions(ctx context.Context, accountID account.ID, userID account.UserID, fields SessionFields, now time.Time, limit int) ([]ActiveSession, error)
}

// ActiveNews is who is signed in to an account, or what changed in that. All who are
// told the same share one. It must not be changed.
type ActiveNews struct {
	At      time.Time       // the database's
	First   bool            // the receiver's first: the whole present state
	Added   []ActiveSession // new in the list; in the first all of it. The newest sign-in first, with users and connections
	Changed []ActiveSession // whose activity, deadlines, connection or user changed
	Removed []SessionID     // no more in the list: ended, past a deadline, or older than the MaxActiveSessions newest
	More    bool            // there are more than MaxActiveSessions; the oldest are left out
}

const (
	activeEvery    = 500 * time.Millisecond // between comparisons without a hint
	activeBatch    = 100 * time.Millisecond // between two rounds of reading in a storm: what comes meanwhile goes together
	activeAgain    = 500 * time.Millisecond // after a failed round
	activePatience = 5 * time.Second        // for a round
)

// ActiveFeed tells owners who is signed in to their account, whenever that changes.
// Each process has one.
//
// One goroutine reads. A hint makes it look at once; without one it compares the
// revisions of all accounts that are watched here twice a second, in one statement.
// Where one differs it reads that account's list, once for all who watch it: a storm
// of sign-ins costs two statements in a tenth of a second, however many watch.
type ActiveFeed struct {
	store ActiveFeedStore
	now   func() time.Time
	log   *slog.Logger
	wake  chan struct{} // holds one: an account is dirty

	mu       sync.Mutex // guards what follows
	accounts map[account.ID]*activeAccount
	dirty    map[account.ID]struct{} // to be compared

	stop    context.CancelFunc
	running sync.WaitGroup
}

// activeAccount is an account that somebody watches here. The feed's mutex guards
// subs; the rest is the reading goroutine's.
type activeAccount struct {
	subs     []*activeSub
	revision string // of the list as it was last told; empty before the first
	list     []ActiveSession
	more     bool
}

// activeSub is one subscription. The feed's mutex guards over; told is the reading
// goroutine's.
type activeSub struct {
	sink event.Sink[*ActiveNews]
	told bool
	over bool
}

// NewActiveFeed returns a feed that tells nobody anything until it is started. now is
// the database's clock.
func NewActiveFeed(store ActiveFeedStore, now func() time.Time, log *slog.Logger) *ActiveFeed {
	return &ActiveFeed{
		store: store, now: now, log: log, wake: make(chan struct{}, 1),
		accounts: map[account.ID]*activeAccount{}, dirty: map[account.ID]struct{}{},
	}
}

// Watch tells sink who is signed in to the actor's account, until cancel is called:
// all of them first, read after this call. Owners only. That the actor still is one
// is the connection's matter: a role that changes ends it.
func (f *ActiveFeed) Watch(actor account.Actor, sink event.Sink[*ActiveNews]) (cancel func(), err error) {
	if err := actor.Require(account.Owner); err != nil {
		return nil, err
	}
	s := &activeSub{sink: sink}
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.accounts[actor.AccountID]
	if a == nil {
		a = &activeAccount{}
		f.accounts[actor.AccountID] = a
	}
	a.subs = append(a.subs, s)
	f.look(actor.AccountID)
	return func() { f.cancel(actor.AccountID, s) }, nil
}

func (f *ActiveFeed) cancel(accountID account.ID, s *activeSub) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.over = true
	a := f.accounts[accountID]
	if a == nil {
		return
	}
	if i := slices.Index(a.subs, s); i >= 0 {
		a.subs = slices.Delete(a.subs, i, i+1)
	}
	if len(a.subs) == 0 {
		delete(f.accounts, accountID)
		delete(f.dirty, accountID)
	}
}

// Deliver takes a hint in. An empty account or topic means every one.
func (f *ActiveFeed) Deliver(h event.Hint) {
	if h.Topic != event.LoginSessions && h.Topic != event.LoginPresence && h.Topic != "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for accountID := range f.accounts {
		if h.Account == "" || h.Account == accountID.String() {
			f.look(accountID)
		}
	}
}

// look has an account compared at once. f.mu must be held.
func (f *ActiveFeed) look(accountID account.ID) {
	f.dirty[accountID] = struct{}{}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Start begins to read, until ctx is done or Stop is called. A feed is started once.
func (f *ActiveFeed) Start(ctx context.Context) {
	ctx, f.stop = context.WithCancel(ctx)
	f.running.Go(func() { f.run(ctx) })
}

// Stop ends the reading and waits for it. It is safe to call more than once, and
// without a start.
func (f *ActiveFeed) Stop() {
	if f.stop == nil {
		return
	}
	f.stop()
	f.running.Wait()
}

// run is the one goroutine that reads. What it tells about one account is therefore
// in the order in which it became true.
func (f *ActiveFeed) run(ctx context.Context) {
	look, pause := time.NewTicker(activeEvery), time.NewTimer(0)
	defer look.Stop()
	defer pause.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-look.C:
			f.lookAtAll()
		}
		limited, cancel := context.WithTimeout(ctx, activePatience)
		err := f.round(limited)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			f.log.Warn("who is signed in cannot be read for those who watch it", "error", err)
		}
		if failing = err != nil; failing {
			pause.Reset(activeAgain)
		} else {
			pause.Reset(activeBatch)
		}
	}
}

// lookAtAll has every account compared that is watched.
func (f *ActiveFeed) lookAtAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for accountID := range f.accounts {
		f.dirty[accountID] = struct{}{}
	}
}

// round compares what is dirty, and tells what changed. What it could not do stays to
// be done.
func (f *ActiveFeed) round(ctx context.Context) error {
	f.mu.Lock()
	accounts := slices.Collect(maps.Keys(f.dirty))
	clear(f.dirty)
	f.mu.Unlock()
	if len(accounts) == 0 {
		return nil
	}
	revisions, err := f.store.ActiveRevisions(ctx, accounts, f.now())
	for i := 0; err == nil && i < len(accounts); i++ {
		if err = f.tell(ctx, accounts[i], revisions[accounts[i]]); err == nil {
			accounts[i] = account.ID{} // done
		}
	}
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, accountID := range accounts {
			if f.accounts[accountID] != nil {
				f.look(accountID)
			}
		}
	}
	return err
}

// tell reads an account's list unless it is known, and tells its subscribers what is
// new to them.
func (f *ActiveFeed) tell(ctx context.Context, accountID account.ID, revision string) error {
	f.mu.Lock()
	a := f.accounts[accountID]
	if a == nil {
		f.mu.Unlock()
		return nil
	}
	subs := slices.Clone(a.subs)
	f.mu.Unlock()
	now, more := f.now(), a.more
	news := &ActiveNews{At: now, More: more}
	if a.revision != revision {
		list, err := f.store.ActiveSessions(ctx, accountID, account.UserID{}, SessionUser|SessionConnected, now, MaxActiveSessions+1)
		if err != nil {
			return err
		}
		// What was committed between the comparison and the read is in the list; the
		// next comparison finds another revision and no difference.
		news = a.take(list, now)
		a.revision = revision
	}
	state := &ActiveNews{At: now, First: true, Added: a.list, More: a.more}
	changed := len(news.Added)+len(news.Changed)+len(news.Removed) > 0 || news.More != more
	for _, s := range subs {
		f.mu.Lock()
		over := s.over
		f.mu.Unlock()
		switch {
		case over:
		case !s.told:
			s.told = true
			s.sink.Receive(state)
		case changed:
			s.sink.Receive(news)
		}
	}
	return nil
}

// take makes a list the present one and returns what is new in it.
func (a *activeAccount) take(list []ActiveSession, now time.Time) *ActiveNews {
	news := &ActiveNews{At: now}
	if news.More = len(list) > MaxActiveSessions; news.More {
		list = list[:MaxActiveSessions]
	}
	known := make(map[SessionID]*ActiveSession, len(a.list))
	for i := range a.list {
		known[a.list[i].ID] = &a.list[i]
	}
	for i := range list {
		s := &list[i]
		before := known[s.ID]
		delete(known, s.ID)
		switch {
		case before == nil:
			news.Added = append(news.Added, *s)
		case before.differs(s):
			news.Changed = append(news.Changed, *s)
		}
	}
	news.Removed = slices.SortedFunc(maps.Keys(known), SessionID.Compare)
	a.list, a.more = list, news.More
	return news
}

// differs says whether what is told of a session in a list has changed.
func (s *ActiveSession) differs(now *ActiveSession) bool {
	return !s.LastActiveAt.Equal(now.LastActiveAt) || !s.Deadlines.Idle.Equal(now.Deadlines.Idle) || !s.Deadlines.Absolute.Equal(now.Deadlines.Absolute) ||
		s.Connected != now.Connected || s.User.Role != now.User.Role || s.User.Name != now.User.Name
}
