// Package live is the transport of the API: GraphQL over HTTP POST and GET,
// subscriptions over WebSocket (the graphql-transport-ws protocol) and over
// server-sent events (graphql-sse's distinct connections mode).
//
// It runs under gqlgen's executor in place of gqlgen's own transports. An event
// is executed and encoded once for all who subscribed with the same selection
// (see Stream); an idle socket costs one goroutine, no timer and no buffer
// beyond a few hundred bytes; a client that does not keep up is cut off with a
// code that tells it to come back, and delays nobody; and every way in which a
// connection can end has its code (see Close).
//
// It knows nobody: who is signed in comes from Options.Authenticate for sockets
// and from WithPrincipal for HTTP requests.
package live

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/branchline/branchline/internal/fault"
)

// Principal is who a request or a connection acts for.
type Principal struct {
	// Key tells login sessions apart, like their ids: Limits.Sockets counts by it.
	// "" means that nobody is signed in.
	Key string
	// Audience tells apart those for whom the same event shows different
	// values, such as roles: an event is executed once per selection and
	// audience, with the context of whichever of them it reaches first.
	Audience string
	// Context puts the actor where resolvers look. Nil does nothing.
	Context func(context.Context) context.Context
	// Actor says whether the principal may still act. Nil is nobody, who may.
	Actor Actor
}

// Actor is somebody who is signed in, and may be signed out. It is an interface
// rather than functions: each connection keeps one.
type Actor interface {
	// Check says before each operation of a socket whether the actor may still
	// act. HTTP requests are checked by whoever makes the Principal.
	Check(context.Context) error
	// Watch ends the connection when the actor is signed out; what was sent before
	// that is delivered first. It may do so at once, from any goroutine, and
	// holding locks: End never blocks. cancel stops the watch and is called once.
	Watch(Connection) (cancel func())
}

// Connection is a socket or an event stream.
type Connection interface{ End(Close) }

// Limits bound what one client may take. A zero field means its default.
type Limits struct {
	Sockets          int   // connections of one login session, default 20
	Waiting          int   // sockets on which nobody has signed in, default 5,000
	WaitingOfNetwork int   // those of one network among them, default 500
	Operations       int   // operations under way on a connection, default 50
	Message          int64 // bytes of a message from a socket, default 64 KiB
	Body             int64 // bytes of an HTTP body, default 2 MiB

	Init       time.Duration // until connection_init, default 5 s
	Life       time.Duration // longest age of a connection, default 1 h
	LifeSpread time.Duration // connections end up to this much earlier, so that they do not all come back at once; default Life / 12
	Ping       time.Duration // between signs of life from here, default 25 s
	Dead       time.Duration // without a sign of life from a socket, default 60 s
	Write      time.Duration // for one frame, and for the farewell; default 10 s
	Grace      time.Duration // for what is under way when a connection is to end, default 2 s
	Event      time.Duration // for the execution of one event, default 5 s
	Answer     time.Duration // for the execution of a query or mutation, and to open a subscription, default 5 s

	QueueMessages int // messages that wait for a slow client, default 256
	QueueBytes    int // bytes of them, default 1 MiB; one message may be longer
}

// withDefaults returns the limits with their zero fields filled.
func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	count := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	count(&l.Sockets, 20)
	count(&l.Waiting, 5000)
	count(&l.WaitingOfNetwork, 500)
	count(&l.Operations, 50)
	if l.Message == 0 {
		l.Message = 64 << 10
	}
	if l.Body == 0 {
		l.Body = 2 << 20
	}
	set(&l.Init, 5*time.Second)
	set(&l.Life, time.Hour)
	set(&l.LifeSpread, l.Life/12)
	set(&l.Ping, 25*time.Second)
	set(&l.Dead, time.Minute)
	set(&l.Write, 10*time.Second)
	set(&l.Grace, 2*time.Second)
	set(&l.Event, 5*time.Second)
	set(&l.Answer, 5*time.Second)
	count(&l.QueueMessages, 256)
	count(&l.QueueBytes, 1<<20)
	return l
}

