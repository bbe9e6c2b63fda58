package tree

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
)

// FeedStore is what a Feed reads and writes. Store has the rest.
type FeedStore interface {
	Store
	// FeedRevisions says in one statement how far each of these has come. Two
	// equal texts mean that nothing that is told about it has changed. What does
	// not exist is left out.
	FeedRevisions(ctx context.Context, keys []FeedKey) (map[FeedKey]string, error)
	// EscalationEnds says in one statement how escalations ended, each of which is
	// named by its session and seq. Those that have not are left out.
	EscalationEnds(ctx context.Context, accountID account.ID, asked map[SessionID]int) (map[SessionID]EscalationEnd, error)
	// Watchers returns who watches a troubleshooting session, in any process, by name.
	Watchers(ctx context.Context, accountID account.ID, id SessionID) ([]account.User, error)
	// Beat writes down that these people watch by way of this process, and forgets
	// those of processes that have not said so for a minute.
	Beat(ctx context.Context, process uuid.UUID, present []Presence) error
	// Leave takes them back.
	Leave(ctx context.Context, process uuid.UUID, gone []Presence) error
}

// FeedKind says what is watched.
type FeedKind string

// What can be watched.
const (
	WatchedSession FeedKind = "SESSION" // one troubleshooting session
	WatchedWalks   FeedKind = "WALKS"   // an account's running ones
	WatchedTree    FeedKind = "TREE"    // one tree
	WatchedQueue   FeedKind = "QUEUE"   // an account's open escalations
)

// FeedKey names one thing that is watched. Of the ids, the kind's is set.
type FeedKey struct {
	Kind    FeedKind
	Account account.ID
	Session SessionID
	Tree    ID
}

// Presence is somebody who watches a troubleshooting session.
type Presence struct {
	Account account.ID
	Session SessionID
	User    account.UserID
}

// SessionNews is how a watched troubleshooting session stands. All who are told
// the same share one. It must not be changed.
type SessionNews struct {
	ID       SessionID
	Session  *Session       // with log, people and node, without the graph and the links; nil when the receiver may not see it any more
	First    bool           // the receiver's first: the whole present state
	Since    int            // what the receiver knew: steps with a higher Seq are new to them
	Watchers []account.User // who watches, in any process, by name
}

// Last says whether nothing follows.
func (n *SessionNews) Last() bool { return n.Session == nil }

// NewSteps returns the steps that ended since the receiver was last told.
func (n *SessionNews) NewSteps() []Step {
	var steps []Step
	for _, step := range n.Session.Steps {
		if step.Seq > n.Since {
			steps = append(steps, step)
		}
	}
	return steps
}

// WalksNews is what an account's running sessions are, or what changed in that.
type WalksNews struct {
	First    bool
	Sessions []*Session  // all, the latest start first, or those that are new or changed
	Ended    []SessionID // that run no more; none in the first
	More     bool        // there are more than MaxWatchedWalks; the oldest are left out
}

// QueueNews is what an account's open escalations are, or what changed in that.
type QueueNews struct {
	First    bool
	Sessions []*Session // in the queue's order: all, or those that are new or changed
	// Left are those that are in the list no more; none in the first. Where an end
	// has no kind, the escalation is open still and more urgent ones took its place.
	Left []EscalationEnd
	More bool // there are more than MaxEscalations
}

// TreeNews is how a watched tree stands.
type TreeNews struct {
	ID    ID
	Tree  *Tree // without the graph; nil when it was deleted
	First bool
}

// Last says whether nothing follows.
func (n *TreeNews) Last() bool { return n.Tree == nil }

// MaxWatchedWalks bounds how many running sessions an account's list holds.
const MaxWatchedWalks = 200

const (
	feedEvery    = 2 * time.Second  // between comparisons without a hint
	feedPatience = 5 * time.Second  // for one round of reading
	beatEvery    = 10 * time.Second // between signs that somebody watches; PresentFor is three of them
	feedPause    = 250 * time.Millisecond
)

// PresentFor is how long after its latest sign somebody counts as watching.
const PresentFor = 30 * time.Second

