package live_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/live/internal/testschema"
)

func TestStream_AnEventIsEncodedOncePerSelectionAndAudience(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const query = `subscription { counter(name: "a") { value viewer } }`
	var crowd []*client
	for i := range 40 {
		name := "owner"
		if i%2 == 1 {
			name = "engineer"
		}
		c := b.signIn(t, fmt.Sprint(name, i)) // the audience is the name without the number
		c.subscribe("1", query)
		c.want(fmt.Sprintf(`{"id":"1","type":"next","payload":{"data":{"counter":{"value":0,"viewer":"%s%d"}}}}`, name, i))
		crowd = append(crowd, c)
	}
	await(t, "all have subscribed", func() bool { return b.in.Opens.Load() == 40 && b.Stats().Subscriptions == 40 })
	if n := b.Stats().Selections; n != 2 {
		t.Errorf("%d selections, want one for each audience", n)
	}
	executions, viewers := b.Stats().Executions, b.in.Viewers.Load()
	b.in.Hub.Publish("a", &testschema.Count{Value: 1})
	seen := map[string]int{}
	for _, c := range crowd {
		got, err := c.receive()
		if err != nil {
			t.Fatal(err)
		}
		seen[strings.TrimRight(got, "0123456789\"}")]++
	}
	if diff := cmp.Diff(map[string]int{
		`{"id":"1","type":"next","payload":{"data":{"counter":{"value":1,"viewer":"owner`:    20,
		`{"id":"1","type":"next","payload":{"data":{"counter":{"value":1,"viewer":"engineer`: 20,
	}, seen); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if n, v := b.Stats().Executions-executions, b.in.Viewers.Load()-viewers; n != 2 || v != 2 {
		t.Errorf("40 subscribers cost %d executions and %d calls of a field's resolver, want 2", n, v)
	}
	for _, c := range crowd {
		c.ws.Close()
	}
	await(t, "nothing is left", func() bool {
		s := b.Stats()
		return s.Sockets == 0 && s.Subscriptions == 0 && s.Selections == 0 && b.in.Closes.Load() == 40
	})
}

func TestStream_VariablesMakeAnotherSelection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	for id, name := range map[string]string{"1": "a", "2": "b", "3": "a"} {
		c.send(fmt.Sprintf(`{"type":"subscribe","id":%q,"payload":{"query":"subscription($n:String!){counter(name:$n){name}}","variables":{"n":%q}}}`, id, name))
		c.want(fmt.Sprintf(`{"id":%q,"type":"next","payload":{"data":{"counter":{"name":%q}}}}`, id, name))
	}
	if n := b.Stats().Selections; n != 2 {
		t.Errorf("%d selections, want 2", n)
	}
}

