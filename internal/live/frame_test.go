package live

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func TestAppendFrame_IsWhatAClientReads(t *testing.T) {
	t.Parallel()
	of := func(k kind, n int) frame { return frame{kind: k, id: "1", body: []byte(strings.Repeat("x", n))} }
	// The head grows at 126 and 65,536 bytes; 34 of a next message are not its body.
	frames := []frame{
		{kind: ack},
		{kind: pong},
		of(complete, 0), of(failure, 9), of(next, 0),
		of(next, 125-34), of(next, 126-34), of(next, 65535-34), of(next, 65536-34), of(next, 1<<20), of(echo, 125),
	}
	want := []string{`{"type":"connection_ack"}`, `{"type":"pong"}`, `{"id":"1","type":"complete"}`, `{"id":"1","type":"error","payload":` + strings.Repeat("x", 9) + `}`}
	for _, f := range frames[4:10] {
		want = append(want, `{"id":"1","type":"next","payload":`+string(f.body)+`}`)
	}
	var text []byte
	for _, f := range append(frames, frame{kind: farewell}) {
		text = appendFrame(text, f, TooOld)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(hijacker{w}, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := conn.NetConn().Write(text); err != nil {
			t.Error(err)
		}
		_, _, _ = conn.ReadMessage() // the answer to the farewell
	}))
	defer web.Close()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var echoed string
	c.SetPongHandler(func(payload string) error { echoed = payload; return nil })
	for i, want := range want {
		_, got, err := c.ReadMessage()
		if err != nil || string(got) != want {
			t.Errorf("message %d is %.60q… of %d bytes, %v; want %.60q… of %d", i, got, len(got), err, want, len(want))
		}
	}
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, TooOld.Code) || !strings.Contains(err.Error(), TooOld.Reason) {
		t.Errorf("the end is %v, want %v", err, TooOld)
	}
	if len(echoed) != 125 {
		t.Errorf("the pong has %d bytes, want 125", len(echoed))
	}
}

func TestCarrier_WritesWhatFitsAndReturnsTheRest(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	conn := raw(near)
	if conn == nil {
		t.Fatal("a TCP connection cannot be written to without waiting")
	}
	c := carriers.Get().(*carrier)
	text := make([]byte, 64<<20) // more than the kernel holds for one connection
	for i := range text {
		text[i] = byte(i * 7)
	}
	taken := 0
	for { // the kernel moves what it has to the reader's side, and has room again
		c.text = text[taken:]
		rest, err := c.write(conn)
		if err != nil || len(rest) == 0 {
			t.Fatalf("%d bytes are left, %v; want some", len(rest), err)
		}
		if len(rest) == len(c.text) {
			break // full, which is no error
		}
		taken = len(text) - len(rest)
	}
	got := make([]byte, taken)
	if _, err := io.ReadFull(far, got); err != nil || string(got) != string(text[:taken]) {
		t.Errorf("other bytes arrived than were written, %v", err)
	}
	near.Close()
	if _, err := c.write(conn); err == nil {
		t.Error("a closed connection took a write")
	}
}