// Feed tells people how the troubleshooting sessions and trees that they watch
// stand, whenever that changes. Each process has one.
//
// One goroutine reads. A hint makes it look at once; without one it compares the
// revisions of all that is watched here every two seconds, in one statement, so
// that a lost hint costs two seconds and nothing else. Whoever begins to watch is
// told the whole state, read after they began, so nothing falls in between. A storm
// of changes costs one read at a time and not one for each watcher.
type Feed struct {
	store   FeedStore
	hints   event.Hinter
	log     *slog.Logger
	process uuid.UUID
	wake    chan struct{} // holds one: something is dirty

	mu     sync.Mutex // guards what follows
	topics map[FeedKey]*feedTopic
	dirty  map[FeedKey]struct{} // to be compared
	came   map[Presence]struct{}
	left   map[Presence]struct{}

	stop    context.CancelFunc
	running sync.WaitGroup
}

// feedTopic is one thing that somebody watches here. The feed's mutex guards
// subs; the rest is the reading goroutine's.
type feedTopic struct {
	subs     []*feedSub
	revision string
	session  *Session
	walks    map[SessionID]walkMark // of a list of running sessions, or of the queue
}

// feedSub is one subscription. The feed's mutex guards over; told is the reading
// goroutine's.
type feedSub struct {
	actor   account.Actor
	session event.Sink[*SessionNews]
	walks   event.Sink[*WalksNews]
	tree    event.Sink[*TreeNews]
	queue   event.Sink[*QueueNews]
	told    bool
	over    bool
}

// walkMark is what tells two states of a running session in a list apart.
type walkMark struct {
	seq                     int
	holder                  account.UserID
	ticket, client, subject string
	updated                 int64
	record                  int // the revision of the client's record
	escalation, suggestions int
}

func markOf(s *Session) walkMark {
	mark := walkMark{s.LastSeq, s.Holder.ID, s.Ticket, s.Client, s.Subject, s.UpdatedAt.UnixMicro(), 0, 0, s.SuggestionCount}
	if s.Record != nil {
		mark.record = s.Record.Revision
	}
	if s.Escalation != nil {
		mark.escalation = s.Escalation.Seq
	}
	return mark
}

// NewFeed returns a feed that tells nobody anything until it is started.
func NewFeed(store FeedStore, hints event.Hinter, log *slog.Logger) *Feed {
	return &Feed{
		store: store, hints: hints, log: log, process: uuid.New(), wake: make(chan struct{}, 1),
		topics: map[FeedKey]*feedTopic{}, dirty: map[FeedKey]struct{}{},
		came: map[Presence]struct{}{}, left: map[Presence]struct{}{},
	}
}

// WatchSession tells sink how a troubleshooting session stands, until cancel is
// called or the actor may not see it any more, which is told as the last news.
// One that the actor may not see now is NotFound.
func (f *Feed) WatchSession(ctx context.Context, actor account.Actor, id SessionID, sink event.Sink[*SessionNews]) (cancel func(), err error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	s, err := f.store.Session(ctx, actor.AccountID, id, 0)
	if err != nil {
		return nil, err
	}
	if err := mayRead(actor, s); err != nil {
		return nil, err
	}
	key := FeedKey{Kind: WatchedSession, Account: actor.AccountID, Session: id}
	return f.subscribe(key, &feedSub{actor: actor, session: sink}), nil
}

// WatchWalks tells sink which troubleshooting sessions of the account run.
// Admins and owners may.
func (f *Feed) WatchWalks(actor account.Actor, sink event.Sink[*WalksNews]) (cancel func(), err error) {
	if err := actor.Require(account.Admin); err != nil {
		return nil, err
	}
	return f.subscribe(FeedKey{Kind: WatchedWalks, Account: actor.AccountID}, &feedSub{actor: actor, walks: sink}), nil
}

// WatchEscalations tells sink which escalations of the account are open. Engineers
// and above may: any of them may help.
func (f *Feed) WatchEscalations(actor account.Actor, sink event.Sink[*QueueNews]) (cancel func(), err error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	return f.subscribe(FeedKey{Kind: WatchedQueue, Account: actor.AccountID}, &feedSub{actor: actor, queue: sink}), nil
}

// WatchTree tells sink how a tree stands, in the draft's form. Engineers and above
// may; to viewers it is NotFound.
func (f *Feed) WatchTree(ctx context.Context, actor account.Actor, id ID, sink event.Sink[*TreeNews]) (cancel func(), err error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	if formFor(actor) != DraftForm {
		return nil, fault.Missing("tree")
	}
	if _, err := f.store.Tree(ctx, actor.AccountID, id, DraftForm, 0); err != nil {
		return nil, err
	}
	return f.subscribe(FeedKey{Kind: WatchedTree, Account: actor.AccountID, Tree: id}, &feedSub{actor: actor, tree: sink}), nil
}

