package live_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/live/internal/testschema"
)

const (
	counter = `subscription { counter(name: \"a\") { value } }`
	waiting = `{ wait }`
)

func next(id string, value int) string {
	return fmt.Sprintf(`{"id":%q,"type":"next","payload":{"data":{"counter":{"value":%d}}}}`, id, value)
}

func subscribeMessage(id, query string) string {
	return fmt.Sprintf(`{"type":"subscribe","id":%q,"payload":{"query":"%s"}}`, id, query)
}

// TestSocket_Closes goes through the table of close codes.
func TestSocket_Closes(t *testing.T) {
	t.Parallel()
	initWith := func(payload string) func(*testing.T, *bench, *client) {
		return func(_ *testing.T, _ *bench, c *client) {
			c.send(`{"type":"connection_init","payload":` + payload + `}`)
		}
	}
	signed := func(message string) func(*testing.T, *bench, *client) {
		return func(_ *testing.T, _ *bench, c *client) {
			c.init("ann")
			c.send(message)
		}
	}
	reason := func(c live.Close, reason string) live.Close {
		c.Reason = reason
		return c
	}
	tests := map[string]struct {
		do   func(*testing.T, *bench, *client)
		want live.Close
	}{
		"no connection_init in time": {
			func(t *testing.T, b *bench, _ *client) {
				await(t, "the socket is there", func() bool { return b.Stats().Sockets == 1 })
				b.pass(5 * time.Second)
			},
			live.InitTimeout,
		},
		"the token has expired":           {initWith(`{"authorization":"Bearer expired"}`), reason(live.TokenOutdated, "TOKEN_EXPIRED")},
		"the token is of an old version":  {initWith(`{"Authorization":"bearer stale"}`), reason(live.TokenOutdated, "STALE_TOKEN")},
		"the token was not issued here":   {initWith(`{"accessToken":"unknown"}`), reason(live.SessionEnded, "INVALID_TOKEN")},
		"the login session has ended":     {initWith(`{"authorization":"ended"}`), reason(live.SessionEnded, "SESSION_REVOKED")},
		"the server cannot verify":        {initWith(`{"authorization":"Bearer blind"}`), reason(live.CannotVerify, "CANNOT_VERIFY")},
		"the server fails to verify":      {initWith(`{"authorization":"Bearer broken"}`), live.CannotVerify},
		"the token is no string":          {initWith(`{"authorization":7}`), live.BadMessage},
		"the init payload is no object":   {initWith(`"token"`), live.BadMessage},
		"a second init":                   {signed(`{"type":"connection_init"}`), live.SecondInit},
		"a message that is not JSON":      {signed(`hello`), live.BadMessage},
		"a message without a type":        {signed(`{"id":"1"}`), live.BadMessage},
		"a message of an unknown type":    {signed(`{"type":"start","id":"1"}`), live.BadMessage},
		"a subscribe without id":          {signed(`{"type":"subscribe","payload":{"query":"{hello}"}}`), live.BadMessage},
		"a subscribe with a very long id": {signed(subscribeMessage(strings.Repeat("x", 129), "{hello}")), live.BadMessage},
		"a subscribe without a query":     {signed(`{"type":"subscribe","id":"1","payload":{}}`), reason(live.BadMessage, "There is no query in the request.")},
		"a subscribe with bad variables":  {signed(`{"type":"subscribe","id":"1","payload":{"query":"{hello}","variables":[]}}`), reason(live.BadMessage, `"variables" must not be of type array.`)},
		"a complete without id":           {signed(`{"type":"complete"}`), live.BadMessage},
		"a message that is too big":       {signed(`{"type":"ping","payload":"` + strings.Repeat("x", 64<<10) + `"}`), live.TooBig},
		"text that is not UTF-8":          {signed("{\"type\":\"ping\",\"payload\":\"\xff\"}"), live.NotUTF8},
		"a frame of an unknown kind": {
			func(_ *testing.T, _ *bench, c *client) {
				c.init("ann")
				c.ws.NetConn().Write([]byte{0x83, 0x80, 0, 0, 0, 0})
			}, live.NotWebSocket,
		},
		"a subscribe before the init": {func(_ *testing.T, _ *bench, c *client) { c.subscribe("1", "{ hello }") }, live.NotAcknowledged},
		"an hour old":                 {func(_ *testing.T, b *bench, c *client) { c.init("ann"); keepAlive(b, c, time.Hour) }, live.TooOld},
		"the role has changed": {func(_ *testing.T, b *bench, c *client) {
			c.init("ann")
			awaitWatch(b, c, "ann")
			b.end("ann", live.TokenOutdated)
		}, live.TokenOutdated},
		"the login session ends": {func(_ *testing.T, b *bench, c *client) {
			c.init("ann")
			awaitWatch(b, c, "ann")
			b.end("ann", live.SessionEnded)
		}, live.SessionEnded},
		"the login session ends, then another": {func(_ *testing.T, b *bench, c *client) {
			c.init("ann")
			awaitWatch(b, c, "ann")
			b.end("ann", live.SessionEnded)
			b.end("ann", live.Restart)
		}, live.SessionEnded},
		"a binary message": {
			func(t *testing.T, _ *bench, c *client) {
				c.init("ann")
				if err := c.ws.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)); err != nil {
					t.Fatal(err)
				}
			}, live.BadMessage,
		},
		"the id of an operation under way": {
			func(_ *testing.T, b *bench, c *client) {
				c.init("ann")
				c.subscribe("1", waiting)
				<-b.in.Waiting
				c.subscribe("1", "{ hello }")
			}, live.DuplicateID,
		},
		"the id of an open subscription": {
			func(_ *testing.T, _ *bench, c *client) {
				c.init("ann")
				c.send(subscribeMessage("1", counter))
				c.want(next("1", 0))
				c.send(subscribeMessage("1", counter))
			}, live.DuplicateID,
		},
		"too many sockets": {
			func(t *testing.T, b *bench, c *client) {
				for range 20 {
					b.signIn(t, "ann")
				}
				b.signIn(t, "bob")
				c.send(`{"type":"connection_init","payload":{"accessToken":"ann"}}`)
			}, live.TooManySockets,
		},
		"an end that comes at once": {
			func(_ *testing.T, _ *bench, c *client) {
				c.init("gone")
			}, live.SessionEnded,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *live.Options) {
				authenticate := o.Authenticate
				o.Authenticate = func(ctx context.Context, token string) (live.Principal, error) {
					p, err := authenticate(ctx, token)
					if token == "gone" {
						p.Actor = gone{}
					}
					return p, err
				}
			})
			c := b.dial(t)
			tt.do(t, b, c)
			c.wantClose(tt.want)
			c.ws.Close()
			label := strconv.Itoa(tt.want.Code)
			if tt.want.Code == live.CannotVerify.Code {
				label = "1013 cannot verify"
			}
			await(t, "the close is counted", func() bool { return b.Stats().Closes[label] >= 1 })
		})
	}
}

