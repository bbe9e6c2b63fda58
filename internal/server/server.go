// Package server puts the API, the web app and what operators ask for behind one
// http.Handler: who is asking, which origins may, one log line a request, health
// and metrics. It decides nothing about trees or logins.
package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

// graphqlPath is the API's one path. The refresh token's cookie is bound to it.
const graphqlPath = "/graphql"

// SharePath is what stands before the token in the address of a shared session.
const SharePath = "/share/"

// Options are what a Server works with. All are needed but those said to be
// optional.
type Options struct {
	Resolver *graph.Resolver
	Register *login.Register
	Tokens   *login.AccessTokens
	Ping     func(context.Context) error // asks the database for a sign of life
	Hints    func() event.Traffic        // what the carrier of hints has done
	Web      http.Handler                // the web app and the explorer
	Schema   string                      // the schema's text, for /schema.graphqls; empty hides it
	Now      func() time.Time            // the database's clock
	Log      *slog.Logger

	Origins         []string       // that may use the API from a browser, beside the host itself
	TrustedProxies  []netip.Prefix // whose X-Forwarded-For is believed; optional
	InsecureCookies bool           // the site is served over plain http on purpose
	Introspection   bool           // the schema may be asked for
	Limits          live.Limits    // optional
}

// Server is the whole program's http.Handler.
type Server struct {
	Options
	live     *live.Server
	handler  http.Handler
	metrics  *metrics
	draining atomic.Bool
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// New returns a Server. Call Start before it serves.
func New(o Options) *Server {
	s := &Server{Options: o}
	exec := graph.NewExecutor(o.Resolver, graph.ExecutorOptions{Log: o.Log, NewID: newID, Introspection: o.Introspection})
	s.live = live.New(exec, live.Options{
		Authenticate: s.authenticateSocket,
		AllowOrigin:  s.allowOrigin,
		Context:      s.socketContext,
		Network:      func(r *http.Request) string { return login.Network(callerOf(r.Context()).Device.IP) },
		Limits:       o.Limits,
		Log:          o.Log,
		OnOperation: func(ctx context.Context, rec live.Record) {
			s.operation(ctx, "socket", 0, rec)
		},
		OnRefusal: s.refusedSocket,
	})
	s.metrics = newMetrics(s.live.Stats, o.Register.ReadAge, o.Hints, o.Resolver.Logins.Refusals)
	s.handler = s.routes()
	return s
}

// Start lets the server accept sockets. Their contexts carry ctx's values.
func (s *Server) Start(ctx context.Context) {
	s.live.Start(ctx)
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() { s.holdWhileBlind(ctx) })
}

// Drain tells load balancers to go elsewhere, asks the sockets to come back to
// another process, spread over a span, and waits for what is under way.
func (s *Server) Drain(ctx context.Context, over time.Duration) error {
	s.draining.Store(true)
	return s.live.Drain(ctx, over)
}

// Stop cuts off what Drain left.
func (s *Server) Stop() {
	s.stop()
	s.running.Wait()
	s.live.Stop()
}

// Stats returns what the transport counts.
func (s *Server) Stats() live.Stats { return s.live.Stats() }

// Door returns the listener for the http.Server of this handler: sockets come in
// without what net/http would keep for them.
func (s *Server) Door(listener net.Listener) net.Listener {
	return s.live.Door(listener, graphqlPath, s)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(graphqlPath, s.graphql())
	mux.HandleFunc(auditPath, s.auditLog)
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /schema.graphqls", s.schema)
	mux.HandleFunc("GET "+SharePath+"{token}", s.share)
	mux.Handle("/", s.Web)
	return mux
}

// graphql wraps the transport: a request id, who is asking, compression, and the
// log line at the end.
func (s *Server) graphql() http.Handler {
	compressed := compress(s.live)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := s.newCaller(r)
		w.Header().Set(requestIDHeader, c.RequestID)
		ctx := graph.WithCaller(r.Context(), c)
		out := &statusWriter{ResponseWriter: w}
		rec := &live.Record{}
		ctx = live.WithRecord(ctx, rec)
		if isSocket(r) { // logs itself, operation by operation
			s.live.ServeHTTP(out, r.WithContext(ctx))
			if out.status != 0 { // but for one that was refused
				rec.Took = time.Since(began)
				s.operation(ctx, "http", out.status, *rec)
			}
			return
		}
		if s.crossOrigin(w, r) {
			return
		}
		ctx = s.authenticateRequest(ctx, out, r, c)
		compressed.ServeHTTP(out, r.WithContext(ctx))
		rec.Took = time.Since(began)
		s.operation(ctx, "http", out.status, *rec)
	})
}

// compress compresses JSON answers of a kilobyte and more. Streams of events pass
// through, each event at once. Random padding keeps an answer's length from
// telling what is in it (the BREACH attack).
func compress(handler http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.RandomJitter(32, 0, false), gzhttp.SuffixETag("-gzip"),
		gzhttp.ContentTypes([]string{"application/json", "application/graphql-response+json"}))
	if err != nil { // only for settings that are wrong
		panic(err)
	}
	return wrap(handler)
}

// isSocket says whether the request becomes a WebSocket: it has both headers (RFC
// 6455, 4.2.1). One of them alone is an ordinary request.
func isSocket(r *http.Request) bool {
	return hasToken(r.Header.Values("Connection"), "upgrade") && hasToken(r.Header.Values("Upgrade"), "websocket")
}

// hasToken says whether a header that is a list of tokens has this one.
func hasToken(values []string, token string) bool {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if strings.EqualFold(strings.TrimSpace(part), token) {
			return true
		}
	}
	return false
}

// allowOrigin says whether a page that a browser names may use the API: one of
// this site, or of an origin that the operator allows.
func (s *Server) allowOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	_, host, found := strings.Cut(origin, "://")
	return found && strings.EqualFold(host, r.Host) || slices.Contains(s.Origins, strings.ToLower(origin))
}

// schema serves the schema's text.
func (s *Server) schema(w http.ResponseWriter, _ *http.Request) {
	if s.Schema == "" {
		plain(w, http.StatusNotFound, "The schema is not shown here. BRANCHLINE_EXPLORER=true shows it.\n")
		return
	}
	w.Header().Set("Content-Type", "application/graphql; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte(s.Schema))
}
