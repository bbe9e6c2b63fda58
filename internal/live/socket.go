package live

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
)

// subprotocol is the one that the npm package graphql-ws speaks. The older
// graphql-ws subprotocol of subscriptions-transport-ws is not served.
const subprotocol = "graphql-transport-ws"

// longestID bounds the ids of operations, which are kept as long as they run.
// graphql-ws sends UUIDs.
const longestID = 128

// The memory of an idle socket is its goroutine's stack, gorilla's Conn and the
// read buffer. 256 bytes hold the usual complete and ping messages; longer
// messages are read past the buffer. gorilla writes nothing but its answer to an
// upgrade and to what is no WebSocket frame: see post for the rest.
var upgrader = websocket.Upgrader{
	ReadBufferSize:  256,
	WriteBufferSize: 1024,
	WriteBufferPool: new(sync.Pool),
	Subprotocols:    []string{subprotocol},
	CheckOrigin:     func(*http.Request) bool { return true }, // checked before
}

// socket is a peer over WebSocket.
type socket struct {
	peer
	conn  *websocket.Conn
	place *place // among those on which nobody has signed in; guarded by waiting.mu

	// Guarded by peer.mu.
	writes  bool // the writer runs
	broken  bool // writing is of no use any more
	closed  bool // conn is closed
	deaf    bool // the reader is gone
	started bool // connection_init came
	acked   bool // and was accepted
}

// acceptSocket upgrades the request and returns at once; the socket lives on in
// a goroutine of its own. Returning lets go of net/http's buffers.
func (s *Server) acceptSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	sock := &socket{conn: conn}
	sock.server, sock.wire, sock.gauge = s, sock, &s.stats.sockets
	sock.ctx = s.context(r)
	conn.SetReadLimit(0) // handled where it can be answered in order
	conn.SetPongHandler(func(string) error { return nil })
	conn.SetPingHandler(sock.onPing)
	conn.SetCloseHandler(sock.onClose)
	sock.arm(s.clock() + s.limits.Init)
	if conn.Subprotocol() != subprotocol {
		sock.fail(UnknownProtocol)
	}
	network := ""
	if s.options.Network != nil {
		network = s.options.Network(r)
	}
	if first := s.waiting.join(sock, network, &s.limits); first != nil {
		first.giveWay()
	}
	go sock.read()
}

// hijacker finds the connection below middleware that wraps the writer.
type hijacker struct{ http.ResponseWriter }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

// scratch holds buffers for outgoing messages.
var scratch = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepScratch is the largest buffer that goes back to the pool.
const keepScratch = 64 << 10

func putScratch(buf *bytes.Buffer) {
	if buf.Cap() <= keepScratch {
		buf.Reset()
		scratch.Put(buf)
	}
}

// read is the socket's one goroutine. After the farewell it goes on reading, so
// that the client gets it: closing a connection with unread input resets it.
func (s *socket) read() {
	for {
		kind, r, err := s.conn.NextReader()
		if err != nil {
			s.hangUp(err)
			return
		}
		s.heard.Store(int64(s.server.clock()))
		s.receive(kind, r)
	}
}

// receive reads one message and acts on it.
func (s *socket) receive(kind int, r io.Reader) {
	s.mu.Lock()
	over := s.shut
	s.mu.Unlock()
	if over {
		return // NextReader skips what is left of the message
	}
	m := inbox.Get().(*incoming)
	defer m.putBack()
	limit := s.server.limits.Message
	if _, err := m.text.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return // NextReader returns it again
	}
	switch {
	case int64(m.text.Len()) > limit:
		s.fail(TooBig)
	case kind != websocket.TextMessage:
		s.fail(BadMessage)
	default:
		m.to = s
		s.server.crew.do(m.handle)
		<-m.handled
	}
}

// incoming is a message that was read. The crew acts on it while the socket's own
// goroutine waits, so that this one's stack stays as small as reading needs it.
type incoming struct {
	text    bytes.Buffer
	to      *socket
	handle  func() // is act
	handled chan struct{}
}

var inbox = sync.Pool{New: func() any {
	m := &incoming{handled: make(chan struct{}, 1)}
	m.handle = m.act
	return m
}}

func (m *incoming) putBack() {
	if m.text.Cap() <= keepScratch {
		m.text.Reset()
		m.to = nil
		inbox.Put(m)
	}
}

