package live

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"syscall"
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

// upgrader answers an upgrade, and no more: what comes after it is read by inbound and
// written by post, so that an idle socket has no buffer. It works in net/http's buffers,
// or in those of the door.
var upgrader = websocket.Upgrader{
	Subprotocols: []string{subprotocol},
	CheckOrigin:  func(*http.Request) bool { return true }, // checked before
}

// socket is a peer over WebSocket. The memory of an idle one is this, and its
// goroutine's stack.
type socket struct {
	peer
	conn   net.Conn
	raw    syscall.RawConn // of conn, to read and write without waiting; nil where that cannot be
	unread *inbound        // what came and is not whole; its reader's alone
	place  *place          // among those on which nobody has signed in; guarded by waiting.mu

	// Guarded by peer.mu.
	writes  bool // the writer runs
	broken  bool // writing is of no use any more
	closed  bool // conn is closed
	deaf    bool // the reader is gone
	polite  bool // a close frame came
	started bool // connection_init came
	acked   bool // and was accepted
}

// acceptSocket upgrades the request and returns at once; the socket lives on in
// the guest's goroutine, or in one of its own. Returning lets go of net/http's buffers.
func (s *Server) acceptSocket(w http.ResponseWriter, r *http.Request) {
	upgraded, err := upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	sock := &socket{conn: upgraded.NetConn()}
	here, isGuest := sock.conn.(*guest)
	if isGuest {
		sock.conn = here.TCPConn
	}
	sock.raw = raw(sock.conn)
	sock.server, sock.wire, sock.gauge = s, sock, &s.stats.sockets
	sock.ctx = s.context(r)
	sock.arm(s.clock() + s.limits.Init)
	if upgraded.Subprotocol() != subprotocol {
		sock.fail(UnknownProtocol)
	}
	network := ""
	if s.options.Network != nil {
		network = s.options.Network(r)
	}
	if first := s.waiting.join(sock, network, &s.limits); first != nil {
		first.giveWay()
	}
	if isGuest {
		here.socket = sock
		return
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
	for await := s.await(); ; {
		m := await()
		if m == nil {
			break
		}
		m.to = s
		s.server.crew.do(m.act)
		<-m.handled
		last := m.last
		m.to, m.last = nil, false
		inbox.Put(m)
		if last {
			break
		}
	}
	s.hangUp()
}

// await returns what waits for the client's next bytes, and returns nil at the end. While
// it waits it holds no buffer, but where the connection cannot be read without waiting.
func (s *socket) await() func() *incoming {
	if s.raw == nil {
		return func() *incoming {
			m := inbox.Get().(*incoming)
			m.n, _ = s.conn.Read(m.bytes[:]) // it ends with nothing
			return m.unlessEmpty()
		}
	}
	var came *incoming
	readable := func(fd uintptr) bool {
		m := inbox.Get().(*incoming)
		if m.n = readNow(fd, m.bytes[:]); m.n < 0 {
			inbox.Put(m)
			return false
		}
		came = m.unlessEmpty()
		return true
	}
	return func() *incoming {
		came = nil
		_ = s.raw.Read(readable) // where it fails nothing came
		return came
	}
}

// incoming are bytes that were read. The crew acts on them while the socket's own
// goroutine waits, so that this one's stack stays as small as reading needs it.
type incoming struct {
	bytes   [4 << 10]byte
	n       int
	to      *socket
	in      inbound // for a socket of which nothing was left to be read
	run     func()  // what takes long of the message before
	last    bool    // a close frame came
	act     func()  // is handle
	handled chan struct{}
}

var inbox = sync.Pool{New: func() any {
	m := &incoming{handled: make(chan struct{}, 1)}
	m.act = m.handle
	return m
}}

// unlessEmpty returns m if there is something in it, and nil if not.
func (m *incoming) unlessEmpty() *incoming {
	if m.n > 0 {
		return m
	}
	inbox.Put(m)
	return nil
}

func (m *incoming) handle() {
	s := m.to
	in := &m.in
	if s.unread != nil {
		in = s.unread
	}
	in.feed(m.bytes[:m.n], int(s.server.limits.Message), m)
	switch {
	case in.isEmpty():
		s.unread = nil
	case in == &m.in:
		s.unread = new(m.in)
	}
	m.in = inbound{}
	run := m.run
	m.run = nil
	m.handled <- struct{}{} // m is the socket's again
	if run != nil {
		run()
	}
}

// message implements listener.
func (m *incoming) message(kind int, payload []byte) {
	s := m.to
	if m.run != nil { // the order is that of the messages
		s.server.crew.do(m.run)
		m.run = nil
	}
	s.isAlive()
	s.mu.Lock()
	over := s.shut
	s.mu.Unlock()
	switch {
	case over:
	case kind != websocket.TextMessage:
		s.fail(BadMessage)
	case !utf8.Valid(payload):
		s.fail(NotUTF8)
	default:
		run, c := s.act(payload)
		if c != nil {
			s.fail(*c)
		}
		m.run = run
	}
}

// control implements listener.
func (m *incoming) control(kind, code int, payload []byte) {
	s := m.to
	s.isAlive()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case websocket.PingMessage:
		s.put(frame{kind: echo, body: bytes.Clone(payload)})
	case websocket.CloseMessage:
		m.last, s.polite = true, true
		s.answerClose(code)
	}
}

// fail implements listener.
func (m *incoming) fail(c Close) { m.to.fail(c) }

// isAlive notes a sign of life.
func (s *socket) isAlive() { s.heard.Store(int64(s.server.clock())) }

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

// answerClose answers the client's close frame, unless it is the answer to ours.
// s.mu must be held.
func (s *socket) answerClose(code int) {
	if code == websocket.CloseNoStatusReceived {
		code = websocket.CloseNormalClosure
	}
	s.byClient = s.byClient || s.closing.Code == 0
	s.cutOff(Close{Code: code})
}

// hangUp ends the reader.
func (s *socket) hangUp() {
	s.mu.Lock()
	s.deaf = true
	if s.closing.Code == 0 {
		s.closing = vanished
	}
	if !s.polite || !s.writes {
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
	conn := s.conn
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
	if s.raw == nil {
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
		rest, err := c.write(s.raw)
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
			if _, err := s.conn.Write(text); err != nil {
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
