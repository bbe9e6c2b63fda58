package live

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// heard is what came of a client's bytes, in order.
type heard struct{ all []string }

func (h *heard) message(kind int, payload []byte) {
	h.all = append(h.all, fmt.Sprintf("message %d %x", kind, payload))
}

func (h *heard) control(kind, code int, payload []byte) {
	if kind == websocket.CloseMessage {
		payload = nil
	}
	h.all = append(h.all, fmt.Sprintf("control %d %d %x", kind, code, payload))
}

func (h *heard) fail(c Close) { h.all = append(h.all, fmt.Sprint("fail ", c.Code)) }

// upgrading is an upgrade to a connection on which bytes come and what is written goes
// nowhere.
type upgrading struct {
	io.Reader
	net.Conn
	http.ResponseWriter
}

func (u upgrading) Read(b []byte) (int, error)     { return u.Reader.Read(b) }
func (upgrading) Write(b []byte) (int, error)      { return len(b), nil }
func (upgrading) SetDeadline(time.Time) error      { return nil }
func (upgrading) SetWriteDeadline(time.Time) error { return nil }

func (u upgrading) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return u, bufio.NewReadWriter(bufio.NewReader(u), bufio.NewWriter(u)), nil
}

const testLimit = 1000

// gorillaHears returns what gorilla's reader, as a server, makes of the bytes.
func gorillaHears(text []byte) []string {
	h := &heard{}
	conn, err := new(websocket.Upgrader).Upgrade(upgrading{Reader: bytes.NewReader(text)}, &http.Request{Method: http.MethodGet, Header: http.Header{
		"Connection": {"upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}}, nil)
	if err != nil {
		panic(err)
	}
	conn.SetPingHandler(func(p string) error { h.control(websocket.PingMessage, 0, []byte(p)); return nil })
	conn.SetPongHandler(func(p string) error { h.control(websocket.PongMessage, 0, []byte(p)); return nil })
	conn.SetCloseHandler(func(code int, _ string) error { h.control(websocket.CloseMessage, code, nil); return nil })
	conn.SetReadLimit(testLimit)
	for {
		kind, p, err := conn.ReadMessage()
		switch {
		case err == nil:
			h.message(kind, p)
			continue
		case errors.Is(err, websocket.ErrReadLimit):
			h.fail(TooBig)
		case !errors.As(err, new(*websocket.CloseError)) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
			h.fail(NotWebSocket)
		}
		return h.all
	}
}

// clientFrame returns a frame as a client writes it.
func clientFrame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	default:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	}
	mask := []byte{1, 0x80, 7, 0xFF}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// FuzzInbound compares what is read with what gorilla reads, in whatever pieces it comes.
func FuzzInbound(f *testing.F) {
	text, long := clientFrame(0x81, "hello, wide world"), strings.Repeat("x", testLimit)
	for _, seed := range [][]byte{
		text, slices.Concat(text, text), clientFrame(0x82, "binary"), clientFrame(0x81, ""), clientFrame(0x81, long), clientFrame(0x81, long+"x"),
		slices.Concat(clientFrame(0x01, "in "), clientFrame(0x89, "ping"), clientFrame(0x00, "three "), clientFrame(0x80, "parts"), text),
		slices.Concat(clientFrame(0x01, ""), clientFrame(0x80, "parts"), clientFrame(0x80, "more")),
		slices.Concat(clientFrame(0x01, long), clientFrame(0x80, "x"), text), slices.Concat(clientFrame(0x01, "a"), text),
		slices.Concat(clientFrame(0x8A, "pong"), clientFrame(0x88, "\x03\xe8bye"), text), clientFrame(0x88, ""), clientFrame(0x88, "\x03"),
		clientFrame(0x88, "\x03\xed"), clientFrame(0x88, "\x03\xe8\xff"), clientFrame(0x89, long[:126]), clientFrame(0x09, ""), clientFrame(0x83, ""), clientFrame(0xC1, "a"),
		{0x81, 0x05, 'h', 'e', 'l', 'l', 'o'},
		{0x81, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5},
		{0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5},
		{0x81},
		{0x8B},
	} {
		f.Add(seed, uint8(1))
		f.Add(seed, uint8(7))
		f.Add(seed, uint8(255))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		want := gorillaHears(bytes.Clone(data))
		in, h := &inbound{}, &heard{}
		for part := range slices.Chunk(bytes.Clone(data), max(int(piece), 1)) {
			in.feed(part, testLimit, h)
			if len(in.rest) > testLimit+14 || len(in.text) > testLimit {
				t.Fatalf("%d and %d bytes are kept", len(in.rest), len(in.text))
			}
		}
		got := h.all
		if i := slices.Index(got, "fail 1009"); i >= 0 { // gorilla reads no more; control frames are still heard
			got = got[:i+1]
		}
		if n := len(want) - 1; len(got) == n && want[n] == "fail 1009" && len(in.rest) > 0 && headOf(in.rest).size == 0 {
			want = want[:n] // of a length beyond 2^63 gorilla does not wait for the rest of the head
		}
		if !slices.Equal(got, want) {
			t.Errorf("%x, %d bytes at a time\nis %q\nwant %q", data, piece, got, want)
		}
	})
}

func TestInbound_HearsTheCloseBehindAMessageThatIsTooBig(t *testing.T) {
	t.Parallel()
	in, h := &inbound{}, &heard{}
	for _, part := range [][]byte{
		clientFrame(0x01, strings.Repeat("x", testLimit+1)), clientFrame(0x80, "rest"), clientFrame(0x81, "another"), clientFrame(0x88, "\x03\xf1"),
	} {
		in.feed(part, testLimit, h)
		if in.rest != nil || in.text != nil {
			t.Error("keeps what nobody wants")
		}
	}
	if want := []string{"fail 1009", "control 8 1009 "}; !slices.Equal(h.all, want) {
		t.Errorf("heard %q, want %q", h.all, want)
	}
}