// awaitWatch waits until the principal is watched: that is after the ack.
// gone is somebody who is signed out the moment they are watched.
type gone struct{ trusted }

// Watch ends the connection at once.
func (gone) Watch(c live.Connection) (cancel func()) {
	c.End(live.SessionEnded)
	return func() {}
}

func awaitWatch(b *bench, c *client, name string) {
	await(c.t, "the principal is watched", func() bool { return b.watches(name) == 1 })
}

// keepAlive lets time pass while the client answers pings.
func keepAlive(b *bench, c *client, d time.Duration) {
	const step = 5 * time.Second // less than a write may take: the writer may not have noted its end yet
	for ; d > 0; d -= step {
		b.pass(step)
		// A message is a sign of life, and its answer says that it was heard.
		if err := c.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)); err != nil {
			return
		}
		c.ws.SetReadDeadline(time.Now().Add(patience))
		kind, _, err := c.ws.NextReader()
		if err != nil || kind != websocket.TextMessage {
			return // NextReader keeps the error for wantClose
		}
	}
}

func TestSocket_UnknownSubprotocol(t *testing.T) {
	t.Parallel()
	for _, offered := range [][]string{nil, {"graphql-ws"}} {
		b := setup(t)
		c := b.dial(t, func(d *websocket.Dialer, _ http.Header) { d.Subprotocols = offered })
		c.wantClose(live.UnknownProtocol)
	}
}

func TestSocket_OriginNotAllowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.http.URL, "http"),
		http.Header{"Origin": {"https://evil.example"}})
	if !errors.Is(err, websocket.ErrBadHandshake) || resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %v, %v; want 403 before the upgrade", resp, err)
	}
	// Ensure that the server's own pages may.
	b.dial(t, func(_ *websocket.Dialer, h http.Header) { h.Set("Origin", b.http.URL) }).init("ann")
}

func TestSocket_TooManyOperationsRefusesOneOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	for i := range 50 {
		id := fmt.Sprint(i)
		c.send(subscribeMessage(id, counter))
		c.want(next(id, 0))
	}
	c.send(subscribeMessage("more", counter))
	c.want(`{"id":"more","type":"error","payload":[{"message":"Too many operations on this connection. Complete some of the 50 first.","extensions":{"code":"RATE_LIMITED"}}]}`)
	c.send(`{"type":"complete","id":"7"}`)
	c.send(subscribeMessage("more", counter))
	c.want(next("more", 0))
}

func TestSocket_TheEndDeliversWhatCameBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	awaitWatch(b, c, "ann")
	c.send(subscribeMessage("1", counter))
	c.want(next("1", 0))
	c.subscribe("2", waiting)
	<-b.in.Waiting
	b.in.Hub.Publish("a", &testschema.Count{Value: 1})
	b.end("ann", live.SessionEnded)
	b.in.Hub.Publish("a", &testschema.Count{Value: 2}) // comes too late
	c.want(next("1", 1))
	b.in.Release <- struct{}{} // an answer under way is waited for
	c.want(
		`{"id":"2","type":"next","payload":{"data":{"wait":"done"}}}`,
		`{"id":"2","type":"complete"}`,
		`{"id":"1","type":"complete"}`,
	)
	c.wantClose(live.SessionEnded)
	await(t, "nothing is left", func() bool { return b.in.Closes.Load() == 1 && b.watches("ann") == 0 })
}

func TestSocket_TheEndWaitsNotForLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	awaitWatch(b, c, "ann")
	c.subscribe("2", waiting)
	<-b.in.Waiting
	b.end("ann", live.SessionEnded)
	b.pass(2 * time.Second)
	c.wantClose(live.SessionEnded)
	<-b.in.Cancelled
}

// TestSocket_ComingBackKeepsSubscriptions ensures that a client which is to
// come back is not told that its subscriptions are complete.
func TestSocket_ComingBackKeepsSubscriptions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	awaitWatch(b, c, "ann")
	c.send(subscribeMessage("1", counter))
	c.want(next("1", 0))
	b.end("ann", live.TokenOutdated)
	c.wantClose(live.TokenOutdated)
}

func TestSocket_TheDeadAreFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dead, alive := b.signIn(t, "ann"), b.signIn(t, "bob")
	dead.send(subscribeMessage("1", counter))
	dead.want(next("1", 0))
	dead.ws.SetPingHandler(func(string) error { return nil })
	pings := 0
	alive.ws.SetPingHandler(func(string) error {
		pings++
		return alive.ws.WriteControl(websocket.PongMessage, nil, time.Now().Add(patience))
	})
	for range 12 {
		b.pass(5 * time.Second)
		alive.send(`{"type":"ping"}`)
		alive.want(`{"type":"pong"}`)
	}
	await(t, "the dead one is gone", func() bool { return b.Stats().Sockets == 1 && b.in.Closes.Load() == 1 })
	if pings < 2 {
		t.Errorf("the live one was pinged %d times in a minute", pings)
	}
	if _, err := dead.receive(); !websocket.IsCloseError(err, 1006) {
		t.Errorf("the dead one got %v", err)
	}
}

// TestSocket_WhoAnswersPingsIsAlive is an idle subscriber as a browser is one.
func TestSocket_WhoAnswersPingsIsAlive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	pinged := make(chan struct{}, 100)
	c.ws.SetPingHandler(func(string) error {
		defer func() { pinged <- struct{}{} }()
		return c.ws.WriteControl(websocket.PongMessage, nil, time.Now().Add(patience))
	})
	ended := make(chan error, 1)
	go func() {
		_, err := c.receive()
		ended <- err
	}()
	for range 6 {
		b.pass(25 * time.Second)
		select {
		case <-pinged:
		case err := <-ended:
			t.Fatalf("it is sent away: %v", err)
		}
		await(t, "the pong is heard", b.HeardNow)
	}
	c.ws.Close()
	<-ended
}

func TestSocket_ASlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 256<<10)
	query := `subscription { counter(name: "a") { name value } }`
	tests := map[string]struct {
		limits live.Limits
		stall  func(*testing.T, *bench)
	}{
		"because too many messages wait": {live.Limits{QueueMessages: 4, QueueBytes: 1 << 30}, nil},
		"because too many bytes wait":    {live.Limits{QueueMessages: 1 << 20, QueueBytes: 1 << 20}, nil},
		"because a write takes too long": {live.Limits{QueueMessages: 1 << 20, QueueBytes: 1 << 30}, func(t *testing.T, b *bench) {
			b.pass(10 * time.Second)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *live.Options) { o.Limits = tt.limits })
			slow, quick := b.dial(t, narrow), b.signIn(t, "bob")
			slow.init("ann")
			for _, c := range []*client{slow, quick} {
				c.subscribe("1", query)
				c.want(`{"id":"1","type":"next","payload":{"data":{"counter":{"name":"a","value":0}}}}`)
			}
			await(t, "both have subscribed", func() bool { return b.in.Opens.Load() == 2 })
			for i := range 64 { // 16 MiB: more than the kernel holds for one connection
				b.in.Hub.Publish("a", &testschema.Count{Name: big, Value: i + 1})
				if got, err := quick.receive(); err != nil || !strings.HasSuffix(got, fmt.Sprintf(`"value":%d}}}}`, i+1)) {
					t.Fatalf("the quick one got %.80s, %v", got, err)
				}
			}
			if tt.stall != nil {
				tt.stall(t, b)
			}
			n := 0
			for {
				got, err := slow.receive()
				if err != nil {
					if !websocket.IsCloseError(err, live.SlowReader.Code) {
						t.Fatalf("the slow one got %v after %d events", err, n)
					}
					break
				}
				n++
				if !strings.HasSuffix(got, fmt.Sprintf(`"value":%d}}}}`, n)) {
					t.Fatalf("event %d is %.80s…: one was left out", n, got)
				}
			}
			if n == 64 {
				t.Error("the slow one got everything")
			}
		})
	}
}

