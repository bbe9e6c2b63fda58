package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestLog_OneLineARequestAndNothingSecret(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{insecureCookies: true})
	p := n.owner() // every secret of the test is looked for in the log when it ends
	n.post(p.access, `query Shelves { treeCategories { id } }`, nil).ok()
	line := n.logged("Shelves", 1)[0]
	for name, want := range map[string]any{
		"level": "INFO", "transport": "http", "kind": "query", "status": 200.0, "user": p.id, "account": p.account, "ip": "127.0.0.1",
	} {
		if line[name] != want {
			t.Errorf("the log line says %s: %v, want %v", name, line[name], want)
		}
	}
	if line["took_ms"] == nil || line["bytes"] == nil || line["request_id"] == "" || line["code"] != nil {
		t.Errorf("the log line is %v", line)
	}

	// What carries secrets, well done and badly.
	n.again(p)
	n.tryLogin(p.email, n.newPerson().password).refused("UNAUTHENTICATED")
	n.renew(p, false).ok()
	n.secret("refresh token", cookieOf(t, n.send(n.browser(), http.Header{}, loginMutation, byCookie(p)).ok()).Value)
	forged := p.access[:len(p.access)-4] + "AAAA"
	n.secret("forged token", forged)
	n.me(forged).refused("UNAUTHENTICATED", "INVALID_TOKEN")
	n.post("", refreshMutation, vars{"input": vars{"refreshToken": p.refresh + "x", "attemptId": p.attempt}}).refused("UNAUTHENTICATED")
	n.post("", `mutation { login(input: { email: "a@example.com", password: "`+p.password+`" `, nil).refused("BAD_USER_INPUT")
	n.request(n.http.Client(), http.MethodGet, "/graphql?query=%7Bx&variables=%7B%22password%22%3A%22"+strings.ReplaceAll(p.password, " ", "%20")+"%22", http.Header{"Authorization": {"Bearer " + p.access}}, "")
	s, _ := n.dial(nil)
	s.init(forged)
	s.closed(4401)
	s.conn.Close()
	n.log.await(t, "the refused socket", func() bool {
		list := n.log.lines(t, "socket refused")
		return len(list) == 1 && list[0]["code"] == 4401.0 && list[0]["reason"] == "INVALID_TOKEN" && list[0]["ip"] == "127.0.0.1" && list[0]["request_id"] != ""
	})
	n.watch(p).ask(`query OverSocket { me { id } }`, nil).ok()
	if line := n.logged("OverSocket", 1)[0]; line["transport"] != "socket" || line["user"] != p.id {
		t.Errorf("the log line of a socket's operation is %v", line)
	}

	if _, err := n.db.ExecContext(t.Context(), `ALTER TABLE login_sessions RENAME TO gone`); err != nil {
		t.Fatal(err)
	}
	n.tryLogin(p.email, p.password).refused("INTERNAL_SERVER_ERROR") // its statement holds what was sent
	if _, err := n.db.ExecContext(t.Context(), `ALTER TABLE user_directory RENAME TO gone_too`); err != nil {
		t.Fatal(err)
	}
	n.tryLogin(p.email, p.password).refused("INTERNAL_SERVER_ERROR")
	n.post(p.access, `query Last { __typename }`, nil)
	n.logged("Last", 1)
	if names := n.logged("Shelves", 1); len(names) != 1 {
		t.Errorf("one request has %d log lines", len(names))
	}
}

// TestLog_EventStreamsToo makes sure of a line for what is answered as a stream,
// or could have been.
func TestLog_EventStreamsToo(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	for _, accept := range []string{"text/event-stream", "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"} {
		name := fmt.Sprintf("Streamed%d", len(accept))
		n.request(n.http.Client(), http.MethodPost, "/graphql", http.Header{
			"Content-Type": {"application/json"}, "Accept": {accept}, "Authorization": {"Bearer " + p.access},
		}, `{"query": "query `+name+` { me { id } }"}`)
		if line := n.logged(name, 1)[0]; line["user"] != p.id || line["kind"] != "query" {
			t.Errorf("with Accept: %s the log line is %v", accept, line)
		}
	}
	// Nor does it hide anything to ask for a socket that one does not get.
	if s, _ := n.dial(http.Header{"Origin": {"https://evil.example.com"}, "X-Request-Id": {"refused-upgrade"}}); s != nil {
		t.Error("a page of another site got a socket")
	}
	n.log.await(t, "the refused socket", func() bool {
		return strings.Contains(n.log.String(), `"request_id":"refused-upgrade"`) && strings.Contains(n.log.String(), `"status":403`)
	})
	// One header of an upgrade alone hides nothing.
	n.request(n.http.Client(), http.MethodPost, "/graphql", http.Header{
		"Content-Type": {"application/json"}, "Upgrade": {"websocket"}, "Authorization": {"Bearer " + p.access},
	}, `{"query": "query Upgraded { me { id } }"}`)
	if line := n.logged("Upgraded", 1)[0]; line["user"] != p.id {
		t.Errorf("the log line is %v", line)
	}
}

