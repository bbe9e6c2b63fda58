package live

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
)

// phase is how far an operation has come.
type phase uint8

const (
	starting phase = iota // run is under way
	live                  // a subscription that is open: it has no goroutine
	done                  // nothing is sent for it any more
)

// operation is a query, mutation or subscription of a connected client. Its
// fields are guarded by its peer's lock, except those that never change.
type operation struct {
	peer  *peer
	id    string
	sel   *selection // a subscription's; set before it opens
	stop  func()     // cancels what runs, or the subscription
	held  []any      // events sent before the subscription was open
	since time.Duration
	sent  int32
	phase phase
	// opened is set while the subscription has to be given back.
	opened bool
	// answered is set when run owes nothing any more.
	answered bool
}

// ending is what is left to do for an operation that was dropped.
type ending struct {
	o      *operation
	stop   func()
	opened bool
}

// run cancels the operation. No lock may be held: a publisher's may be taken.
func (e ending) run() {
	if e.stop != nil {
		e.stop()
	}
	if e.opened {
		e.o.closed(Record{Kind: string(ast.Subscription), Name: shortName(e.o.sel.op.Operation.Name)})
	}
}

// closed gives back what an open subscription holds.
func (o *operation) closed(rec Record) {
	o.peer.server.stats.subscriptions.Add(-1)
	o.sel.release()
	o.record(rec)
}

// begin starts an operation under id and returns what is to be run for it, if
// anything is. It answers for itself; the close says why the whole connection has to
// end instead.
func (p *peer) begin(id string, prepare func(context.Context) (*graphql.OperationContext, gqlerror.List)) (run func(), c *Close) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closing.Code != 0 || p.released:
		return nil, nil // too late; the farewell says so
	case p.find(id) != nil:
		return nil, &DuplicateID
	case max(len(p.ops), int(p.busy)) >= p.server.limits.Operations: // a cancelled one may still be winding down
		resp := refuse(p.ctx, p.server.exec, nil, fault.New(fault.RateLimited,
			"Too many operations on this connection. Complete some of the %d first.", p.server.limits.Operations))
		p.put(frame{kind: failure, id: id, body: appendErrors(nil, resp.Errors)})
		return nil, nil
	}
	ctx, stop := context.WithCancel(p.ctx)
	o := &operation{peer: p, id: id, stop: stop, since: p.server.clock()}
	p.ops = append(p.ops, o)
	p.busy++
	p.owed++
	p.refs++
	return func() { o.run(ctx, stop, prepare) }, nil
}

// complete ends an operation because the client asks for it. An unknown id is
// one that has ended meanwhile.
func (p *peer) complete(id string) {
	p.mu.Lock()
	var end ending
	if o := p.find(id); o != nil {
		end = p.drop(o)
	}
	p.mu.Unlock()
	end.run()
}

// run executes the operation, or opens it if it is a subscription, and answers.
func (o *operation) run(ctx context.Context, stop context.CancelFunc, prepare func(context.Context) (*graphql.OperationContext, gqlerror.List)) {
	p, exec := o.peer, o.peer.server.exec
	defer p.unref()
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, p.server.limits.Answer)
	defer cancel()
	var rec Record
	defer func() {
		if r := recover(); r != nil { // it would end the process
			o.panicked(ctx, fmt.Errorf("panic: %v\n%s", r, debug.Stack()), rec)
		}
	}()
	op, errs := prepare(ctx)
	if op != nil {
		rec.Name = shortName(op.OperationName)
	}
	if len(errs) != 0 {
		o.refused(refuseAll(ctx, exec, op, errs), rec)
		return
	}
	rec.Kind, rec.Name = string(op.Operation.Operation), shortName(op.Operation.Name)
	if op.Operation.Operation == ast.Subscription {
		o.open(ctx, op, rec)
		return
	}
	resp := respond(ctx, exec, op)
	if resp.Data == nil {
		o.refused(resp, rec)
		return
	}
	body := appendResponse(nil, resp)
	rec.Code, rec.Bytes = codeOf(resp.Errors), len(body)
	o.answer(rec, frame{kind: next, id: o.id, body: body}, frame{kind: complete, id: o.id})
}