func TestStream_ExtensionsRunForEachEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var operations, responses, fields atomic.Int64
	b.exec.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		operations.Add(1)
		return next(ctx)
	})
	b.exec.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		resp := next(ctx)
		if resp != nil {
			responses.Add(1)
			graphql.GetOperationContext(ctx) // must be there
			resp.Extensions = map[string]any{"n": 1}
		}
		return resp
	})
	b.exec.AroundFields(func(ctx context.Context, next graphql.Resolver) (any, error) {
		fields.Add(1)
		return next(ctx)
	})
	c := b.signIn(t, "ann")
	c.send(subscribeMessage("1", counter))
	c.want(`{"id":"1","type":"next","payload":{"data":{"counter":{"value":0}},"extensions":{"n":1}}}`)
	await(t, "it has subscribed", func() bool { return b.in.Opens.Load() == 1 })
	b.in.Hub.Publish("a", &testschema.Count{Value: 1})
	c.want(`{"id":"1","type":"next","payload":{"data":{"counter":{"value":1}},"extensions":{"n":1}}}`)
	// Opening is one operation with one field and no response; showing events is
	// another, however many there are, and each of them is one field and one response.
	if o, r, f := operations.Load(), responses.Load(), fields.Load(); o != 2 || r != 2 || f != 4 {
		t.Errorf("%d operations, %d responses, %d fields; want 2, 2, 4", o, r, f)
	}
	// Ensure that the complexity limit holds for subscriptions.
	c.subscribe("2", `subscription { counter(name: "a") {`+strings.ReplaceAll(many(201), "hello", "value")+` } }`)
	if got, err := c.receive(); err != nil || !strings.HasPrefix(got, `{"id":"2","type":"error","payload":[{"message":"operation has complexity 202`) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestStream_ErrorsOfAnEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Present = func(name string) *testschema.Count { return &testschema.Count{Name: name, Value: 13} }
	tests := map[string]struct{ fields, want string }{
		"a field that may be null": {"value maybe", `{"errors":[{"message":"Unlucky.","path":["counter","maybe"],"locations":[{"line":1,"column":43}],"extensions":{"code":"CONFLICT"}}],"data":{"counter":{"value":13,"maybe":null}}}`},
		"a field that may not be":  {"value lucky", `{"errors":[{"message":"Internal error.","path":["counter","lucky"],"locations":[{"line":1,"column":43}],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":{"counter":null}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := b.signIn(t, "ann")
			c.subscribe("1", `subscription { counter(name: "a") { `+tt.fields+` } }`)
			c.want(`{"id":"1","type":"next","payload":` + tt.want + `}`)
			c.subscribe("2", `{ hello }`) // the socket lives
			c.want(`{"id":"2","type":"next","payload":{"data":{"hello":"world"}}}`)
		})
	}
}

func TestStream_Refusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Unopened = map[string]bool{"other": true}
	tests := map[string]struct{ query, want string }{
		"open fails":             {`subscription { broken { value } }`, `{"message":"No such counter.","path":["broken"],"locations":[{"line":1,"column":16}],"extensions":{"code":"NOT_FOUND"}}`},
		"a directive denies":     {`subscription { secret { value } }`, `{"message":"Sign in.","path":["secret"],"locations":[{"line":1,"column":16}],"extensions":{"code":"UNAUTHENTICATED","reason":"NOT_SIGNED_IN"}}`},
		"Stream is not used":     {`subscription { counter(name: "other") { value } }`, `{"message":"Internal error.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}`},
		"two fields":             {`subscription { broken { value } secret { value } }`, ``},
		"it is not valid":        {`subscription { nothing }`, ``},
		"it is not GraphQL":      {`subscription`, ``},
		"a query is not allowed": {`{ nothing }`, ``},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := b.dial(t)
			c.send(`{"type":"connection_init"}`) // anonymous
			c.want(`{"type":"connection_ack"}`)
			c.subscribe("1", tt.query)
			got, err := c.receive()
			if err != nil || !strings.HasPrefix(got, `{"id":"1","type":"error","payload":[{"message":"`) ||
				tt.want != "" && got != `{"id":"1","type":"error","payload":[`+tt.want+`]}` {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
			// Ensure that nothing follows and that the id is free again.
			c.subscribe("1", `{ whoami }`)
			c.want(`{"id":"1","type":"next","payload":{"data":{"whoami":""}}}`, `{"id":"1","type":"complete"}`)
		})
	}
}

func TestStream_TheLastEventCompletes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	c.subscribe("1", `subscription { news { __typename ... on Opened { at } ... on Ended { why } } }`)
	c.want(`{"id":"1","type":"next","payload":{"data":{"news":{"__typename":"Opened","at":"noon"}}}}`)
	await(t, "it has subscribed", func() bool { return b.in.News.Len() == 1 })
	b.in.News.Publish("", &testschema.Ended{Why: "late"})
	b.in.News.Publish("", &testschema.Opened{At: "never"})
	c.want(
		`{"id":"1","type":"next","payload":{"data":{"news":{"__typename":"Ended","why":"late"}}}}`,
		`{"id":"1","type":"complete"}`,
	)
	await(t, "it is cancelled", func() bool { return b.in.News.Len() == 0 && b.Stats().Subscriptions == 0 })
	c.send(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
	await(t, "it is logged", func() bool { return len(b.records()) == 1 })
	if got := b.records()[0]; got.Kind != "subscription" || got.Events != 2 {
		t.Errorf("logged as %+v", got)
	}
}

