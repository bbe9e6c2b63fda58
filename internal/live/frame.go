package live

import (
	"encoding/binary"

	"github.com/gorilla/websocket"
)

// longestHead is how long the head of a frame from a server can be: it has no mask.
const longestHead = 10

// appendFrame writes a frame as it goes over a WebSocket (RFC 6455, 5.2), in one
// piece. closing is what a farewell says. Several frames may so go out with one
// write.
func appendFrame(b []byte, f frame, closing Close) []byte {
	start := len(b)
	var head [longestHead]byte
	b = append(b, head[:]...)
	code := websocket.TextMessage
	switch f.kind {
	case beat:
		code = websocket.PingMessage
	case echo:
		code = websocket.PongMessage
		b = append(b, f.body...)
	case farewell:
		code = websocket.CloseMessage
		b = append(b, websocket.FormatCloseMessage(closing.Code, closing.Reason)...)
	case ack:
		b = append(b, `{"type":"connection_ack"}`...)
	case pong:
		b = append(b, `{"type":"pong"}`...)
	case next:
		b = append(appendID(b, f.id), `,"type":"next","payload":`...)
		b = append(append(b, f.body...), '}')
	case failure:
		b = append(appendID(b, f.id), `,"type":"error","payload":`...)
		b = append(append(b, f.body...), '}')
	case complete:
		b = append(appendID(b, f.id), `,"type":"complete"}`...)
	}
	// The head's length depends on the message's: move it to where that begins.
	const last = 1 << 7 // of the message's frames
	h := append(head[:0], byte(last|code))
	switch n := len(b) - start - longestHead; {
	case n < 126:
		h = append(h, byte(n))
	case n < 1<<16:
		h = binary.BigEndian.AppendUint16(append(h, 126), uint16(n))
	default:
		h = binary.BigEndian.AppendUint64(append(h, 127), uint64(n))
	}
	copy(b[start:], h)
	return append(b[:start+len(h)], b[start+longestHead:]...)
}

func appendID(b []byte, id string) []byte {
	return appendString(append(b, `{"id":`...), id)
}
