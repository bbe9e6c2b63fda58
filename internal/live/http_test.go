package live_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/live/internal/testschema"
)

func header(accept string) http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Accept": {accept}}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	const response, plain = "application/graphql-response+json", "application/json"
	query := func(q string) string { return `{"query":"` + q + `"}` }
	tests := map[string]struct {
		method, url, body string
		header            http.Header
		status            int
		want              string // the whole body, or how it begins where it ends with …
		media             string
	}{
		"a query": {
			body: query("{ hello }"), header: header(response),
			status: 200, want: `{"data":{"hello":"world"}}`, media: response,
		},
		"a query for a client of the old type": {
			body: query("{ hello }"), header: header(plain),
			status: 200, want: `{"data":{"hello":"world"}}`, media: plain,
		},
		"the client prefers the old type": {
			body: query("{ hello }"), header: header(response + ";q=0.5, " + plain),
			status: 200, want: `{"data":{"hello":"world"}}`, media: plain,
		},
		"the client takes both": {
			body: query("{ hello }"), header: header(plain + ", " + response + ", text/event-stream, multipart/mixed"),
			status: 200, want: `{"data":{"hello":"world"}}`, media: response,
		},
		"the client takes neither": {
			body: query("{ hello }"), header: header("text/html"),
			status: 406, want: `{"errors":[{"message":"Accept application/graphql-response+json, application/json or text/event-stream.","extensions":{"code":"BAD_USER_INPUT"}}]}`, media: response,
		},
		"a mutation with a large number": {
			body: `{"query":"mutation($n:Int!){add(n:$n)}","variables":{"n":2147483646}}`, header: header(response),
			status: 200, want: `{"data":{"add":2147483647}}`, media: response,
		},
		"a field fails": {
			body: query("{ hello fail }"), header: header(response),
			status: 200, want: `{"errors":[{"message":"No such thing.","path":["fail"],"locations":[{"line":1,"column":9}],"extensions":{"code":"NOT_FOUND"}}],"data":{"hello":"world","fail":null}}`, media: response,
		},
		"a resolver panics": {
			body: query("{ boom }"), header: header(response),
			status: 200, want: `{"errors":[{"message":"Internal error.","path":["boom"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":null}`, media: response,
		},
		"a byte order mark": {
			body: "\uFEFF" + query("{ hello }"), header: header(response),
			status: 200, want: `{"data":{"hello":"world"}}`, media: response,
		},
		"a query that is not GraphQL": {
			body: query("{"), header: header(response),
			status: 400, want: `{"errors":[{"message":"Expected Name, found …`, media: response,
		},
		"a query that does not fit the schema": {
			body: query("{ nothing }"), header: header(response),
			status: 400, want: `{"errors":[{"message":"Cannot query field…`, media: response,
		},
		"a query that does not fit the schema, old type": {
			body: query("{ nothing }"), header: header(plain),
			status: 200, want: `{"errors":[{"message":"Cannot query field…`, media: plain,
		},
		"a query that is too complex": {
			body: query("{" + many(201) + "}"), header: header(response),
			status: 400, want: `{"errors":[{"message":"operation has complexity 201, which exceeds the limit of 200","extensions":{"code":"COMPLEXITY_LIMIT_EXCEEDED"}}]}`, media: response,
		},
		"@defer": {
			body: query(`{ ... @defer { hello } }`), header: header(response),
			status: 400, want: `{"errors":[{"message":"This server answers in one piece. Leave out @defer.","extensions":{"code":"BAD_USER_INPUT"}}]}`, media: response,
		},
		"a list of operations": {
			body: `[` + query("{ hello }") + `]`, header: header(plain),
			status: 400, want: `{"errors":[{"message":"Send one operation a request, not a list.","extensions":{"code":"BAD_USER_INPUT"}}]}`, media: plain,
		},
		"two requests": {
			body: query("{ hello }") + query("{ hello }"), header: header(response),
			status: 400, want: `{"errors":[{"message":"Something follows the request.…`, media: response,
		},
		"a request that is not UTF-8": {
			body: "{\"query\":\"{ hello } #\xff\"}", header: header(response),
			status: 400, want: `{"errors":[{"message":"The request is not UTF-8."…`, media: response,
		},
		"a body that is too big": {
			body: query("{ hello } #" + strings.Repeat("x", 2<<20)), header: header(plain),
			status: 413, want: `{"errors":[{"message":"The request is too big. Send at most 2097152 bytes."…`, media: plain,
		},
		"a form, which pages of other sites can send": {
			body: "query=mutation{add(n:1)}", header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			status: 415, want: `{"errors":[{"message":"Send application/json in UTF-8."…`, media: plain,
		},
		"another encoding": {
			body: query("{ hello }"), header: http.Header{"Content-Type": {"application/json; charset=utf-16"}},
			status: 415, want: `{"errors":[{"message":"Send application/json in UTF-8."…`, media: plain,
		},
		"a compressed body": {
			body: query("{ hello }"), header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
			status: 415, want: `{"errors":[{"message":"Send application/json in UTF-8."…`, media: plain,
		},
		"a page of another site": {
			body: query("{ hello }"), header: http.Header{"Content-Type": {"application/json"}, "Origin": {"https://evil.example"}},
			status: 403, want: `{"errors":[{"message":"Pages of this site may not use the API.","extensions":{"code":"FORBIDDEN","reason":"CROSS_SITE"}}]}`, media: response,
		},
		"a query by GET": {
			method: "GET", url: "?" + url.Values{"query": {"query($t:String!){echo(text:$t)}"}, "variables": {`{"t":"é"}`}}.Encode(), header: http.Header{},
			status: 200, want: `{"data":{"echo":"é"}}`, media: plain,
		},
		"bad variables by GET": {
			method: "GET", url: "?query={hello}&variables=[]", header: http.Header{},
			status: 400, want: `{"errors":[{"message":"\"variables\" must be a JSON object.",…`, media: plain,
		},
		"a mutation by GET": {
			method: "GET", url: "?query=mutation{add(n:1)}", header: http.Header{},
			status: 405, want: `{"errors":[{"message":"Send mutations by POST."…`, media: plain,
		},
		"another method": {
			method: "PUT", body: query("{ hello }"), header: header(plain),
			status: 405, want: `{"errors":[{"message":"Use POST, or GET for queries."…`, media: plain,
		},
		"a subscription for a client that takes no events": {
			body: query(`subscription { broken { value } }`), header: header(response),
			status: 406, want: `{"errors":[{"message":"Subscribe over WebSocket, or accept text/event-stream."…`, media: response,
		},
	}
	b := setup(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method := tt.method
			if method == "" {
				method = http.MethodPost
			}
			resp, got := b.do(t, method, tt.url, tt.header, tt.body)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			if media := resp.Header.Get("Content-Type"); media != tt.media+"; charset=utf-8" {
				t.Errorf("content type %q, want %q", media, tt.media)
			}
			if cache := resp.Header.Get("Cache-Control"); cache != "no-store" {
				t.Errorf("Cache-Control %q: a cache may keep the answer", cache)
			}
			if begin, cut := strings.CutSuffix(tt.want, "…"); cut && !strings.HasPrefix(got, begin) || !cut && got != tt.want {
				t.Errorf("body %s\nwant %s", got, tt.want)
			}
			if tt.status == 405 && resp.Header.Get("Allow") == "" {
				t.Error("no Allow header with 405")
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" x")
		b.WriteString(strings.Repeat("y", i))
		b.WriteString(": hello")
	}
	return b.String()
}