func (f *Feed) subscribe(key FeedKey, s *feedSub) (cancel func()) {
	f.mu.Lock()
	t := f.topics[key]
	if t == nil {
		t = &feedTopic{}
		f.topics[key] = t
	}
	t.subs = append(t.subs, s)
	f.dirty[key] = struct{}{}
	if key.Kind == WatchedSession {
		p := Presence{key.Account, key.Session, s.actor.UserID}
		f.came[p] = struct{}{}
		delete(f.left, p)
	}
	f.mu.Unlock()
	f.poke()
	return func() { f.cancel(key, s) }
}

func (f *Feed) cancel(key FeedKey, s *feedSub) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.over = true
	t := f.topics[key]
	if t == nil {
		return
	}
	i := slices.Index(t.subs, s)
	if i < 0 {
		return
	}
	t.subs = slices.Delete(t.subs, i, i+1)
	if key.Kind == WatchedSession && !slices.ContainsFunc(t.subs, func(o *feedSub) bool { return o.actor.UserID == s.actor.UserID }) {
		p := Presence{key.Account, key.Session, s.actor.UserID}
		f.left[p] = struct{}{}
		delete(f.came, p)
		f.poke()
	}
	if len(t.subs) == 0 {
		delete(f.topics, key)
		delete(f.dirty, key)
	}
}

func (f *Feed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Deliver takes a hint in. An empty account or topic means every one.
func (f *Feed) Deliver(h event.Hint) {
	if h.Topic != event.TreeSessions && h.Topic != event.Trees && h.Topic != "" {
		return
	}
	f.mu.Lock()
	found := false
	for key := range f.topics {
		about := event.TreeSessions
		if key.Kind == WatchedTree {
			about = event.Trees
		}
		if (h.Topic == "" || h.Topic == about) && (h.Account == "" || h.Account == key.Account.String()) {
			f.dirty[key] = struct{}{}
			found = true
		}
	}
	f.mu.Unlock()
	if found {
		f.poke()
	}
}

// Start begins to read, until Stop is called. A feed is started once.
func (f *Feed) Start(ctx context.Context) {
	ctx, f.stop = context.WithCancel(ctx)
	f.running.Go(func() { f.run(ctx) })
}

// Stop ends the reading, waits for it, and says that nobody watches by way of this
// process any more. It is safe to call more than once, and without a start.
func (f *Feed) Stop() {
	if f.stop == nil {
		return
	}
	f.stop()
	f.running.Wait()
}

// run is the one goroutine that reads. What it tells about one thing is therefore
// in the order in which it became true.
func (f *Feed) run(ctx context.Context) {
	look, beat := time.NewTicker(feedEvery), time.NewTicker(beatEvery)
	defer look.Stop()
	defer beat.Stop()
	defer f.leaveAll(context.WithoutCancel(ctx))
	failing := false
	for {
		beating := false
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-look.C:
			f.compareAll()
		case <-beat.C:
			beating = true
		}
		limited, cancel := context.WithTimeout(ctx, feedPatience)
		err := f.round(limited, beating)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failing = false
		default:
			if !failing {
				f.log.Warn("watched trees and tree sessions cannot be read", "error", err)
			}
			failing = true
			select { // a stopped database is not asked as often as hints come in
			case <-ctx.Done():
				return
			case <-time.After(feedPause):
			}
		}
	}
}

// compareAll has everything that is watched compared.
func (f *Feed) compareAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.topics {
		f.dirty[key] = struct{}{}
	}
}

// round writes down who came and left, compares what is dirty, and tells what
// changed. What it could not do stays to be done.
func (f *Feed) round(ctx context.Context, beating bool) error {
	if err := f.writePresence(ctx, beating); err != nil {
		return err
	}
	f.mu.Lock()
	keys := make([]FeedKey, 0, len(f.dirty))
	for key := range f.dirty {
		keys = append(keys, key)
	}
	clear(f.dirty)
	f.mu.Unlock()
	if len(keys) == 0 {
		return nil
	}
	revisions, err := f.store.FeedRevisions(ctx, keys)
	for i := 0; err == nil && i < len(keys); i++ {
		if err = f.tell(ctx, keys[i], revisions[keys[i]]); err == nil {
			keys[i].Kind = "" // done
		}
	}
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, key := range keys {
			if key.Kind != "" && f.topics[key] != nil {
				f.dirty[key] = struct{}{}
			}
		}
		f.poke()
	}
	return err
}