func TestStream_CompleteWhileItOpens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	opening := make(chan struct{})
	b.in.BeforeOpen = func(ctx context.Context) error {
		opening <- struct{}{}
		<-ctx.Done() // the client's complete ends it
		return nil   // and yet it opens
	}
	c := b.signIn(t, "ann")
	c.send(subscribeMessage("1", counter))
	<-opening
	c.send(`{"type":"complete","id":"1"}`)
	await(t, "it is given back", func() bool { return b.in.Opens.Load() == 1 && b.in.Closes.Load() == 1 })
	c.subscribe("1", `{ hello }`) // the id is free
	c.want(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`)
}

func TestStream_NowhereElse(t *testing.T) {
	t.Parallel()
	_, err := live.Stream(t.Context(), func(context.Context, func(int)) (func(), error) {
		t.Error("opened")
		return nil, nil
	})
	if err == nil {
		t.Error("a stream without the transport must fail")
	}
}

func TestSocket_QueriesAndMutations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	c.subscribe("q", `query Who { whoami fail }`)
	c.want(
		`{"id":"q","type":"next","payload":{"errors":[{"message":"No such thing.","path":["fail"],"locations":[{"line":1,"column":20}],"extensions":{"code":"NOT_FOUND"}}],"data":{"whoami":"ann","fail":null}}}`,
		`{"id":"q","type":"complete"}`,
	)
	c.subscribe("\u00e9\\\"", `mutation { add(n: 1) }`)
	c.want(`{"id":"é\"","type":"next","payload":{"data":{"add":2}}}`, `{"id":"é\"","type":"complete"}`)
	c.subscribe("x", `{ boom }`)
	c.want(
		`{"id":"x","type":"next","payload":{"errors":[{"message":"Internal error.","path":["boom"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":null}}`,
		`{"id":"x","type":"complete"}`,
	)
	records := b.records()
	if len(records) != 3 {
		t.Fatalf("%d records, want 3", len(records))
	}
	first := records[0]
	if first.Bytes == 0 {
		t.Error("no bytes logged")
	}
	first.Bytes, first.Took = 0, 0
	if diff := cmp.Diff(live.Record{Name: "Who", Kind: "query", Code: "NOT_FOUND"}, first); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestSocket_CompleteCancels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	c.subscribe("1", waiting)
	<-b.in.Waiting
	c.send(`{"type":"complete","id":"unknown"}`) // ignored
	c.send(`{"type":"complete","id":"1"}`)
	<-b.in.Cancelled
	c.subscribe("1", `{ hello }`)
	c.want(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"1","type":"complete"}`)
}

func TestSocket_GoingAwayCancels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	c.subscribe("1", waiting)
	<-b.in.Waiting
	c.ws.Close()
	<-b.in.Cancelled
	await(t, "it is gone", func() bool { return b.Stats().Sockets == 0 && b.watches("ann") == 0 })
	if n := b.Stats().Closes["1006"]; n != 1 {
		t.Errorf("counted as %v", b.Stats().Closes)
	}
}

func TestSocket_EachOperationIsChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "leaver")
	c.subscribe("1", `{ hello }`)
	c.want(`{"id":"1","type":"error","payload":[{"message":"Sign in.","extensions":{"code":"UNAUTHENTICATED","reason":"SESSION_REVOKED"}}]}`)
}

func TestSocket_Pings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	c.send(`{"type":"ping","payload":{"n":1}}`)
	c.want(`{"type":"pong"}`)
	c.send(`{"type":"pong"}`) // unasked for; ignored
	pong := ""
	c.ws.SetPongHandler(func(payload string) error { pong = payload; return nil })
	if err := c.ws.WriteControl(websocket.PingMessage, []byte("hi"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c.send(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
	if pong != "hi" {
		t.Errorf("ponged %q", pong)
	}
	// Ensure that the client's close is answered with its code.
	if err := c.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "bye")); err != nil {
		t.Fatal(err)
	}
	c.wantClose(live.Close{Code: 1000})
	await(t, "it is counted", func() bool { return b.Stats().Closes["client"] == 1 })
}

func TestSocket_OneGoroutineWhileIdle(t *testing.T) { // not parallel: it counts the package's goroutines
	b := setup(t)
	const n = 100
	for i := range n {
		c := b.signIn(t, fmt.Sprint("ann", i))
		c.send(subscribeMessage("1", counter))
		c.want(next("1", 0))
	}
	count := func() int {
		var all bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&all, 2); err != nil {
			t.Fatal(err)
		}
		ours := 0
		for stack := range strings.SplitSeq(all.String(), "\n\n") {
			if strings.Contains(stack, "internal/live.(*") {
				ours++
			}
		}
		return ours
	}
	await(t, "there is one goroutine each, the wheel's and the door's two", func() bool {
		b.Turn() // sends home who is free
		return count() == n+3
	})
}

func TestPrincipal_CheckMayBeSlow(t *testing.T) {
	t.Parallel()
	checking, go_ := make(chan struct{}), make(chan struct{})
	b := setup(t, func(o *live.Options) {
		authenticate := o.Authenticate
		o.Authenticate = func(ctx context.Context, token string) (live.Principal, error) {
			p, err := authenticate(ctx, token)
			p.Actor = checked(func(ctx context.Context) error {
				checking <- struct{}{}
				select {
				case <-go_:
					return fault.New(fault.Unauthenticated, "Try again.").Because(fault.CannotVerify)
				case <-ctx.Done():
					return errors.New("cancelled")
				}
			})
			return p, err
		}
	})
	c := b.signIn(t, "ann")
	c.subscribe("1", `{ hello }`)
	<-checking
	c.send(`{"type":"ping"}`) // is answered meanwhile
	c.want(`{"type":"pong"}`)
	close(go_)
	c.want(`{"id":"1","type":"error","payload":[{"message":"Try again.","extensions":{"code":"UNAUTHENTICATED","reason":"CANNOT_VERIFY"}}]}`)
}

func TestHold_LetsGoWhatWasHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	c.send(subscribeMessage("1", counter))
	c.want(next("1", 0))
	await(t, "it has subscribed", func() bool { return b.in.Opens.Load() == 1 })
	b.Hold(true)
	b.in.Hub.Publish("a", &testschema.Count{Value: 1})
	await(t, "the event is queued", func() bool { return b.Stats().Events == 2 })
	c.send(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`) // or the client would take the server for dead
	b.Hold(false)
	c.want(next("1", 1))
}

func TestRecord_NamesAreCut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.signIn(t, "ann")
	long := strings.Repeat("ä", 1000)
	c.send(`{"type":"subscribe","id":"1","payload":{"query":"{ hello }","operationName":"` + long + `"}}`)
	if got, err := c.receive(); err != nil || !strings.Contains(got, `"type":"error"`) {
		t.Fatalf("an unknown operation was answered with %s, %v", got, err)
	}
	c.subscribe("2", "query "+strings.Repeat("a", 1000)+" { hello }")
	c.want(`{"id":"2","type":"next","payload":{"data":{"hello":"world"}}}`, `{"id":"2","type":"complete"}`)
	rec := &live.Record{}
	r := httptest.NewRequestWithContext(live.WithRecord(t.Context(), rec), http.MethodPost, "/",
		strings.NewReader(`{"query":"{ hello }","operationName":"`+long+`"}`))
	r.Header.Set("Content-Type", "application/json")
	b.ServeHTTP(httptest.NewRecorder(), r)
	for _, rec := range append(b.records(), *rec) {
		if n := utf8.RuneCountInString(rec.Name); n > 100 || !utf8.ValidString(rec.Name) {
			t.Errorf("a record's name has %d characters", n)
		}
	}
}

func TestPrepare_RefusesLongQueries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n, want := range map[int]bool{64 << 10: true, 64<<10 + 1: false} {
		query := "{ hello } #"
		query += strings.Repeat("x", n-len(query))
		if _, body := b.post(t, header("application/json"), `{"query":"`+query+`"}`); strings.Contains(body, "world") != want || !want && !strings.Contains(body, "variables") {
			t.Errorf("a query of %d bytes was answered with %s", n, body)
		}
	}
}

func TestSocket_APanicEndsOneOperationOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *live.Options) {
		authenticate := o.Authenticate
		o.Authenticate = func(ctx context.Context, token string) (live.Principal, error) {
			if token == "panic" {
				panic("boom")
			}
			p, err := authenticate(ctx, token)
			first := true
			p.Actor = checked(func(context.Context) error {
				if first {
					first = false
					panic("boom")
				}
				return nil
			})
			return p, err
		}
	})
	c := b.signIn(t, "ann")
	c.subscribe("1", `{ hello }`)
	c.want(`{"id":"1","type":"error","payload":[{"message":"Internal error.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`)
	c.subscribe("1", `{ hello }`)
	c.want(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`)
	other := b.dial(t)
	other.send(`{"type":"connection_init","payload":{"accessToken":"panic"}}`)
	other.wantClose(live.CannotVerify)
}

func TestSocket_OverTLS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secure := httptest.NewUnstartedServer(b.Server)
	secure.StartTLS()
	defer secure.Close()
	dialer := websocket.Dialer{
		Subprotocols:    []string{"graphql-transport-ws"},
		TLSClientConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig,
	}
	ws, _, err := dialer.Dial("wss"+strings.TrimPrefix(secure.URL, "https"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.SetReadDeadline(time.Now().Add(patience))
	c := &client{t, ws}
	c.init("ann")
	awaitWatch(b, c, "ann")
	c.send(subscribeMessage("1", counter))
	c.want(next("1", 0))
	b.end("ann", live.SessionEnded)
	c.want(`{"id":"1","type":"complete"}`)
	c.wantClose(live.SessionEnded)
	ws.Close()
	await(t, "it is gone", func() bool { return b.Stats().Sockets == 0 })
}

func TestSocket_WhatOthersSubscribedToIsNotWeighedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	weighed := &scale{}
	b.exec.Use(weighed)
	for i := range 3 {
		c := b.signIn(t, fmt.Sprint("ann", i))
		c.send(subscribeMessage("1", counter))
		c.want(next("1", 0))
	}
	if n := weighed.Load(); n != 1 {
		t.Errorf("weighed %d times", n)
	}
	c := b.signIn(t, "leaver") // is still asked whether they may
	c.send(subscribeMessage("1", counter))
	c.want(`{"id":"1","type":"error","payload":[{"message":"Sign in.","extensions":{"code":"UNAUTHENTICATED","reason":"SESSION_REVOKED"}}]}`)
}

// scale counts the operations that were weighed.
type scale struct{ atomic.Int32 }

// ExtensionName implements graphql.HandlerExtension.
func (*scale) ExtensionName() string { return "Scale" }

// Validate implements graphql.HandlerExtension.
func (*scale) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (s *scale) MutateOperationContext(context.Context, *graphql.OperationContext) *gqlerror.Error {
	s.Add(1)
	return nil
}
