package live

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
)

// stream is a peer over server-sent events: one operation, one HTTP response,
// as in graphql-sse's distinct connections mode. Its writer is the handler.
//
// An end after which the client should come back breaks the stream off without
// a complete event, which clients take for a lost connection.
type stream struct {
	peer
	woken   chan struct{}            // holds one value while frames wait
	control *http.ResponseController // nil once the handler returns; guarded by peer.mu
	code    string                   // of the operation's first error; guarded by peer.mu
}

// wake implements wire.
func (s *stream) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// sever ends the write that the handler may hang in, and so the handler. It
// implements wire.
func (s *stream) sever() {
	if s.control != nil {
		_ = s.control.SetWriteDeadline(longAgo) // a writer that cannot do it has the http.Server's own timeout
	}
	s.wake()
}

var longAgo = time.Unix(1, 0)

// report implements wire: the request's own log line tells it.
func (s *stream) report(rec Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = rec.Code
}

// serveEvents answers an operation with a stream of events.
func (s *Server) serveEvents(out reply, r *http.Request, ctx context.Context, p Principal, op *graphql.OperationContext) {
	s.tasks.add() // before the look at draining, so that Stop knows of what passes it
	defer s.tasks.done()
	if s.refusesConnections(out.w) {
		return
	}
	if !s.enter(p.Key) {
		s.fault(out, r, http.StatusTooManyRequests, fault.New(fault.RateLimited, "%s", TooManySockets.Reason))
		return
	}
	st := &stream{woken: make(chan struct{}, 1), control: http.NewResponseController(out.w)}
	st.server, st.wire, st.gauge = s, st, &s.stats.streams
	st.key, st.audience, st.actor, st.entered = p.Key, p.Audience, p.Actor, true
	st.ctx = context.WithoutCancel(ctx)
	st.arm(0)
	defer st.unref()
	defer st.finish(out.rec)
	st.watch()
	if run, _ := st.begin("", func(context.Context) (*graphql.OperationContext, gqlerror.List) { return op, nil }); run != nil {
		s.crew.do(run)
	}

	header := out.w.Header()
	header.Set("Content-Type", typeEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	header.Set("X-Content-Type-Options", "nosniff")
	out.w.WriteHeader(http.StatusOK)
	// The http.Server's timeouts are made for requests; the wheel looks after
	// this one.
	_ = st.control.SetReadDeadline(time.Time{})
	_ = st.control.SetWriteDeadline(time.Time{})
	for st.flush(out) {
		select {
		case <-st.woken:
		case <-r.Context().Done():
			return
		}
	}
}

// finish gives everything back before the handler returns.
func (s *stream) finish(rec *Record) {
	s.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control = nil
	rec.Code = s.code
	if s.closing.Code == 0 {
		s.closing = vanished
	}
}

// flush writes what is queued. It says whether the stream goes on.
func (s *stream) flush(out reply) bool {
	for {
		s.mu.Lock()
		now := s.server.clock()
		s.heard.Store(int64(now)) // that it took a write is the only sign of life there is
		f, ok := s.take()
		s.writing = now
		s.hurry(now + s.server.limits.Write)
		s.mu.Unlock()
		goesOn := true
		if ok {
			goesOn = s.transmit(out, f)
		}
		if !ok || !goesOn {
			goesOn = s.control.Flush() == nil && goesOn
			s.mu.Lock()
			s.writing = 0
			s.mu.Unlock()
			return goesOn
		}
	}
}

// transmit writes one frame. It says whether the stream goes on.
func (s *stream) transmit(out reply, f frame) bool {
	buf := scratch.Get().(*bytes.Buffer)
	defer putScratch(buf)
	more := true
	switch f.kind {
	case next:
		out.rec.Events++
		out.rec.Bytes += len(f.body)
		appendEvent(buf, f.body)
	case failure:
		appendEvent(buf, append(append([]byte(`{"errors":`), f.body...), '}'))
		buf.WriteString(completeEvent)
		more = false
	case complete:
		buf.WriteString(completeEvent)
		more = false
	case beat:
		buf.WriteString(":\n\n")
	default:
		return false
	}
	_, err := out.w.Write(buf.Bytes())
	return err == nil && more
}

const completeEvent = "event: complete\ndata:\n\n"

// appendEvent writes a next event. A line break in the JSON, which only a
// scalar's own marshaller could make, begins another data line.
func appendEvent(buf *bytes.Buffer, body []byte) {
	buf.WriteString("event: next\n")
	for line := range bytes.SplitSeq(body, []byte{'\n'}) {
		buf.WriteString("data: ")
		buf.Write(line)
		buf.WriteByte('\n')
	}
	buf.WriteByte('\n')
}