// writePresence tells the database who watches here, and the other processes that
// somebody came or left.
func (f *Feed) writePresence(ctx context.Context, beating bool) error {
	f.mu.Lock()
	came, left := keysOf(f.came), keysOf(f.left)
	clear(f.came)
	clear(f.left)
	if beating {
		present := map[Presence]struct{}{}
		for key, t := range f.topics {
			for _, s := range t.subs {
				if key.Kind == WatchedSession {
					present[Presence{key.Account, key.Session, s.actor.UserID}] = struct{}{}
				}
			}
		}
		came = keysOf(present)
	}
	f.mu.Unlock()
	err := f.store.Leave(ctx, f.process, left)
	if err == nil && (beating || len(came) > 0) {
		err = f.store.Beat(ctx, f.process, came)
	}
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, p := range came {
			if _, gone := f.left[p]; !gone {
				f.came[p] = struct{}{}
			}
		}
		for _, p := range left {
			if _, back := f.came[p]; !back {
				f.left[p] = struct{}{}
			}
		}
		return err
	}
	if beating { // nobody is new
		came = nil
	}
	told := map[account.ID]bool{}
	for _, p := range slices.Concat(came, left) {
		if !told[p.Account] {
			told[p.Account] = true
			f.hints.Send(event.Hint{Account: p.Account.String(), Topic: event.TreeSessions})
		}
	}
	return nil
}

func (f *Feed) leaveAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	f.mu.Lock()
	gone := keysOf(f.left)
	for key, t := range f.topics {
		for _, s := range t.subs {
			if key.Kind == WatchedSession {
				gone = append(gone, Presence{key.Account, key.Session, s.actor.UserID})
			}
		}
	}
	f.mu.Unlock()
	if err := f.store.Leave(ctx, f.process, gone); err != nil {
		f.log.Warn("watchers of tree sessions could not be signed off; they count for half a minute more", "error", err)
	}
}

// tell reads one thing and tells its subscribers, unless they know.
func (f *Feed) tell(ctx context.Context, key FeedKey, revision string) error {
	f.mu.Lock()
	t := f.topics[key]
	if t == nil {
		f.mu.Unlock()
		return nil
	}
	subs := slices.Clone(t.subs)
	f.mu.Unlock()
	changed := t.revision != revision
	if !changed && !slices.ContainsFunc(subs, func(s *feedSub) bool { return !s.told }) {
		return nil
	}
	var err error
	switch key.Kind {
	case WatchedSession:
		err = f.tellSession(ctx, key, t, subs, changed)
	case WatchedWalks:
		err = f.tellWalks(ctx, key, t, subs, changed)
	case WatchedTree:
		err = f.tellTree(ctx, key, subs, changed)
	case WatchedQueue:
		err = f.tellQueue(ctx, key, t, subs, changed)
	}
	if err == nil {
		// What was committed between the comparison and the read is told again, as
		// news without a new step: once too often, never not at all.
		t.revision = revision
	}
	return err
}

func (f *Feed) tellSession(ctx context.Context, key FeedKey, t *feedTopic, subs []*feedSub, changed bool) error {
	s, err := f.store.Session(ctx, key.Account, key.Session, AllSessionFields&^(SessionGraph|SessionShares))
	if err != nil && fault.Of(err) == nil {
		return err
	}
	gone := &SessionNews{ID: key.Session}
	if err != nil {
		f.tellEach(subs, func(sub *feedSub) { sub.session.Receive(gone) })
		return nil
	}
	watchers, err := f.store.Watchers(ctx, key.Account, key.Session)
	if err != nil {
		return err
	}
	state := &SessionNews{ID: s.ID, Session: s, First: true, Watchers: watchers}
	progress := &SessionNews{ID: s.ID, Session: s, Watchers: watchers}
	if t.session != nil {
		progress.Since = t.session.LastSeq
	}
	f.tellEach(subs, func(sub *feedSub) {
		switch {
		case mayRead(sub.actor, s) != nil:
			sub.session.Receive(gone)
		case !sub.told:
			sub.told = true
			sub.session.Receive(state)
		case changed:
			sub.session.Receive(progress)
		}
	})
	t.session = s
	return nil
}