func TestHTTP_ActsForThePrincipalAndFillsTheRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var rec live.Record
	ctx := live.WithRecord(live.WithPrincipal(t.Context(), b.principal("ann")), &rec)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(`{"query":"query Who { whoami fail }"}`))
	r.Header = header("application/json")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"whoami":"ann"`) {
		t.Errorf("answered %s", w.Body)
	}
	want := live.Record{Name: "Who", Kind: "query", Code: "NOT_FOUND", Bytes: w.Body.Len()}
	if diff := cmp.Diff(want, rec); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

// persisted fills in queries by an extension of the request, as automatic
// persisted queries do.
type persisted struct{}

func (persisted) ExtensionName() string                   { return "Persisted" }
func (persisted) Validate(graphql.ExecutableSchema) error { return nil }

func (persisted) MutateOperationParameters(_ context.Context, params *graphql.RawParams) *gqlerror.Error {
	if params.Extensions["stored"] == "hello" {
		params.Query = "{ hello }"
	}
	return nil
}

func TestHTTP_ExtensionsReachTheExecutor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec.Use(persisted{})
	if _, got := b.post(t, header("application/json"), `{"extensions":{"stored":"hello"}}`); got != `{"data":{"hello":"world"}}` {
		t.Errorf("POST: %s", got)
	}
	if _, got := b.do(t, http.MethodGet, `?extensions={"stored":"hello"}`, nil, ""); got != `{"data":{"hello":"world"}}` {
		t.Errorf("GET: %s", got)
	}
	c := b.signIn(t, "ann")
	c.send(`{"type":"subscribe","id":"1","payload":{"extensions":{"stored":"hello"}}}`)
	c.want(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`)
}

