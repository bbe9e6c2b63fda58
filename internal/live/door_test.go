package live_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// upgradeLines are an upgrade as a browser asks for it.
const upgradeLines = "GET / HTTP/1.1\r\nHost: branchline.example:8000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"

// doorCases are the beginnings of connections. Each part is a write of its own.
var doorCases = map[string][]string{
	"plain":                    {upgradeLines},
	"as proxies write it":      {strings.ReplaceAll(upgradeLines, "Sec-WebSocket-", "sec-websocket-")},
	"in two parts":             {upgradeLines[:60], upgradeLines[60:]},
	"a byte first":             {"G", upgradeLines[1:]},
	"with a query":             {strings.Replace(upgradeLines, "GET /", "GET /?a=b", 1)},
	"a line break too many":    {"\r\n" + upgradeLines},
	"elsewhere":                {strings.Replace(upgradeLines, "GET /", "GET /elsewhere", 1)},
	"more than the request":    {upgradeLines + "\x81\x80abcd"},
	"two requests":             {upgradeLines + upgradeLines},
	"HTTP/1.0":                 {strings.Replace(upgradeLines, "HTTP/1.1", "HTTP/1.0", 1)},
	"HTTP/3.0":                 {strings.Replace(upgradeLines, "HTTP/1.1", "HTTP/3.0", 1)},
	"no host":                  {strings.Replace(upgradeLines, "Host: branchline.example:8000\r\n", "", 1)},
	"two hosts":                {strings.Replace(upgradeLines, "Host:", "Host: a\r\nHost:", 1)},
	"a wrong host":             {strings.Replace(upgradeLines, "Host: ", "Host: a b", 1)},
	"a wrong name of a header": {strings.Replace(upgradeLines, "Host:", "A b: c\r\nHost:", 1)},
	"a wrong header":           {strings.Replace(upgradeLines, "Host:", "A: b\x01c\r\nHost:", 1)},
	"a header in UTF-8":        {strings.Replace(upgradeLines, "Host:", "A: é\r\nHost:", 1)},
	"a bare line feed":         {strings.Replace(upgradeLines, "Connection: Upgrade\r\n", "Connection: Upgrade\n", 1)},
	"a body":                   {strings.Replace(upgradeLines, "Host:", "Content-Length: 2\r\nHost:", 1) + "{}"},
	"a body in chunks":         {strings.Replace(upgradeLines, "Host:", "Transfer-Encoding: chunked\r\nHost:", 1) + "0\r\n\r\n"},
	"an unknown encoding":      {strings.Replace(upgradeLines, "Host:", "Transfer-Encoding: odd\r\nHost:", 1)},
	"no upgrade":               {strings.Replace(upgradeLines, "Connection: Upgrade\r\n", "", 1)},
	"another version":          {strings.Replace(upgradeLines, "Version: 13", "Version: 8", 1)},
	"a short key":              {strings.Replace(upgradeLines, "dGhlIHNhbXBsZSBub25jZQ==", "dGhl", 1)},
	"another site":             {strings.Replace(upgradeLines, "Host:", "Origin: https://evil.example\r\nHost:", 1)},
	"a long header":            {strings.Replace(upgradeLines, "Host:", "A: "+strings.Repeat("a", 5000)+"\r\nHost:", 1)},
	"an ordinary request":      {"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n", `{"query":"{ hello }"}`},
	"no HTTP":                  {"\x16\x03\x01 hello\r\n\r\n"},
	"nothing":                  {""},
}

// exchange says these parts to a server and returns the first line of its answer, its
// headers and its body. Of a socket the body is what it sends for connection_init.
func exchange(t *testing.T, address string, parts []string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(conn)
	for _, part := range parts {
		if _, err := conn.Write([]byte(part)); err != nil {
			return "closed"
		}
	}
	if parts[0] == "" {
		conn.(*net.TCPConn).CloseWrite()
	}
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return "closed"
	}
	r.Header.Del("Date")
	var text bytes.Buffer
	text.WriteString(r.Status + "\n")
	r.Header.Write(&text)
	if r.StatusCode == http.StatusSwitchingProtocols {
		const init = `{"type":"connection_init"}`
		conn.Write(append([]byte{0x81, 0x80 | byte(len(init)), 0, 0, 0, 0}, init...))
		ack := make([]byte, len("..{\"type\":\"connection_ack\"}"))
		io.ReadFull(in, ack)
		text.Write(ack)
	} else {
		io.Copy(&text, r.Body)
	}
	return text.String()
}

func TestDoor_AnswersAsNetHTTPDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	plain := httptest.NewServer(b.Server)
	defer plain.Close()
	for name, parts := range doorCases {
		t.Run(name, func(t *testing.T) {
			want := exchange(t, plain.Listener.Addr().String(), parts)
			if got := exchange(t, b.http.Listener.Addr().String(), parts); got != want {
				t.Errorf("answered\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestDoor_LetsSocketsInPastNetHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	states := make(chan http.ConnState, 10)
	server := &http.Server{Handler: b.Server, ConnState: func(_ net.Conn, s http.ConnState) { states <- s }, ReadTimeout: time.Nanosecond, WriteTimeout: time.Nanosecond}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(b.Door(listener, "/", b.Server)) }()
	ws, _, err := dialer.Dial("ws://"+listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.SetReadDeadline(time.Now().Add(patience))
	c := &client{t, ws}
	c.init("ann")
	c.subscribe("1", `{ hello }`)
	c.want(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`)
	c.want(`{"id":"1","type":"complete"}`)
	silent, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("served until %v", err)
	}
	c.subscribe("2", `{ hello }`)
	c.want(`{"id":"2","type":"next","payload":{"data":{"hello":"world"}}}`)
	if len(states) > 0 {
		t.Errorf("net/http has seen a connection: %v", <-states)
	}
	// Who comes with a request after the end is sent away.
	if _, err := io.WriteString(silent, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return
	}
	silent.SetReadDeadline(time.Now().Add(patience))
	if n, err := silent.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v after the end", n, err)
	}
}

// TestDoor_APanicEndsOneConnection does what net/http does about it.
func TestDoor_APanicEndsOneConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("of a middleware") })
	server := &http.Server{Handler: handler}
	go server.Serve(b.Door(listener, "/", handler))
	defer server.Close()
	for range 2 {
		if got := exchange(t, listener.Addr().String(), []string{upgradeLines}); got != "closed" {
			t.Errorf("answered %s", got)
		}
	}
}

func TestDoor_RefusesLikeTheServerBehindIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Drain(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := exchange(t, b.http.Listener.Addr().String(), []string{upgradeLines}); !strings.HasPrefix(got, "503 ") || !strings.Contains(got, "Retry-After: 1\r\n") {
		t.Errorf("while it drains it answers\n%s", got)
	}
}
