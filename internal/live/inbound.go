package live

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// longestControl is how long the payload of a ping, a pong or a close frame may be
// (RFC 6455, 5.5).
const longestControl = 125

// inbound makes frames and messages of the bytes that a client sends (RFC 6455, 5),
// in whatever pieces they come. It keeps only what is not whole, which is nothing most
// of the time. Its zero value is the beginning of a connection.
type inbound struct {
	rest []byte // the beginning of a frame
	text []byte // what came of a message in several frames
	lent bool   // text is a part of the bytes that feed was given
	kind int    // of that message; zero where the next frame begins one
	skip uint64 // bytes to come of a frame that nobody wants
	deaf bool   // nobody wants messages any more
	lost bool   // nothing that comes means anything any more
}

// isEmpty says whether in is as at the beginning of a connection.
func (in *inbound) isEmpty() bool {
	return in.rest == nil && in.text == nil && in.kind == 0 && in.skip == 0 && !in.deaf && !in.lost
}

// listener takes what came. No payload may be kept.
type listener interface {
	// message takes a text or binary message.
	message(kind int, payload []byte)
	// control takes a ping, a pong or a close frame, after which nothing comes. The code
	// is the close frame's.
	control(kind, code int, payload []byte)
	// fail is told why the connection has to be closed. Only control frames come after
	// it, if anything.
	fail(Close)
}

// feed takes the next bytes. It changes them. A message of more than limit bytes is
// refused before it is kept.
func (in *inbound) feed(data []byte, limit int, to listener) {
	kept := len(in.rest) > 0
	if kept {
		in.rest = append(in.rest, data...)
		data = in.rest
	}
	whole := len(data)
	for !in.lost {
		n := min(in.skip, uint64(len(data)))
		data, in.skip = data[n:], in.skip-n
		used := in.frame(data, limit, to)
		if used == 0 {
			break
		}
		data = data[used:]
	}
	if in.lent {
		in.text, in.lent = bytes.Clone(in.text), false
	}
	switch {
	case len(data) == 0 || in.lost:
		in.rest = nil
	case !kept || len(data) < whole:
		in.rest = bytes.Clone(data)
	}
}

// head is the beginning of a frame, up to its payload.
type head struct {
	kind   int // -1 where not even that came
	final  bool
	length uint64 // of the payload
	size   int    // of the head itself; zero where it is not whole, less where no client may send it
}

func headOf(data []byte) head {
	if len(data) < 2 {
		return head{kind: -1}
	}
	const final, reserved, masked = 0x80, 0x70, 0x80
	h := head{kind: int(data[0] & 0xF), final: data[0]&final != 0, length: uint64(data[1] &^ masked)}
	control := h.kind >= websocket.CloseMessage
	if data[0]&reserved != 0 || data[1]&masked == 0 || control && (!h.final || h.length > longestControl) {
		h.size = -1
		return h
	}
	size := 2
	switch h.length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if len(data) < size+maskSize {
		return h
	}
	switch size {
	case 4:
		h.length = uint64(binary.BigEndian.Uint16(data[2:]))
	case 10:
		h.length = binary.BigEndian.Uint64(data[2:])
	}
	h.size = size + maskSize
	return h
}

// maskSize is the length of the mask at the end of a client's head.
const maskSize = 4

// frame takes one frame, if it is whole, and returns how many bytes of data it was.
func (in *inbound) frame(data []byte, limit int, to listener) (used int) {
	h := headOf(data)
	switch h.kind {
	case 0: // goes on with a message
		if in.kind == 0 {
			h.size = -1
		}
	case websocket.TextMessage, websocket.BinaryMessage: // begins one
		if in.kind != 0 {
			h.size = -1
		}
	case websocket.CloseMessage, websocket.PingMessage, websocket.PongMessage, -1:
	default:
		h.size = -1
	}
	switch {
	case h.size < 0:
		in.fail(to)
		return 0
	case h.size == 0:
		return 0
	case h.kind < websocket.CloseMessage && !in.deaf && h.length > uint64(limit-len(in.text)):
		in.deaf, in.text, in.lent = true, nil, false
		to.fail(TooBig)
	}
	if h.kind < websocket.CloseMessage && in.deaf {
		in.begins(h)
		in.skip = h.length
		return h.size
	}
	if uint64(len(data)-h.size) < h.length {
		return 0
	}
	used = h.size + int(h.length)
	payload := data[h.size:used]
	unmask(payload, data[h.size-maskSize:h.size])
	if h.kind >= websocket.CloseMessage {
		in.control(h.kind, payload, to)
		return used
	}
	if in.kind == 0 {
		in.text, in.lent = payload, true
	} else { // where it is lent it moves up, over a head that was read
		in.text = append(in.text, payload...)
	}
	if kind := in.begins(h); h.final {
		text := in.text
		in.text, in.lent = nil, false
		to.message(kind, text)
	}
	return used
}

// begins notes where in a message the frame stands and returns the message's kind.
func (in *inbound) begins(h head) (kind int) {
	kind = max(h.kind, in.kind)
	in.kind = kind
	if h.final {
		in.kind = 0
	}
	return kind
}

// control takes a control frame.
func (in *inbound) control(kind int, payload []byte, to listener) {
	code := 0
	if kind == websocket.CloseMessage {
		code = websocket.CloseNoStatusReceived
		if len(payload) >= 2 {
			code = int(binary.BigEndian.Uint16(payload))
			if !mayBeSent(code) || !utf8.Valid(payload[2:]) {
				in.fail(to)
				return
			}
		}
		in.lost = true
	}
	to.control(kind, code, payload)
}

func (in *inbound) fail(to listener) {
	*in = inbound{lost: true}
	to.fail(NotWebSocket)
}

// mayBeSent says whether a close frame may have this code (RFC 6455, 7.4).
func mayBeSent(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1013 || code >= 3000 && code <= 4999
}

// unmask takes a client's mask off (RFC 6455, 5.3).
func unmask(payload, mask []byte) {
	key := uint64(binary.LittleEndian.Uint32(mask))
	key |= key << 32
	for ; len(payload) >= 8; payload = payload[8:] {
		binary.LittleEndian.PutUint64(payload, binary.LittleEndian.Uint64(payload)^key)
	}
	for i := range payload {
		payload[i] ^= mask[i%maskSize]
	}
}