// Options are what a Server needs to know. All are optional.
type Options struct {
	// Authenticate returns who an access token belongs to; token "" is nobody.
	// Its error is a fault, whose reason decides how the socket is closed:
	// TOKEN_EXPIRED and STALE_TOKEN with TokenOutdated, CANNOT_VERIFY with
	// CannotVerify, any other with SessionEnded. A plain error is logged and
	// closes with CannotVerify.
	Authenticate func(ctx context.Context, token string) (Principal, error)
	// AllowOrigin says whether a page of this origin may use the API. Default:
	// no Origin header, or the request's own host.
	AllowOrigin func(*http.Request) bool
	// Context puts what resolvers want to know about the client, such as its
	// address, into a socket's context. The request must not be kept.
	Context func(context.Context, *http.Request) context.Context
	// Network names the network that a socket comes from, for Limits.WaitingOfNetwork.
	// Nil takes all for one.
	Network func(*http.Request) string
	Limits  Limits
	// Now is the clock for all limits. Default: time.Now.
	Now func() time.Time
	// Log gets what only operators can mend. Default: slog.Default.
	Log *slog.Logger
	// OnOperation is called at the end of each operation of a socket, for the
	// log; it must not block. HTTP requests, event streams among them, fill the
	// Record that WithRecord put into their context instead.
	OnOperation func(context.Context, Record)
	// OnRefusal is called, for the log, when a socket is gone that the server
	// closed before it acknowledged connection_init; it must not block. Streams and
	// sockets that get no upgrade are refused by an HTTP answer instead.
	OnRefusal func(context.Context, Close)
}

// Server is the transport. It is an http.Handler for the API's one path.
type Server struct {
	exec       graphql.GraphExecutor
	options    Options
	limits     Limits
	log        *slog.Logger
	epoch      time.Time
	selections *selections
	wheel      wheel
	waiting    waiting
	crew       crew
	post       post
	tasks      tracker
	stats      counters
	draining   atomic.Bool
	stopped    atomic.Bool
	holding    atomic.Bool

	mu   sync.Mutex      // guards base and keys
	base context.Context // nil until Start
	keys map[string]int  // connections by Principal.Key
}