func TestHTTP_TheStatusTellsTheCode(t *testing.T) {
	t.Parallel()
	unauthenticated := fault.New(fault.Unauthenticated, "Sign in.")
	tests := map[string]struct {
		err   error
		want  int
		retry string
	}{
		"a bad token":            {unauthenticated.Because(fault.TokenInvalid), 401, ""},
		"no way to verify":       {unauthenticated.Because(fault.CannotVerify), 503, "1"},
		"not allowed":            {fault.New(fault.Forbidden, "No."), 403, ""},
		"too often":              {fault.New(fault.RateLimited, "Later."), 429, "1"},
		"something of our own":   {errors.New("dial tcp: secret"), 500, ""},
		"something of the asker": {fault.New(fault.BadUserInput, "Mend it."), 400, ""},
	}
	b := setup(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for accept, want := range map[string]int{"application/graphql-response+json": tt.want, "application/json": 200, "text/event-stream": tt.want} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
				r.Header.Set("Accept", accept)
				w := httptest.NewRecorder()
				b.Refuse(w, r, tt.err)
				if w.Code != want || w.Header().Get("Retry-After") != tt.retry || !strings.HasPrefix(w.Body.String(), `{"errors":[{"message":"`) ||
					strings.Contains(w.Body.String(), "secret") {
					t.Errorf("%s: %d %s (Retry-After %q), want %d", accept, w.Code, w.Body, w.Header().Get("Retry-After"), want)
				}
			}
		})
	}
}

// events subscribes over server-sent events and returns what comes, event by
// event, "" at the end.
func (b *bench) events(t *testing.T, query string) (next func() string, hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.http.URL, strings.NewReader(`{"query":"`+query+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header("text/event-stream")
	resp, err := b.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s %s: %s", resp.Status, resp.Header.Get("Content-Type"), body)
	}
	in := bufio.NewReader(resp.Body)
	return func() string {
		var event strings.Builder
		for {
			line, err := in.ReadString('\n')
			if err != nil || line == "\n" {
				return event.String()
			}
			event.WriteString(line)
		}
	}, cancel
}

func TestEvents(t *testing.T) {
	t.Parallel()
	const fin = "event: complete\ndata:\n"
	value := func(v string) string { return "event: next\ndata: {\"data\":{\"counter\":{\"value\":" + v + "}}}\n" }
	want := func(t *testing.T, next func() string, events ...string) {
		t.Helper()
		for _, want := range events {
			if got := next(); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	}
	// who acts for ann in all requests.
	who := func(b *bench) {
		b.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.ServeHTTP(w, r.WithContext(live.WithPrincipal(r.Context(), b.principal("ann"))))
		})
	}
	t.Run("events until the last", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		next, _ := b.events(t, counter)
		want(t, next, value("0"))
		await(t, "it has subscribed", func() bool { return b.in.Opens.Load() == 1 })
		b.in.Hub.Publish("a", &testschema.Count{Value: 1})
		b.in.Hub.Publish("a", &testschema.Count{Value: -1})
		want(t, next, value("1"), value("-1"), fin, "")
		await(t, "nothing is left", func() bool { return b.Stats().Streams == 0 && b.in.Closes.Load() == 1 })
	})
	t.Run("a query", func(t *testing.T) {
		t.Parallel()
		next, _ := setup(t).events(t, "{ hello }")
		want(t, next, "event: next\ndata: {\"data\":{\"hello\":\"world\"}}\n", fin, "")
	})
	t.Run("a subscription that is refused", func(t *testing.T) {
		t.Parallel()
		next, _ := setup(t).events(t, "subscription { secret { value } }")
		want(t, next, "event: next\ndata: {\"errors\":[{\"message\":\"Sign in.\",\"path\":[\"secret\"],\"locations\":[{\"line\":1,\"column\":16}],\"extensions\":{\"code\":\"UNAUTHENTICATED\",\"reason\":\"NOT_SIGNED_IN\"}}]}\n", fin, "")
	})
	t.Run("the client goes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		next, hangUp := b.events(t, counter)
		want(t, next, value("0"))
		hangUp()
		await(t, "nothing is left", func() bool { return b.Stats().Streams == 0 && b.in.Opens.Load() == b.in.Closes.Load() })
	})
	t.Run("signs of life", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(o *live.Options) { o.Limits.Ping = 5 * time.Second })
		next, _ := b.events(t, counter)
		want(t, next, value("0"))
		b.pass(5 * time.Second)
		want(t, next, ":\n")
	})
	t.Run("the login session ends", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		who(b)
		next, _ := b.events(t, counter)
		want(t, next, value("0"))
		await(t, "it has subscribed", func() bool { return b.in.Opens.Load() == 1 })
		b.in.Hub.Publish("a", &testschema.Count{Value: 1})
		b.end("ann", live.SessionEnded)
		want(t, next, value("1"), fin, "")
	})
	t.Run("the server restarts", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		who(b)
		next, _ := b.events(t, counter)
		want(t, next, value("0"))
		b.end("ann", live.Restart)
		want(t, next, "") // broken off, so that the client comes back
	})
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(o *live.Options) { o.Limits.Sockets = 1 })
		who(b)
		next, _ := b.events(t, counter)
		want(t, next, value("0"))
		if resp, body := b.post(t, header("text/event-stream"), `{"query":"{hello}"}`); resp.StatusCode != 429 {
			t.Errorf("the second stream: %s %s", resp.Status, body)
		}
	})
}