func (m *incoming) act() {
	s, c := m.to, &NotUTF8
	var run func()
	if utf8.Valid(m.text.Bytes()) {
		run, c = s.act(m.text.Bytes())
	}
	if c != nil {
		s.fail(*c)
	}
	m.handled <- struct{}{} // m is the socket's again
	if run != nil {
		run()
	}
}

// act does what a message asks for, or returns why the socket has to be closed. What
// takes long it returns, to be run while the socket reads on.
func (s *socket) act(data []byte) (run func(), c *Close) {
	m, ok := decodeMessage(data)
	if !ok {
		return nil, &BadMessage
	}
	switch m.Type {
	case "connection_init":
		return nil, s.init(&m)
	case "ping":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.put(frame{kind: pong})
		return nil, nil
	case "pong":
		return nil, nil
	case "subscribe":
		if !s.started { // only init changes it, and messages are acted on one by one
			return nil, &NotAcknowledged
		}
		if m.ID == "" || len(m.ID) > longestID {
			return nil, &BadMessage
		}
		params, err := m.params()
		if err != nil {
			c := BadMessage.because(err.Error())
			return nil, &c
		}
		return s.begin(m.ID, func(ctx context.Context) (*graphql.OperationContext, gqlerror.List) {
			return s.prepare(ctx, params)
		})
	case "complete":
		if m.ID == "" {
			return nil, &BadMessage
		}
		s.complete(m.ID)
		return nil, nil
	}
	return nil, &BadMessage
}

// prepare is Server.prepare for who may still act. What others have subscribed to
// is not validated and weighed again.
func (s *socket) prepare(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	if s.actor != nil {
		if err := s.actor.Check(ctx); err != nil {
			return nil, gqlerror.List{gqlerror.WrapIfUnwrapped(err)}
		}
	}
	if op := s.server.selections.known(params, s.audience); op != nil {
		return op, nil
	}
	return s.server.prepare(ctx, params)
}

// init signs the socket in. Only the payload counts: a cookie would let a page
// of another site open a socket in the user's name.
func (s *socket) init(m *message) *Close {
	if s.started {
		return &SecondInit
	}
	token, ok := m.token()
	if !ok {
		return &BadMessage
	}
	s.mu.Lock()
	s.started, s.initBy = true, 0
	s.mu.Unlock()

	ctx, cancel := context.WithTimeout(s.ctx, s.server.limits.Init)
	defer cancel()
	principal, err := s.server.authenticate(ctx, token)
	if err != nil {
		c := refusal(err)
		if fault.Of(err) == nil {
			s.server.log.ErrorContext(ctx, "authenticate socket", "error", err)
		}
		return &c
	}
	if !s.server.enter(principal.Key) {
		return &TooManySockets
	}
	s.mu.Lock()
	s.key, s.audience, s.actor = principal.Key, principal.Audience, principal.Actor
	if principal.Context != nil {
		s.ctx = principal.Context(s.ctx)
	}
	left := s.released
	s.entered = !left
	s.acked = true
	s.put(frame{kind: ack})
	s.mu.Unlock()
	s.server.waiting.leave(s)
	if left {
		s.server.leave(principal.Key)
		return nil
	}
	s.watch()
	return nil
}

// refusal returns the close for a token that was not accepted. Its reason is
// the fault's, for programs.
func refusal(err error) Close {
	f := fault.Of(err)
	if f == nil {
		return CannotVerify
	}
	c := SessionEnded
	switch f.Reason {
	case fault.TokenExpired, fault.StaleToken:
		c = TokenOutdated
	case fault.CannotVerify:
		c = CannotVerify
	case "":
		return c.because(f.Message)
	}
	return c.because(string(f.Reason))
}

// onPing answers a WebSocket ping in the order of the queue; gorilla's own
// answer would need a timer and wait for the writer.
func (s *socket) onPing(payload string) error {
	s.heard.Store(int64(s.server.clock()))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(frame{kind: echo, body: []byte(payload)})
	return nil
}

// onClose answers the client's close frame, unless it is the answer to ours.
func (s *socket) onClose(code int, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code == websocket.CloseNoStatusReceived {
		code = websocket.CloseNormalClosure
	}
	s.byClient = s.byClient || s.closing.Code == 0
	s.cutOff(Close{Code: code})
	return nil
}

