package live

import (
	"context"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// key is what two subscriptions must have in common so that an event has the
// same JSON for both.
type key struct {
	query, name, variables, audience string
}

// selections holds what is subscribed to in this process, each distinct
// selection once however many clients share it.
type selections struct {
	exec    graphql.GraphExecutor
	timeout time.Duration // for the execution of one event
	tasks   *tracker
	crew    *crew
	stats   *counters

	mu  sync.Mutex // guards all and the refs of each
	all map[key]*selection
}

// selection executes and encodes events for all who ask for the same fields.
type selection struct {
	home *selections
	key  key
	refs int // guarded by home.mu
	// op is used for events only, and by one goroutine at a time.
	op *graphql.OperationContext

	mu      sync.Mutex // guards pending and working
	pending []delivery
	working bool

	// What was encoded last, and what encodes the next one or nil. Only whoever set
	// working may touch them.
	event any
	body  []byte
	shows *showing
}

// delivery is an event on its way to one operation.
type delivery struct {
	op    *operation
	event any
}

// acquire returns the selection of an operation, to be released after use.
func (s *selections) acquire(op *graphql.OperationContext, audience string) (*selection, error) {
	var variables []byte
	if len(op.Variables) > 0 {
		var err error
		if variables, err = json.Marshal(op.Variables); err != nil { // keys come out sorted
			return nil, err
		}
	}
	k := key{op.RawQuery, op.OperationName, string(variables), audience}
	s.mu.Lock()
	defer s.mu.Unlock()
	sel := s.all[k]
	if sel == nil {
		sel = &selection{home: s, key: k, op: again(op)}
		s.all[k] = sel
	}
	sel.refs++
	return sel, nil
}

// again returns an operation as it was before it ran.
func again(op *graphql.OperationContext) *graphql.OperationContext {
	return &graphql.OperationContext{
		RawQuery:               op.RawQuery,
		Variables:              op.Variables,
		OperationName:          op.OperationName,
		Doc:                    op.Doc,
		Operation:              op.Operation,
		DisableIntrospection:   op.DisableIntrospection,
		RecoverFunc:            op.RecoverFunc,
		ResolverMiddleware:     op.ResolverMiddleware,
		RootResolverMiddleware: op.RootResolverMiddleware,
	}
}

// known returns the operation that a request asks for if it is subscribed to, or
// nil. Whether a request is valid and what it may cost depends on its text and its
// variables alone, so what was found for one client holds for the next.
func (s *selections) known(params *graphql.RawParams, audience string) *graphql.OperationContext {
	if len(params.Variables) > 0 || len(params.Extensions) > 0 { // not yet checked against their types
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sel := s.all[key{params.Query, params.OperationName, "", audience}]
	if sel == nil {
		return nil
	}
	return again(sel.op)
}

func (sel *selection) release() {
	s := sel.home
	s.mu.Lock()
	defer s.mu.Unlock()
	if sel.refs--; sel.refs == 0 {
		delete(s.all, sel.key)
	}
}

func (s *selections) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// push hands an event over to be encoded and delivered. It does not wait for
// that, so a slow resolver holds up nobody but those who asked for its field.
// Each operation gets its events in the order in which they were pushed.
func (sel *selection) push(op *operation, event any) {
	sel.mu.Lock()
	defer sel.mu.Unlock()
	sel.pending = append(sel.pending, delivery{op, event})
	if !sel.working {
		sel.working = true
		sel.home.tasks.add()
		sel.home.crew.do(sel.work)
	}
}

// work delivers what is pending and returns when nothing is.
func (sel *selection) work() {
	defer sel.home.tasks.done()
	for {
		sel.mu.Lock()
		batch := sel.pending
		sel.pending = nil
		if len(batch) == 0 {
			sel.working = false
			sel.mu.Unlock()
			return
		}
		sel.mu.Unlock()
		for _, d := range batch {
			d.op.deliver(sel.encode(d.op, d.event), isLast(d.event))
		}
	}
}

func isLast(event any) bool {
	e, ok := event.(interface{ Last() bool })
	return ok && e.Last()
}

// encode returns the response for an event. Only events with an identity are
// remembered.
func (sel *selection) encode(op *operation, event any) []byte {
	if sel.event != nil && sel.event == event {
		return sel.body
	}
	body := sel.execute(op.peer.ctx, event)
	sel.event, sel.body = nil, nil
	if hasIdentity(event) {
		sel.event, sel.body = event, body
	}
	return body
}

// hasIdentity says whether an event that equals this one is the same event. That
// holds for a pointer, and for a struct around one pointer, as members of a union
// are. Other values can be equal by chance, and comparing some of them panics.
func hasIdentity(event any) bool {
	v := reflect.ValueOf(event)
	if v.Kind() == reflect.Struct && v.NumField() == 1 {
		v = v.Field(0)
	}
	return v.Kind() == reflect.Pointer && !v.IsNil()
}

// cool forgets what was encoded last and what did it, unless events are on their
// way.
func (sel *selection) cool() {
	sel.mu.Lock()
	defer sel.mu.Unlock()
	if !sel.working {
		sel.event, sel.body, sel.shows = nil, nil, nil
	}
}

// execute has the executor turn one event into a response.
func (sel *selection) execute(ctx context.Context, event any) (body []byte) {
	s := sel.home
	s.stats.executions.Add(1)
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	resp := sel.show(graphql.WithOperationContext(graphql.StartOperationTrace(ctx), sel.op), event)
	if resp == nil {
		resp = refuse(ctx, s.exec, sel.op, context.DeadlineExceeded)
	}
	if resp.Data == nil {
		resp.Data = []byte("null") // the event happened; it is not a request error
	}
	return appendResponse(nil, resp)
}

// show answers with an event. The operation is dispatched for the first one, and
// again after one that failed.
func (sel *selection) show(ctx context.Context, event any) (resp *graphql.Response) {
	exec, shows := sel.home.exec, sel.shows
	defer func() {
		if r := recover(); r != nil { // as the executor would answer
			resp, shows = refuse(ctx, exec, sel.op, sel.op.RecoverFunc(ctx, r)), nil
		}
		sel.shows = shows
	}()
	if shows == nil {
		shows = &showing{}
		shows.respond, _ = exec.DispatchOperation(context.WithValue(ctx, modeKey{}, shows), sel.op)
	}
	if shows.put == nil { // the resolver was refused or failed
		resp, shows = shows.respond(ctx), nil
		return resp
	}
	if err := shows.put(event); err != nil {
		return refuse(ctx, exec, sel.op, err)
	}
	resp = shows.respond(graphql.WithFieldContext(ctx, shows.field))
	if resp == nil { // the event may not have been taken
		shows = nil
	}
	return resp
}

// guard dispatches an operation and answers a panic as the executor would.
func guard(
	ctx context.Context,
	exec graphql.GraphExecutor,
	op *graphql.OperationContext,
	then func(graphql.ResponseHandler, context.Context) *graphql.Response,
) (resp *graphql.Response) {
	defer func() {
		if r := recover(); r != nil {
			resp = refuse(ctx, exec, op, op.RecoverFunc(ctx, r))
		}
	}()
	respond, ctx := exec.DispatchOperation(ctx, op)
	return then(respond, ctx)
}

// refuse returns the response of an operation that fails as a whole.
func refuse(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext, err error) *graphql.Response {
	return refuseAll(ctx, exec, op, gqlerror.List{gqlerror.WrapIfUnwrapped(err)})
}

func refuseAll(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext, errs gqlerror.List) *graphql.Response {
	if op == nil {
		op = &graphql.OperationContext{}
	}
	return exec.DispatchError(graphql.WithOperationContext(ctx, op), errs)
}