// panicked answers for what the executor does not recover from, such as a
// validation rule or an actor's Check.
func (o *operation) panicked(ctx context.Context, err error, rec Record) {
	s := o.peer.server
	s.log.ErrorContext(ctx, "run operation", "error", err)
	o.peer.mu.Lock()
	answered := o.answered
	o.peer.mu.Unlock()
	if !answered {
		o.refused(refuse(ctx, s.exec, nil, fault.New(fault.Internal, "Internal error.")), rec)
	}
}

// respond executes a query or mutation. The response has data, or else errors.
func respond(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext) *graphql.Response {
	resp := guard(ctx, exec, op, func(respond graphql.ResponseHandler, ctx context.Context) *graphql.Response {
		return respond(ctx)
	})
	if resp == nil {
		resp = refuse(ctx, exec, op, unanswered(ctx, "the operation has no response"))
	}
	if string(resp.Data) == "null" && codeOf(resp.Errors) == string(fault.Unavailable) {
		resp.Data = nil // nothing came of it, so it is refused as a whole: clients try that again
	}
	return resp
}

// unanswered returns the error of an operation without a response: nobody waits
// for it any more, or the program is wrong.
func unanswered(ctx context.Context, bug string) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err()
	case ctx.Err() != nil:
		return fault.New(fault.Conflict, "The operation was cancelled.")
	}
	return errors.New(bug)
}

// open runs the subscription's resolver once, so that it subscribes.
func (o *operation) open(ctx context.Context, op *graphql.OperationContext, rec Record) {
	p, s := o.peer, o.peer.server
	sel, err := s.selections.acquire(op, p.audience)
	if err != nil {
		o.refused(refuse(ctx, s.exec, op, err), rec)
		return
	}
	p.mu.Lock()
	o.sel = sel // before send can be called
	p.mu.Unlock()
	m := &opening{op: o}
	ctx = context.WithValue(ctx, modeKey{}, m)
	resp := guard(ctx, s.exec, op, func(respond graphql.ResponseHandler, ctx context.Context) *graphql.Response {
		// Only errors are wanted. The executor gives them out in any case, but
		// looks for a first event only as long as the context has not ended.
		return respond(ended{ctx})
	})
	if resp == nil && m.cancel == nil {
		resp = refuse(ctx, s.exec, op, unanswered(ctx, "the resolver of a subscription must return live.Stream"))
	}
	if resp != nil {
		if m.cancel != nil {
			m.cancel()
		}
		sel.release()
		o.refused(resp, rec)
		return
	}
	s.stats.subscriptions.Add(1)
	if !o.flow(m.cancel) { // the client went on before it was open
		m.cancel()
		o.closed(rec)
	}
}

// ended is a context that has ended.
type ended struct{ context.Context }

// Err implements context.Context.
func (ended) Err() error { return context.Canceled }

// Done implements context.Context.
func (ended) Done() <-chan struct{} { return noMore }

var noMore = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// flow lets the events flow, those first that were sent while the
// subscription was being opened. It says whether somebody still wants them.
func (o *operation) flow(cancel func()) bool {
	p := o.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	o.answered = true
	p.busy--
	p.owed-- // the answer; the events are counted one by one
	defer p.settle()
	if o.phase == done {
		p.owed -= int32(len(o.held))
		o.held = nil
		return false
	}
	o.stop, o.opened = cancel, true
	for len(o.held) > 0 { // send adds to held meanwhile, so the order stays
		held := o.held
		o.held = nil
		p.mu.Unlock()
		for _, event := range held {
			o.sel.push(o, event)
		}
		p.mu.Lock()
	}
	if o.phase == starting {
		o.phase = live
	}
	return true
}

