package live

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Door returns a listener for the http.Server of handler that lets sockets in
// without net/http, which keeps a goroutine and 12 KiB of buffers for each connection
// until it becomes one. Where the first bytes of a connection are a whole upgrade of path
// and nothing else, handler gets the request, and what was the connection's goroutine is
// the socket's. Whatever is not as plain as that net/http reads and answers as if there
// were no door.
func (s *Server) Door(listener net.Listener, path string, handler http.Handler) net.Listener {
	return &door{
		Listener: listener, server: s, path: path, handler: handler,
		passing: make(chan passing), closed: make(chan struct{}),
	}
}

type door struct {
	net.Listener
	server  *Server
	path    string
	handler http.Handler
	open    sync.Once    // at the first Accept
	passing chan passing // to Accept
	shut    sync.Once
	closed  chan struct{}
}

// passing is what Accept returns.
type passing struct {
	conn net.Conn
	err  error
}

// quiet is how long a connection may be there before its first bytes come. net/http has
// a limit of its own for the rest of a request.
const quiet = 10 * time.Second

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	d.open.Do(func() { go d.admit() })
	select {
	case p := <-d.passing:
		return p.conn, p.err
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (d *door) Close() error {
	d.shut.Do(func() { close(d.closed) })
	return d.Listener.Close()
}

// admit accepts connections until the door is closed.
func (d *door) admit() {
	for {
		conn, err := d.Listener.Accept()
		switch tcp, ok := conn.(*net.TCPConn); {
		case err == nil && ok && canNow:
			go d.greet(tcp)
		case !d.pass(conn, err): // net/http waits after an error before it asks again
			return
		}
	}
}

// pass lets net/http have a connection, or an error. It says whether it does.
func (d *door) pass(conn net.Conn, err error) bool {
	select {
	case d.passing <- passing{conn, err}:
		return true
	case <-d.closed:
		if conn != nil {
			conn.Close() // nobody serves any more
		}
		return false
	}
}

// greet is a connection's goroutine. Like a socket's it only waits, so that its stack
// stays small.
func (d *door) greet(conn *net.TCPConn) {
	_ = conn.SetReadDeadline(systemClock().Add(quiet)) // one that is closed cannot be read either
	first := awaitFirst(conn)
	if first == nil {
		conn.Close()
		return
	}
	g := &guest{TCPConn: conn, door: d}
	if mayBeUpgrade(first.bytes[:first.n]) && d.server.holds() {
		first.guest = g
		d.server.crew.do(first.act)
		<-first.done
		first.guest = nil
		d.server.tasks.done()
	}
	var rest []byte
	if !g.served {
		rest = bytes.Clone(first.bytes[:first.n])
	}
	desks.Put(first)
	switch {
	case g.socket != nil:
		g.socket.read()
	case g.served:
		conn.Close()
	default:
		_ = conn.SetReadDeadline(time.Time{}) // net/http sets its own
		d.pass(&passed{conn, rest}, nil)
	}
}

// awaitFirst returns the first bytes of a connection, or nil if none come.
func awaitFirst(conn *net.TCPConn) (first *desk) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Read(func(fd uintptr) bool {
		d := desks.Get().(*desk)
		n := readNow(fd, d.bytes[:])
		if n <= 0 {
			desks.Put(d)
			return n == 0
		}
		d.n, first = n, d
		return true
	})
	return first
}

// guest is a connection whose first bytes may be an upgrade.
type guest struct {
	*net.TCPConn
	door   *door
	served bool    // the handler has answered
	socket *socket // what it has become
}

// holds keeps Stop waiting, until its task is done, unless it has been called.
func (s *Server) holds() bool {
	s.tasks.add() // before the look, so that Stop knows of what passes it
	if s.stopped.Load() {
		s.tasks.done()
		return false
	}
	return true
}

// passed is a connection whose first bytes were read before net/http reads.
type passed struct {
	*net.TCPConn
	first []byte
}