// hangUp ends the reader.
func (s *socket) hangUp(err error) {
	var byClient *websocket.CloseError
	polite := errors.As(err, &byClient) && byClient.Code != websocket.CloseAbnormalClosure
	s.mu.Lock()
	s.deaf = true
	if s.closing.Code == 0 {
		s.closing = vanished
	}
	if !polite || !s.writes {
		s.sever()
	}
	closing := s.closing
	refused := !s.acked && !s.byClient && closing != vanished && closing != Restart
	s.mu.Unlock()
	s.server.waiting.leave(s)
	if refused && s.server.options.OnRefusal != nil {
		s.server.options.OnRefusal(s.ctx, closing)
	}
	s.release()
	s.unref()
}

// wake has the queue written unless it is already. It implements wire.
func (s *socket) wake() {
	if s.writes || s.broken || !s.ready() {
		return
	}
	s.writes = true
	s.refs++
	s.server.post.call(s)
}

// sever closes the connection, which ends the reader and the writer. It
// implements wire.
func (s *socket) sever() {
	s.broken = true
	if s.closed {
		return
	}
	s.closed = true
	conn := s.conn.NetConn()
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // TLS's goodbye could block on a client that does not read
	}
	conn.Close() // there is nobody to tell
}

// report implements wire.
func (s *socket) report(rec Record) {
	if s.server.options.OnOperation != nil {
		s.server.options.OnOperation(s.ctx, rec)
	}
}

// perWrite is how many bytes of a socket's queue go into one write. Of a longer
// message there is but one.
const perWrite = 16 << 10

// carry writes what is queued, as far as it can without waiting. It says whether
// something is queued again. Where it would have to wait, a goroutine goes on.
func (s *socket) carry(c *carrier) (more bool) {
	conn := raw(s.conn.NetConn())
	if conn == nil {
		go s.write(nil)
		return false
	}
	c.text = c.text[:0]
	s.mu.Lock()
	if s.shut && !s.released {
		s.mu.Unlock()
		s.server.crew.do(s.part)
		return false
	}
	for len(c.text) < perWrite && !s.broken {
		f, ok := s.take()
		if !ok {
			break
		}
		c.text = appendFrame(c.text, f, s.closing)
	}
	s.mu.Unlock()
	if len(c.text) > 0 {
		rest, err := c.write(conn)
		if len(rest) > 0 && err == nil {
			go s.write(append([]byte(nil), rest...)) // not by the crew: it may take long
			return false
		}
		if cap(c.text) > keepScratch {
			c.text = nil
		}
		if err != nil {
			s.mu.Lock()
			s.sever()
			s.mu.Unlock()
		}
	}
	if s.goesOn() {
		return true
	}
	s.unref()
	return false
}

// part releases the socket before its farewell goes out, so that who comes back
// finds its place free. It ends operations, and those are logged, which may take
// long: so no carrier does it.
func (s *socket) part() {
	s.release()
	s.server.post.call(s)
}

// goesOn says whether there is more to write. If not, nobody writes any more.
func (s *socket) goesOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = 0
	if s.ready() && !s.broken {
		return true
	}
	s.writes = false
	if s.shut && s.deaf {
		s.sever()
	}
	return false
}

// write sends the rest of what was begun, and what is queued, and ends. It waits
// for a client that has no room. There is no write deadline, which would be a timer
// per socket: the wheel looks at how long a write takes.
func (s *socket) write(rest []byte) {
	defer s.unref()
	for text := rest; ; {
		s.mu.Lock()
		if len(text) == 0 {
			if f, ok := s.take(); ok {
				text = appendFrame(text, f, s.closing)
			}
		}
		s.writing = s.server.clock()
		s.hurry(s.writing + s.server.limits.Write)
		shut := s.shut
		s.mu.Unlock()
		if shut {
			s.release()
		}
		if len(text) > 0 {
			if _, err := s.conn.NetConn().Write(text); err != nil {
				s.mu.Lock()
				s.sever()
				s.mu.Unlock()
			}
		}
		if text = text[:0]; cap(text) > keepScratch {
			text = nil
		}
		if !s.goesOn() {
			return
		}
	}
}