// New returns a Server that serves after Start. The executor brings the schema,
// the extensions, and the error presenter, which words all errors.
func New(exec graphql.GraphExecutor, options Options) *Server {
	s := &Server{
		exec:    exec,
		options: options,
		limits:  options.Limits.withDefaults(),
		log:     options.Log,
		crew:    crew{work: make(chan func()), stop: make(chan struct{})},
		keys:    map[string]int{},
	}
	if s.options.Now == nil {
		s.options.Now = systemClock
	}
	if s.options.AllowOrigin == nil {
		s.options.AllowOrigin = sameOrigin
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.post.crew = &s.crew
	s.epoch = s.options.Now().Add(-time.Second) // so that no instant is zero
	s.selections = &selections{
		exec: exec, timeout: s.limits.Event, tasks: &s.tasks, crew: &s.crew, stats: &s.stats,
		all: map[key]*selection{},
	}
	return s
}

// Start lets the server accept connections. Their contexts carry ctx's values;
// they end by Drain and Stop, not with ctx.
func (s *Server) Start(ctx context.Context) {
	ticks, done := newTicks()
	s.start(ctx, ticks, done)
}

// start is Start with the wheel's ticks from elsewhere.
func (s *Server) start(ctx context.Context, ticks <-chan time.Time, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = context.WithoutCancel(ctx)
	s.tasks.add()
	go func() {
		defer s.tasks.done()
		defer done()
		for {
			select {
			case <-ticks:
				s.turn()
			case <-s.crew.stop:
				return
			}
		}
	}()
}

// turn does what is to be done at each tick.
func (s *Server) turn() {
	s.wheel.turn(s.clock())
	s.crew.thin()
	if s.wheel.emptied() {
		s.mu.Lock()
		s.keys = maps.Collect(maps.All(s.keys)) // a map does not get smaller by itself
		s.mu.Unlock()
		// Go by itself collects in two minutes what a crowd leaves behind where nobody
		// allocates, and gives it back to the system by and by.
		s.crew.do(debug.FreeOSMemory)
	}
}

// Drain refuses new connections with 503 and closes those that exist with
// Restart, each at a random moment within over, so that they do not arrive at
// the other processes all at once. It returns when all are gone, with what they
// asked for, or with ctx's error. Plain requests are served as before: they are
// http.Server.Shutdown's to wait for. Call Stop after it.
func (s *Server) Drain(ctx context.Context, over time.Duration) error {
	s.draining.Store(true)
	now := s.clock()
	for _, p := range s.wheel.all() {
		p.mu.Lock()
		p.drainAt = now + s.random(over)
		p.hurry(p.drainAt)
		p.mu.Unlock()
	}
	if !s.tasks.wait(ctx.Done(), 1) { // the wheel still turns
		return ctx.Err()
	}
	return nil
}

// Hold keeps back every event and answer that sockets and event streams would be
// sent, and lets it go when called with false. Signs of life, such as pongs, are
// not kept back. Call it while nobody can say whose login
// session has ended. Queues stay bounded meanwhile: whose queue overflows is cut
// off with SlowReader and comes back.
func (s *Server) Hold(on bool) {
	s.holding.Store(on)
	if on {
		return
	}
	for _, p := range s.wheel.all() {
		p.mu.Lock()
		if p.queue.len() > 0 {
			p.wire.wake()
		}
		p.mu.Unlock()
	}
}

// Stop breaks what connections are left and waits until nothing of them runs any
// more. It does not wait for plain requests, whose bodies may never end: call
// http.Server's Shutdown or Close before it.
func (s *Server) Stop() {
	s.draining.Store(true)
	if !s.stopped.Swap(true) {
		close(s.crew.stop)
	}
	for _, p := range s.wheel.all() {
		p.abort()
	}
	s.tasks.wait(nil, 0)
	s.crew.running.Wait()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrade := websocket.IsWebSocketUpgrade(r)
	if (upgrade || r.Method == http.MethodPost) && !s.options.AllowOrigin(r) {
		s.fault(reply{w, typeResponse, recordOf(r.Context())}, r, http.StatusForbidden,
			fault.New(fault.Forbidden, "Pages of this site may not use the API.").Because(fault.CrossSite))
		return
	}
	if upgrade {
		s.tasks.add() // before the look at draining, so that Stop knows of what passes it
		defer s.tasks.done()
		if s.refusesConnections(w) {
			return
		}
		s.acceptSocket(w, r)
		return
	}
	s.serveRequest(w, r)
}

// refusesConnections answers where there may be no new connections.
func (s *Server) refusesConnections(w http.ResponseWriter) bool {
	s.mu.Lock()
	started := s.base != nil
	s.mu.Unlock()
	if started && !s.draining.Load() {
		return false
	}
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Connection", "close")
	http.Error(w, "The server restarts. Come back.", http.StatusServiceUnavailable)
	return true
}

// context returns the context of a new connection.
func (s *Server) context(r *http.Request) context.Context {
	s.mu.Lock()
	ctx := s.base
	s.mu.Unlock()
	if s.options.Context != nil {
		ctx = s.options.Context(ctx, r)
	}
	return ctx
}

// authenticate asks who a token belongs to. It runs in a goroutine where a
// panic would end the process.
func (s *Server) authenticate(ctx context.Context, token string) (p Principal, err error) {
	if s.options.Authenticate == nil {
		return Principal{}, nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("authenticate: panic: %v\n%s", r, debug.Stack())
		}
	}()
	return s.options.Authenticate(ctx, token)
}

// enter takes a place among a login session's connections.
func (s *Server) enter(key string) bool {
	if key == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] >= s.limits.Sockets {
		return false
	}
	s.keys[key]++
	return true
}

// leave gives the place back.
func (s *Server) leave(key string) {
	if key == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key]--; s.keys[key] <= 0 {
		delete(s.keys, key)
	}
}

// clock returns the time since a second before New.
func (s *Server) clock() time.Duration { return s.options.Now().Sub(s.epoch) }

// random returns a span in [0, most).
func (s *Server) random(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(rand.Int64N(int64(most)))
}

// sameOrigin is the default of Options.AllowOrigin.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// tracker counts what runs.
type tracker struct {
	mu      sync.Mutex // guards n and changed
	n       int
	changed chan struct{} // closed when n falls; nil while nobody waits
}

func (t *tracker) add() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

func (t *tracker) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

// wait says whether, before cancel is closed, at most left things ran.
func (t *tracker) wait(cancel <-chan struct{}, left int) bool {
	for {
		t.mu.Lock()
		if t.n <= left {
			t.mu.Unlock()
			return true
		}
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		changed := t.changed
		t.mu.Unlock()
		select {
		case <-changed:
		case <-cancel:
			return false
		}
	}
}