// send takes an event for the client. It never blocks.
func (o *operation) send(event any) {
	p := o.peer
	p.mu.Lock()
	if o.phase == done || p.closing.Code != 0 {
		p.mu.Unlock()
		return
	}
	if !p.room() {
		p.cutOff(SlowReader)
		p.mu.Unlock()
		return
	}
	p.owed++
	if o.phase == starting {
		o.held = append(o.held, event)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	o.sel.push(o, event)
}

// deliver queues an event's response, and the end after the last one.
func (o *operation) deliver(body []byte, last bool) {
	p := o.peer
	var end ending
	p.mu.Lock()
	p.owed--
	if o.phase != done {
		o.sent++
		p.server.stats.events.Add(1)
		p.put(frame{kind: next, id: o.id, body: body})
		if last && o.phase != done {
			p.put(frame{kind: complete, id: o.id})
			end = p.drop(o)
		}
	}
	p.settle()
	p.mu.Unlock()
	end.run()
}

// refused answers an operation that is not executed.
func (o *operation) refused(resp *graphql.Response, rec Record) {
	body := appendErrors(nil, resp.Errors)
	rec.Code, rec.Bytes = codeOf(resp.Errors), len(body)
	o.answer(rec, frame{kind: failure, id: o.id, body: body})
}

// answer queues an operation's last frames, unless the client has lost interest.
func (o *operation) answer(rec Record, frames ...frame) {
	o.record(rec)
	p := o.peer
	p.mu.Lock()
	o.answered = true
	p.busy--
	p.owed -= 1 + int32(len(o.held))
	o.held = nil
	if o.phase != done {
		p.drop(o)
		for _, f := range frames {
			p.put(f)
		}
	}
	p.settle()
	p.mu.Unlock()
}

// record reports the end of an operation.
func (o *operation) record(rec Record) {
	o.peer.mu.Lock()
	rec.Events = int(o.sent)
	o.peer.mu.Unlock()
	rec.Took = o.peer.server.clock() - o.since
	o.peer.wire.report(rec)
}

// longestQuery bounds the text of a request's operations, in bytes. Parsed
// documents and persisted queries are kept by the thousand, so their size is what
// one client can make the process hold.
const longestQuery = 64 << 10

// prepare parses, validates and weighs a request.
func (s *Server) prepare(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	if len(params.Query) > longestQuery {
		return nil, gqlerror.List{gqlerror.Wrap(fault.Input("query",
			"The query is longer than %d bytes. Put large content into variables.", longestQuery))}
	}
	ctx = graphql.StartOperationTrace(ctx)
	params.ReadTime = graphql.TraceTiming{Start: graphql.GetStartTime(ctx), End: graphql.Now()}
	op, errs := s.exec.CreateOperationContext(ctx, params)
	if len(errs) == 0 && strings.Contains(op.RawQuery, "defer") && defers(op.Doc) {
		errs = gqlerror.List{gqlerror.Wrap(fault.New(fault.BadUserInput,
			"This server answers in one piece. Leave out @defer."))}
	}
	return op, errs
}

// defers says whether a document uses @defer. gqlgen knows the directive and
// would answer without the deferred fields, and leave goroutines behind.
func defers(doc *ast.QueryDocument) bool {
	var in func(set ast.SelectionSet) bool
	in = func(set ast.SelectionSet) bool {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				if in(s.SelectionSet) {
					return true
				}
			case *ast.InlineFragment:
				if s.Directives.ForName("defer") != nil || in(s.SelectionSet) {
					return true
				}
			case *ast.FragmentSpread:
				if s.Directives.ForName("defer") != nil {
					return true
				}
			}
		}
		return false
	}
	for _, op := range doc.Operations {
		if in(op.SelectionSet) {
			return true
		}
	}
	for _, f := range doc.Fragments {
		if in(f.SelectionSet) {
			return true
		}
	}
	return false
}