// Read implements net.Conn. net/http reads from one goroutine at a time.
func (p *passed) Read(b []byte) (int, error) {
	if len(p.first) == 0 {
		return p.TCPConn.Read(b)
	}
	n := copy(b, p.first)
	p.first = p.first[n:]
	return n, nil
}

// mayBeUpgrade says whether these are the lines of one request and no more, in ASCII,
// with the header that no other request has, as browsers write it or as proxies do.
func mayBeUpgrade(text []byte) bool {
	end := len(text) - len(blankLine)
	if !bytes.HasPrefix(text, []byte("GET /")) || bytes.Index(text, blankLine) != end ||
		!bytes.Contains(text, []byte("\r\nSec-WebSocket-Key: ")) && !bytes.Contains(text, []byte("\r\nsec-websocket-key: ")) {
		return false
	}
	for _, c := range text {
		if (c < ' ' || c > '~') && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

var blankLine = []byte("\r\n\r\n")

// desk is what reading a request needs, made once for many.
type desk struct {
	bytes  [4 << 10]byte
	n      int
	guest  *guest
	text   bytes.Reader
	reader *bufio.Reader
	writer *bufio.Writer
	act    func() // is upgrade
	done   chan struct{}
}

var desks = sync.Pool{New: func() any {
	d := &desk{reader: bufio.NewReaderSize(nil, 1<<10), writer: bufio.NewWriterSize(nil, 512), done: make(chan struct{}, 1)}
	d.act = d.upgrade
	return d
}}

// upgrade has the handler answer a request. What is not as plain as it seemed is
// net/http's to read.
func (d *desk) upgrade() {
	g := d.guest
	defer func() {
		if r := recover(); r != nil && r != http.ErrAbortHandler { // it would end the process
			g.door.server.log.Error("upgrade a connection", "error", fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
		d.text.Reset(nil)
		d.writer.Reset(nil)
		d.done <- struct{}{}
	}()
	d.text.Reset(d.bytes[:d.n])
	d.reader.Reset(&d.text)
	r, err := http.ReadRequest(d.reader)
	if err != nil || r.URL.Path != g.door.path || !isPlain(r) {
		return
	}
	g.served = true
	r.RemoteAddr = g.RemoteAddr().String()
	w := &answer{guest: g, desk: d, header: http.Header{}}
	g.door.handler.ServeHTTP(w, r)
	if !w.hijacked {
		w.send()
	}
}

// isPlain says whether a request is an upgrade that net/http would not refuse and that
// has nothing odd.
func isPlain(r *http.Request) bool {
	for name := range r.Header {
		if !consistsOf(name, "-_") {
			return false
		}
	}
	return r.Proto == "HTTP/1.1" && r.ContentLength == 0 && len(r.TransferEncoding) == 0 &&
		consistsOf(r.Host, ".-_:[]") && websocket.IsWebSocketUpgrade(r)
}

// consistsOf says whether a text is there, and consists of letters, digits and these.
func consistsOf(text, others string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) < 0:
			return false
		}
	}
	return text != ""
}

// answer is the answer to an upgrade. One that says no is small, and is sent when it
// is whole.
type answer struct {
	guest    *guest
	desk     *desk
	header   http.Header
	status   int
	body     bytes.Buffer
	hijacked bool
}

// Header implements http.ResponseWriter.
func (w *answer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Hijack implements http.Hijacker.
func (w *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.hijacked = true
	w.desk.writer.Reset(w.guest)
	return w.guest, bufio.NewReadWriter(w.desk.reader, w.desk.writer), nil
}

// send sends an answer that is no upgrade. The connection ends with it.
func (w *answer) send() {
	w.WriteHeader(http.StatusOK)
	w.header.Set("Date", systemClock().UTC().Format(http.TimeFormat))
	no := http.Response{
		StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Close: true,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}
	_ = no.Write(w.guest) // a client that is gone does not mind
}