func TestSocket_AClientThatNeverReadsIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *live.Options) { o.Limits.QueueMessages = 4 })
	c := b.dial(t, narrow)
	c.init("ann")
	c.subscribe("1", `subscription { counter(name: "a") { name } }`)
	await(t, "it has subscribed", func() bool { return b.in.Opens.Load() == 1 })
	await(t, "it has the present state", func() bool { return b.Stats().Events == 1 })
	for i := range 64 { // how many of them the kernel takes is its own affair
		b.in.Hub.Publish("a", &testschema.Count{Name: strings.Repeat("x", 256<<10), Value: i})
	}
	b.pass(10 * time.Second)
	b.pass(10 * time.Second)
	await(t, "it is gone, counted as a slow reader", func() bool {
		stats := b.Stats()
		return stats.Sockets == 0 && stats.Closes["1013"] == 1 && b.in.Closes.Load() == 1
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	clients := make([]*client, 10)
	for i := range clients {
		clients[i] = b.signIn(t, "ann")
	}
	clients[0].subscribe("1", waiting)
	<-b.in.Waiting
	drained := make(chan error)
	go func() { drained <- b.Drain(t.Context(), 10*time.Second) }()
	await(t, "new sockets are refused", func() bool {
		ws, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.http.URL, "http"), nil)
		if err == nil {
			ws.Close()
		}
		return err != nil && resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
	})
	var left []int64
	for range 10 {
		b.pass(time.Second)
		left = append(left, b.Stats().Sockets)
	}
	b.in.Release <- struct{}{}
	clients[0].want(`{"id":"1","type":"next","payload":{"data":{"wait":"done"}}}`, `{"id":"1","type":"complete"}`)
	for _, c := range clients {
		c.wantClose(live.Restart)
		c.ws.Close()
	}
	if err := <-drained; err != nil {
		t.Errorf("drain: %v (sockets left each second: %v)", err, left)
	}
}

func TestDrain_GivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signIn(t, "ann")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Drain(ctx, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStop_WaitsForNoBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := net.Dial("tcp", b.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := make(chan struct{})
	b.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		b.ServeHTTP(w, r)
	})
	if _, err := conn.Write([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	<-began
	if err := b.Drain(t.Context(), 0); err != nil {
		t.Errorf("drain: %v", err)
	}
	b.Stop()
}

func TestOnRefusal_TellsOfSocketsThatNeverSignedIn(t *testing.T) {
	t.Parallel()
	told := make(chan live.Close, 10)
	b := setup(t, func(o *live.Options) {
		o.OnRefusal = func(_ context.Context, c live.Close) { told <- c }
	})
	for token, want := range map[string]int{"unknown": 4401, "expired": 4403, "blind": 1013} {
		c := b.dial(t)
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ` + token + `"}}`)
		if _, err := c.receive(); !websocket.IsCloseError(err, want) {
			t.Fatalf("%s: %v, want %d", token, err, want)
		}
		c.ws.Close()
		if got := <-told; got.Code != want {
			t.Errorf("%s: told of %v, want %d", token, got, want)
		}
	}
	c := b.signIn(t, "ann")
	c.send(`nonsense`)
	c.wantClose(live.BadMessage)
	c.ws.Close()
	left := b.dial(t)
	if err := left.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4401, "")); err != nil {
		t.Fatal(err)
	}
	left.wantClose(live.Close{Code: 4401})
	await(t, "both are gone", func() bool { return b.Stats().Sockets == 0 })
	if len(told) != 0 {
		t.Errorf("told of %v, which was signed in or left by itself", <-told)
	}
	if b.Stats().Closes["client"] != 1 || b.Stats().Closes["4401"] != 1 {
		t.Errorf("counted as %v", b.Stats().Closes)
	}
}
