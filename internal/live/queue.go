package live

// kind says what a frame is. Each wire has its own form for it.
type kind uint8

const (
	ack      kind = iota
	next          // body is a GraphQL response
	failure       // body is a list of errors: the operation ends
	complete      // the operation ends
	pong          // answers a ping message of the protocol
	beat          // a sign of life from here: a WebSocket ping, a comment
	echo          // answers a WebSocket ping; body is its payload
	farewell      // the last frame: the connection closes
)

// frame is one message on its way to a client. Bodies are shared between
// clients and never written to.
type frame struct {
	id   string // the operation's
	body []byte
	kind kind
}

// queue holds what a client has yet to be sent, in order. An empty queue holds
// no memory: most clients have nothing to be sent most of the time.
type queue struct {
	frames []frame
	head   int32
	bytes  int32 // of the bodies; Limits.QueueBytes and one message more at most
}

func (q *queue) push(f frame) {
	q.frames = append(q.frames, f)
	q.bytes += int32(len(f.body))
}

func (q *queue) pop() (frame, bool) {
	if int(q.head) == len(q.frames) {
		return frame{}, false
	}
	f := q.frames[q.head]
	q.frames[q.head] = frame{}
	q.head++
	q.bytes -= int32(len(f.body))
	if int(q.head) == len(q.frames) {
		q.clear()
	}
	return f, true
}

// sign returns the index of the first frame that is no delivery: it says nothing
// but that the server is there. It is -1 if there is none.
func (q *queue) sign() int {
	for i := int(q.head); i < len(q.frames); i++ {
		switch q.frames[i].kind {
		case ack, pong, beat, echo:
			return i
		}
	}
	return -1
}

// popSign is pop for the frame that sign finds. It overtakes deliveries, which no
// order binds it to.
func (q *queue) popSign() (frame, bool) {
	i := q.sign()
	if i < 0 {
		return frame{}, false
	}
	f := q.frames[i]
	copy(q.frames[q.head+1:i+1], q.frames[q.head:i])
	q.frames[q.head] = f
	return q.pop()
}

func (q *queue) len() int { return len(q.frames) - int(q.head) }

func (q *queue) clear() { *q = queue{} }
