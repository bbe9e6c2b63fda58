package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.uber.org/goleak"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/live/internal/testschema"
)

func TestMain(m *testing.M) {
	if serveAsChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a server over the test schema with everything that tests turn.
type bench struct {
	*live.Server
	exec  *executor.Executor
	http  *httptest.Server
	clock *clock
	in    *testschema.Resolver

	mu   sync.Mutex // guards ends, records and logs
	ends map[string][]live.Connection
	recs []live.Record
}

// setup starts a server. Tokens are names of people; "expired", "stale",
// "unknown", "blind" and "broken" are refused. Everybody's login session is
// their name.
func setup(t *testing.T, change ...func(*live.Options)) *bench {
	t.Helper()
	b := &bench{
		clock: &clock{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)},
		in: &testschema.Resolver{
			Waiting: make(chan struct{}, 100), Release: make(chan struct{}), Cancelled: make(chan struct{}, 100),
		},
		ends: map[string][]live.Connection{},
	}
	b.exec = newExecutor(b.in)
	options := live.Options{
		Authenticate: b.authenticate,
		Now:          b.clock.Now,
		Log:          slog.New(slog.DiscardHandler),
		OnOperation: func(_ context.Context, rec live.Record) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.recs = append(b.recs, rec)
		},
	}
	for _, f := range change {
		f(&options)
	}
	b.Server = live.New(b.exec, options)
	b.StartManually(t.Context())
	b.http = httptest.NewUnstartedServer(b.Server)
	b.http.Listener = b.Server.Door(b.http.Listener, "/", b.Server)
	b.http.Start()
	t.Cleanup(func() {
		b.Stop()
		b.http.Close()
	})
	return b
}

func newExecutor(in *testschema.Resolver) *executor.Executor {
	exec := executor.New(testschema.New(in))
	exec.SetQueryCache(&docs{})
	exec.Use(extension.Introspection{})
	exec.Use(extension.FixedComplexityLimit(200))
	exec.SetRecoverFunc(func(context.Context, any) error { return errors.New("panic") })
	exec.SetErrorPresenter(func(ctx context.Context, err error) *gqlerror.Error {
		out := graphql.DefaultErrorPresenter(ctx, err)
		if out.Unwrap() == nil {
			return out
		}
		out.Extensions = map[string]any{"code": fault.Internal}
		if f := fault.Of(err); f != nil {
			out.Message, out.Extensions["code"] = f.Message, f.Code
			if f.Reason != "" {
				out.Extensions["reason"] = f.Reason
			}
			return out
		}
		out.Message = "Internal error."
		return out
	})
	return exec
}

// docs is a cache of parsed queries.
type docs struct{ m sync.Map }

func (d *docs) Get(_ context.Context, k string) (*ast.QueryDocument, bool) {
	v, ok := d.m.Load(k)
	if !ok {
		return nil, false
	}
	return v.(*ast.QueryDocument), true
}
func (d *docs) Add(_ context.Context, k string, v *ast.QueryDocument) { d.m.Store(k, v) }

func (b *bench) authenticate(_ context.Context, token string) (live.Principal, error) {
	switch token {
	case "expired":
		return live.Principal{}, fault.New(fault.Unauthenticated, "Refresh.").Because(fault.TokenExpired)
	case "stale":
		return live.Principal{}, fault.New(fault.Unauthenticated, "Refresh.").Because(fault.StaleToken)
	case "unknown":
		return live.Principal{}, fault.New(fault.Unauthenticated, "Sign in.").Because(fault.TokenInvalid)
	case "ended":
		return live.Principal{}, fault.New(fault.Unauthenticated, "Sign in.").Because(fault.SessionRevoked)
	case "blind":
		return live.Principal{}, fault.New(fault.Unauthenticated, "Try again.").Because(fault.CannotVerify)
	case "broken":
		return live.Principal{}, errors.New("dial tcp: secret")
	}
	return b.principal(token), nil
}