func TestRequestID_IsEchoedWhereItIsOne(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	for sent, kept := range map[string]bool{
		"0af7651916cd43dd8448eb211c80319c": true, "a-b_C9": true, "": false, "a b": false, "<script>": false,
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "ä": false,
	} {
		a := n.send(n.http.Client(), http.Header{"X-Request-Id": {sent}}, `query Named { __typename }`, nil).ok()
		got := a.Header.Get("X-Request-Id")
		if (got == sent) != kept || got == "" {
			t.Errorf("X-Request-Id %q came back as %q", sent, got)
		}
		n.log.await(t, "the request's id", func() bool { return strings.Contains(n.log.String(), fmt.Sprintf(`"request_id":%q`, got)) })
	}
}

func TestMetrics_HaveTheirNames(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	s := n.watch(p)
	n.me("").ok()
	n.post(p.access, `{ tree(id: "x") { id } }`, nil).refused("BAD_USER_INPUT")
	gone, _ := n.dial(nil)
	gone.write("nonsense", "", nil)
	gone.closed(4400)
	gone.conn.Close()
	n.logged("", 1)
	read := func() string {
		out := httptest.NewRecorder()
		n.server.Metrics().ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		return out.Body.String()
	}
	text := read()
	for limit := time.Now().Add(patience); !strings.Contains(text, `branchline_closes_total{code="4400"} 1`); text = read() {
		if time.Now().After(limit) {
			t.Fatalf("the close was never counted:\n%s", text)
		}
	}
	for _, name := range []string{
		"branchline_operation_seconds", "branchline_closes_total", "branchline_sockets", "branchline_sockets_waiting", "branchline_event_streams", "branchline_subscriptions",
		"branchline_selections", "branchline_register_read_age_seconds", "branchline_events_total", "branchline_event_executions_total",
		"branchline_hints_total", "branchline_hints_connected",
		"branchline_tries_refused_total",
		"go_goroutines", "process_open_fds",
	} {
		if !strings.Contains(text, "\n"+name) || !strings.Contains(text, "# HELP "+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
	for _, line := range []string{"\nbranchline_subscriptions 1\n", "\nbranchline_selections 1\n", "\nbranchline_events_total 1\n", `branchline_operation_seconds_count{code="BAD_USER_INPUT",kind="query"} 1`} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %q:\n%s", line, text)
		}
	}
	if a := n.get("/metrics"); a.Status == http.StatusOK && strings.Contains(a.Body, "branchline_") {
		t.Error("the metrics are served to everybody")
	}
	s.ask(`{ me { id } }`, nil).ok()
}

func TestDrain_SocketsComeBackAndRequestsEnd(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	s := n.watch(p)
	if a := n.get("/readyz"); a.Status != http.StatusOK {
		t.Errorf("/readyz: %d %s", a.Status, a.Body)
	}

	// A request that waits for a lock is under way when the draining begins.
	other, err := pgx.Connect(t.Context(), n.url)
	check(t, err)
	defer other.Close(context.WithoutCancel(t.Context()))
	tx, err := other.Begin(t.Context())
	check(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE tree_categories`)
	check(t, err)
	answered := make(chan *answer, 1)
	go func() { answered <- n.post(p.access, `query Waits { treeCategories { id } }`, nil) }()
	for waiting := false; !waiting; {
		check(t, n.db.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'tree_categories'::regclass AND NOT granted)`).Scan(&waiting))
	}

	drained := make(chan error, 1)
	go func() { drained <- n.server.Drain(t.Context(), 0) }()
	s.closed(1012)
	s.conn.Close()
	if a := n.get("/readyz"); a.Status != http.StatusServiceUnavailable || !strings.Contains(a.Body, "draining") {
		t.Errorf("/readyz while draining: %d %s", a.Status, a.Body)
	}
	if _, resp := n.dial(nil); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new socket while draining: %d, want 503", resp.StatusCode)
	}
	select {
	case a := <-answered:
		t.Fatalf("the request did not wait: %s", a.Body)
	case err := <-drained: // it waits for connections; requests are Shutdown's
		check(t, err)
	}
	down := make(chan error, 1)
	go func() { down <- n.http.Config.Shutdown(t.Context()) }()
	check(t, tx.Rollback(t.Context()))
	(<-answered).ok()
	check(t, <-down)
}