func (f *Feed) tellWalks(ctx context.Context, key FeedKey, t *feedTopic, subs []*feedSub, changed bool) error {
	page, err := f.store.Sessions(ctx, key.Account, account.UserID{}, SessionQuery{
		Filter: SessionFilter{Scope: Team, Status: []SessionStatus{InProgress}},
		Fields: AllSessionFields &^ (SessionGraph | SessionLog | SessionCurrentNode | SessionScratchpad | SessionShares),
	}, Span{Limit: MaxWatchedWalks})
	if err != nil {
		return err
	}
	state := &WalksNews{First: true, More: page.HasNextPage}
	news := &WalksNews{More: page.HasNextPage}
	marks := make(map[SessionID]walkMark, len(page.Edges))
	for _, edge := range page.Edges {
		s := edge.Node
		marks[s.ID] = markOf(s)
		state.Sessions = append(state.Sessions, s)
		if known, ok := t.walks[s.ID]; !ok || known != marks[s.ID] {
			news.Sessions = append(news.Sessions, s)
		}
	}
	for id := range t.walks {
		if _, runs := marks[id]; !runs {
			news.Ended = append(news.Ended, id)
		}
	}
	slices.SortFunc(news.Ended, SessionID.Compare)
	changed = changed && len(news.Sessions)+len(news.Ended) > 0
	f.tellEach(subs, func(sub *feedSub) {
		switch {
		case !sub.told:
			sub.told = true
			sub.walks.Receive(state)
		case changed:
			sub.walks.Receive(news)
		}
	})
	t.walks = marks
	return nil
}

func (f *Feed) tellQueue(ctx context.Context, key FeedKey, t *feedTopic, subs []*feedSub, changed bool) error {
	queue, err := f.store.Escalations(ctx, key.Account, AllSessionFields&^SessionGraph, MaxEscalations)
	if err != nil {
		return err
	}
	state, news := &QueueNews{First: true, Sessions: queue.Sessions, More: queue.More}, &QueueNews{More: queue.More}
	marks := make(map[SessionID]walkMark, len(queue.Sessions))
	for _, s := range queue.Sessions {
		marks[s.ID] = markOf(s)
		if known, ok := t.walks[s.ID]; !ok || known != marks[s.ID] {
			news.Sessions = append(news.Sessions, s)
		}
	}
	left := map[SessionID]int{}
	for id, mark := range t.walks {
		if _, open := marks[id]; !open {
			left[id] = mark.escalation
		}
	}
	if len(left) > 0 {
		ends, err := f.store.EscalationEnds(ctx, key.Account, left)
		if err != nil {
			return err
		}
		for id, escalation := range left {
			end := ends[id]
			end.Session, end.Escalation = id, escalation
			news.Left = append(news.Left, end)
		}
		slices.SortFunc(news.Left, func(a, b EscalationEnd) int { return a.Session.Compare(b.Session) })
	}
	changed = changed && len(news.Sessions)+len(news.Left) > 0
	f.tellEach(subs, func(sub *feedSub) {
		switch {
		case !sub.told:
			sub.told = true
			sub.queue.Receive(state)
		case changed:
			sub.queue.Receive(news)
		}
	})
	t.walks = marks
	return nil
}

func (f *Feed) tellTree(ctx context.Context, key FeedKey, subs []*feedSub, changed bool) error {
	t, err := f.store.Tree(ctx, key.Account, key.Tree, DraftForm, AllTreeFields&^TreeGraph)
	if err != nil && fault.Of(err) == nil {
		return err
	}
	state, news := &TreeNews{ID: key.Tree, Tree: t, First: true}, &TreeNews{ID: key.Tree, Tree: t}
	f.tellEach(subs, func(sub *feedSub) {
		switch {
		case t == nil, sub.told && changed:
			sub.tree.Receive(news)
		case !sub.told:
			sub.told = true
			sub.tree.Receive(state)
		}
	})
	return nil
}

// tellEach calls tell for those who still want to know, without the mutex: a
// receiver may cancel.
func (f *Feed) tellEach(subs []*feedSub, tell func(*feedSub)) {
	for _, sub := range subs {
		f.mu.Lock()
		over := sub.over
		f.mu.Unlock()
		if !over {
			tell(sub)
		}
	}
}

func keysOf[K comparable](set map[K]struct{}) []K {
	keys := make([]K, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	return keys
}