func (b *bench) principal(name string) live.Principal {
	return live.Principal{
		Key:      name,
		Audience: strings.TrimRight(name, "0123456789"),
		Context:  func(ctx context.Context) context.Context { return testschema.WithViewer(ctx, name) },
		Actor:    actor{b, name},
	}
}

// actor is a person whom a test can sign out.
type actor struct {
	*bench
	name string
}

// Check refuses whoever has left.
func (a actor) Check(context.Context) error {
	if a.name == "leaver" {
		return fault.New(fault.Unauthenticated, "Sign in.").Because(fault.SessionRevoked)
	}
	return nil
}

// Watch lets end end the connection.
func (a actor) Watch(c live.Connection) (cancel func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := len(a.ends[a.name])
	a.ends[a.name] = append(a.ends[a.name], c)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ends[a.name][i] = nil
	}
}

// end ends all connections of a person, holding a lock as a register would.
func (b *bench) end(name string, c live.Close) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, end := range b.ends[name] {
		if end != nil {
			end.End(c)
		}
	}
}

// watches returns how many watches of a person are open.
func (b *bench) watches(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, end := range b.ends[name] {
		if end != nil {
			n++
		}
	}
	return n
}

func (b *bench) records() []live.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]live.Record(nil), b.recs...)
}

// pass lets time pass and turns the wheel.
func (b *bench) pass(d time.Duration) {
	b.clock.advance(d)
	b.Turn()
}

// await waits for something that another goroutine does.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(patience)
	for !ok() {
		select {
		case <-timeout:
			t.Fatalf("waited in vain until %s", what)
		default:
			runtime.Gosched()
		}
	}
}

// client is a WebSocket client that shows each byte of the protocol.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func (b *bench) dial(t *testing.T, change ...func(*websocket.Dialer, http.Header)) *client {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: patience}
	header := http.Header{}
	for _, f := range change {
		f(&dialer, header)
	}
	ws, resp, err := dialer.Dial("ws"+strings.TrimPrefix(b.http.URL, "http"), header)
	if err != nil {
		t.Fatalf("dial: %v (%v)", err, resp)
	}
	t.Cleanup(func() { ws.Close() })
	ws.SetReadDeadline(time.Now().Add(patience))
	return &client{t, ws}
}

// signIn dials and initialises.
func (b *bench) signIn(t *testing.T, token string) *client {
	t.Helper()
	c := b.dial(t)
	c.init(token)
	return c
}

func (c *client) init(token string) {
	c.t.Helper()
	c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ` + token + `"}}`)
	c.want(`{"type":"connection_ack"}`)
}

func (c *client) send(message string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		c.t.Fatalf("send %.100s: %v", message, err)
	}
}

func (c *client) subscribe(id, query string) {
	c.t.Helper()
	payload, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(`{"type":"subscribe","id":"` + id + `","payload":` + string(payload) + `}`)
}

func (c *client) receive() (string, error) {
	_, data, err := c.ws.ReadMessage()
	return string(data), err
}

func (c *client) want(messages ...string) {
	c.t.Helper()
	for _, want := range messages {
		got, err := c.receive()
		if err != nil {
			c.t.Fatalf("wanted %s, got %v", want, err)
		}
		if got != want {
			c.t.Fatalf("wanted %s\n   got %s", want, got)
		}
	}
}

func (c *client) wantClose(want live.Close) {
	c.t.Helper()
	got, err := c.receive()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		c.t.Fatalf("wanted a close with %d, got %q, %v", want.Code, got, err)
	}
	if closed.Code != want.Code || closed.Text != want.Reason {
		c.t.Fatalf("closed with %d %q, want %d %q", closed.Code, closed.Text, want.Code, want.Reason)
	}
}

// post sends a request and returns status and body.
func (b *bench) post(t *testing.T, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	return b.do(t, http.MethodPost, "", header, body)
}

func (b *bench) do(t *testing.T, method, query string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.http.URL+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	resp, err := b.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

// narrow makes the kernel hold little for the client.
func narrow(d *websocket.Dialer, _ http.Header) {
	d.NetDial = func(network, addr string) (net.Conn, error) {
		conn, err := net.Dial(network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(256 << 10)
		}
		return conn, err
	}
}
