package live

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Door returns a listener for the http.Server of handler that lets sockets in
// without net/http, which gives up 12 KiB of buffers with each connection that
// becomes one. Where the first bytes of a connection are a whole upgrade of path and
// nothing else, handler gets the request while net/http still reads. Whatever is not as
// plain as that net/http reads and answers as if there were no door.
func Door(listener net.Listener, path string, handler http.Handler) net.Listener {
	return &door{listener, path, handler}
}

type door struct {
	net.Listener
	path    string
	handler http.Handler
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		return &arrival{TCPConn: tcp, door: d}, nil
	}
	return conn, err
}

// arrival is a connection as net/http sees it.
type arrival struct {
	*net.TCPConn
	door *door // nil when the first bytes came
	// taken is set when the connection is a socket: net/http takes it for closed, and
	// what it still does to it must not reach the socket.
	taken atomic.Bool
}

// Read implements net.Conn. net/http reads from one goroutine at a time.
func (a *arrival) Read(p []byte) (int, error) {
	n, err := a.TCPConn.Read(p)
	door := a.door
	a.door = nil
	if door == nil || err != nil || !mayBeUpgrade(p[:n]) {
		return n, err
	}
	return a.upgrade(door, p[:n])
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

// desk is what reading a request needs, made once for many. The reader holds what one
// read of net/http brings.
type desk struct {
	text   bytes.Reader
	reader *bufio.Reader
	writer *bufio.Writer
}

var desks = sync.Pool{New: func() any {
	return &desk{reader: bufio.NewReaderSize(nil, 4<<10), writer: bufio.NewWriterSize(nil, 512)}
}}

// upgrade has the handler answer a request, after which the connection is a socket or at
// its end: io.EOF either way. What is not as plain as it seemed is net/http's to read.
func (a *arrival) upgrade(door *door, text []byte) (int, error) {
	d := desks.Get().(*desk)
	d.text.Reset(text)
	d.reader.Reset(&d.text)
	defer func() {
		d.text.Reset(nil)
		d.writer.Reset(nil)
		desks.Put(d)
	}()
	r, err := http.ReadRequest(d.reader)
	if err != nil || r.URL.Path != door.path || !isPlain(r) {
		return len(text), nil
	}
	r.RemoteAddr = a.RemoteAddr().String()
	w := &answer{arrival: a, desk: d, header: http.Header{}}
	door.handler.ServeHTTP(w, r)
	if !a.taken.Load() {
		w.send()
	}
	return 0, io.EOF
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

// Close implements net.Conn.
func (a *arrival) Close() error {
	if a.taken.Load() {
		return nil
	}
	return a.TCPConn.Close()
}

// SetDeadline implements net.Conn.
func (a *arrival) SetDeadline(t time.Time) error {
	if a.taken.Load() {
		return nil
	}
	return a.TCPConn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (a *arrival) SetReadDeadline(t time.Time) error {
	if a.taken.Load() {
		return nil
	}
	return a.TCPConn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (a *arrival) SetWriteDeadline(t time.Time) error {
	if a.taken.Load() {
		return nil
	}
	return a.TCPConn.SetWriteDeadline(t)
}

// answer is the answer to an upgrade. One that says no is small, and is sent when it
// is whole.
type answer struct {
	*arrival
	desk   *desk
	header http.Header
	status int
	body   bytes.Buffer
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
	w.taken.Store(true)
	w.desk.writer.Reset(w.TCPConn)
	return w.TCPConn, bufio.NewReadWriter(w.desk.reader, w.desk.writer), nil
}

// send sends an answer that is no upgrade. The connection ends with it.
func (w *answer) send() {
	w.WriteHeader(http.StatusOK)
	w.header.Set("Date", systemClock().UTC().Format(http.TimeFormat))
	no := http.Response{
		StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Close: true,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}
	_ = no.Write(w.TCPConn) // a client that is gone does not mind
}
