package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/natsfeed"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/server"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.StopAfter(m)) }

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// world is one database, with the clock and the log that its servers share.
type world struct {
	t       *testing.T
	url     string
	ring    *login.Ring
	shift   atomic.Int64 // what is added to the database's clock
	log     logBuffer
	people  atomic.Int64
	secrets sync.Map // every password and token of the test
}

// newWorld makes a database. At the test's end no secret may be in the log.
func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := login.ParseRing("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, url: pgtest.URL(t), ring: ring}
	t.Cleanup(func() {
		text := w.log.String()
		w.secrets.Range(func(secret, what any) bool {
			if strings.Contains(text, secret.(string)) {
				t.Errorf("the log holds a secret, the %s", what)
			}
			return true
		})
	})
	return w
}

func (w *world) secret(what, text string) {
	if text != "" {
		w.secrets.Store(text, what)
	}
}

// logBuffer collects log lines.
type logBuffer struct {
	mu    sync.Mutex // guards what follows
	text  bytes.Buffer
	grown chan struct{} // closed by the next line; nil while nobody waits
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
	return b.text.Write(line)
}

// await waits until the log is as done says. A request's line is written after its
// answer.
func (b *logBuffer) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	limit := time.After(patience)
	for {
		b.mu.Lock()
		if b.grown == nil {
			b.grown = make(chan struct{})
		}
		grown := b.grown
		b.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-grown:
		case <-limit:
			t.Fatalf("the log never had %s:\n%s", what, b.String())
		}
	}
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines returns the log's lines with this message.
func (b *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(b.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("the log line %q: %v", line, err)
		}
		if fields["msg"] == message {
			list = append(list, fields)
		}
	}
	return list
}

// nodeOptions are what tests turn. The zero value is a server as in production.
type nodeOptions struct {
	deaf            bool   // hints neither arrive nor leave
	nats            string // the address of the NATS that carries hints; PostgreSQL does where it is empty
	introspection   bool
	insecureCookies bool
	origins         []string
	limits          live.Limits
	closed          bool                 // to new accounts
	proxies         []netip.Prefix       // that are trusted
	clocks          func() login.Reading // the machine's; nil: this one's
}

// node is one server of the world, with a pool, a register and a notifier of its
// own.
type node struct {
	*world
	t          *testing.T
	http       *httptest.Server
	server     *server.Server
	register   *login.Register
	active     *login.ActiveFeed
	feed       *tree.Feed
	hints      hinter
	audit      *login.AuditFeed
	clock      *login.Clock
	db         *store.DB
	statements *statements
}

// start starts a server, which ends with the test.
func (w *world) start(o nodeOptions) *node {
	w.t.Helper()
	n := &node{world: w, t: w.t, statements: &statements{}}
	ctx := w.t.Context()
	log := slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := store.Open(ctx, w.url, store.Options{MaxConns: 4, Tracer: n.statements})
	check(w.t, err)
	n.db = db
	reads, err := store.NewLoginChanges(w.url)
	check(w.t, err)
	var hints hinter = deaf{}
	deliver := func(h event.Hint) {
		n.register.Deliver(h)
		n.active.Deliver(h)
		n.feed.Deliver(h)
		n.audit.Deliver(h)
	}
	switch {
	case o.nats != "":
		hints, err = natsfeed.New(o.nats, "test.hints", deliver, log)
	case !o.deaf:
		hints, err = store.NewNotifier(w.url, deliver, log)
	}
	check(w.t, err)
	n.hints = hints
	if o.limits.Answer == 0 { // no test depends on how busy the machine is
		o.limits.Answer = patience
	}
	if o.clocks == nil {
		o.clocks = login.OwnClocks()
	}
	n.clock = login.NewClock(o.clocks)
	logins := store.NewLogins(db)
	settings := login.DefaultSettings()
	settings.Argon2 = login.Argon2{MemoryKiB: 7 * 1024, Passes: 1, Parallelism: 1} // the least that is valid
	settings.RegistrationClosed = o.closed
	n.register = login.NewRegister(login.RegisterOptions{
		Clock: n.clock, Changes: shifted{reads, &w.shift}, Expirer: logins, Present: logins, Hints: hints, TokenLife: settings.AccessLife, Log: log,
	})
	service, err := login.NewService(logins, hints, w.ring, login.DefaultBounds(), settings, n.clock.Now)
	check(w.t, err)
	schema := ""
	if o.introspection {
		schema = graph.Schema()
	}
	n.active = login.NewActiveFeed(logins, n.clock.Now, log)
	n.feed = tree.NewFeed(store.NewTrees(db), hints, log)
	n.audit = login.NewAuditFeed(logins, n.clock.Now, log)
	n.server = server.New(server.Options{
		Resolver: &graph.Resolver{
			Trees: &tree.Service{Store: store.NewTrees(db), Now: n.clock.Now, Hints: hints}, Feed: n.feed, Active: n.active, Logins: service, Audit: n.audit, Register: n.register,
			Now: n.clock.Now, Version: "test", InvitationURL: func(token string) string { return "https://branchline.test/#" + token },
			ShareURL: func(token string) string { return "https://branchline.test" + server.SharePath + token },
			StartURL: "https://branchline.test/start",
			Explorer: o.introspection,
		},
		Register: n.register, Tokens: service.Access, Ping: db.PingContext, Hints: hints.Traffic, Web: web.Handler(web.Options{}),
		Schema: schema, Now: n.clock.Now, Log: log, Origins: o.origins, InsecureCookies: o.insecureCookies,
		Introspection: o.introspection, Limits: o.limits, TrustedProxies: o.proxies,
	})
	hints.Start(ctx)
	n.register.Start(context.WithoutCancel(ctx))
	n.active.Start(context.WithoutCancel(ctx))
	n.feed.Start(context.WithoutCancel(ctx))
	n.audit.Start(context.WithoutCancel(ctx))
	n.server.Start(ctx)
	n.http = httptest.NewUnstartedServer(n.server)
	n.http.Listener = n.server.Door(n.http.Listener)
	n.http.Start()
	w.t.Cleanup(func() {
		n.server.Stop()
		n.http.Close()
		n.active.Stop()
		n.feed.Stop()
		n.audit.Stop()
		n.register.Stop()
		hints.Stop()
		if err := n.db.Close(); err != nil {
			w.t.Errorf("close the database: %v", err)
		}
	})
	n.settle()
	return n
}

// newNode starts a server on a database of its own.
func newNode(t *testing.T, o nodeOptions) *node {
	t.Helper()
	return newWorld(t).start(o)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hinter is a carrier of hints, or none.
type hinter interface {
	event.Hinter
	Start(ctx context.Context)
	Stop()
	Traffic() event.Traffic
}

// deaf stands for a hint channel that is cut.
type deaf struct{}

func (deaf) Send(event.Hint)        {}
func (deaf) Start(context.Context)  {}
func (deaf) Stop()                  {}
func (deaf) Traffic() event.Traffic { return event.Traffic{Carrier: "none"} }

// shifted moves the database's clock, as far as the register can see it.
type shifted struct {
	*store.LoginChanges
	by *atomic.Int64
}

func (s shifted) Whole(ctx context.Context, within time.Duration) (login.Changed, error) {
	by := time.Duration(s.by.Load())
	c, err := s.LoginChanges.Whole(ctx, within)
	c.Now = c.Now.Add(by)
	return c, err
}

func (s shifted) Since(ctx context.Context, mark login.Mark) (login.Changed, error) {
	by := time.Duration(s.by.Load())
	c, err := s.LoginChanges.Since(ctx, mark)
	c.Now = c.Now.Add(by)
	return c, err
}

// moveTo moves the clock of the node's world to an instant, and waits until the
// node has seen it.
func (n *node) moveTo(at time.Time) {
	n.t.Helper()
	n.shift.Add(int64(at.Sub(n.clock.Now())))
	n.settle()
}

// settle waits until the node has read the database anew, with all that follows
// from it. A read may be on its way at the start, so the second one is the first
// that is surely new; the third begins after the second one's standings are read.
func (n *node) settle() {
	n.t.Helper()
	for range 3 {
		read := n.register.Regained()
		n.register.Look()
		select {
		case <-read:
		case <-time.After(patience):
			n.t.Fatal("the register does not read the database")
		}
	}
}

// statements counts what the pool sends to the database. The register's reads do
// not go through it.
type statements struct {
	mu   sync.Mutex // guards list
	list []string
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, start pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, start.SQL)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, start pgx.TraceBatchStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range start.Batch.QueuedQueries {
		s.list = append(s.list, q.SQL)
	}
	return ctx
}

func (s *statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// take returns the statements since the last call, those that begin and end
// transactions and the process's own signs of life left out.
func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, q := range s.list {
		verb, _, _ := strings.Cut(strings.ToLower(q), " ")
		if verb != "begin" && verb != "commit" && verb != "rollback" && !strings.Contains(q, "INTO nodes") {
			list = append(list, q)
		}
	}
	s.list = nil
	return list
}

// vars are variables of an operation, and inputs within them.
type vars map[string]any

// answer is what the server said.
type answer struct {
	t       *testing.T
	Status  int         `json:"-"`
	Header  http.Header `json:"-"`
	Body    string      `json:"-"`
	Data    any         `json:"data"`
	Errors  []gqlError  `json:"errors"`
	request string
}

type gqlError struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

// code returns the code of the first error, or "".
func (a *answer) code() string { return a.extension("code") }

func (a *answer) extension(name string) string {
	if len(a.Errors) == 0 || a.Errors[0].Extensions[name] == nil {
		return ""
	}
	return fmt.Sprint(a.Errors[0].Extensions[name])
}

// ok fails the test if there is an error.
func (a *answer) ok() *answer {
	a.t.Helper()
	if len(a.Errors) != 0 || a.Status != http.StatusOK {
		a.t.Fatalf("%s\nstatus %d: %s", a.request, a.Status, a.Body)
	}
	return a
}

// refused fails the test unless the first error has this code and, where one is
// given, this reason.
func (a *answer) refused(code string, reason ...string) *answer {
	a.t.Helper()
	if a.code() != code || len(reason) > 0 && a.extension("reason") != reason[0] {
		a.t.Fatalf("%s\nwas answered with %s; want the code %s %v", a.request, a.Body, code, reason)
	}
	return a
}

// at returns what is at a dotted path below data, such as "trees.nodes.0.id".
func (a *answer) at(path string) any {
	a.t.Helper()
	value, found := lookup(a.Data, path)
	if !found {
		a.t.Fatalf("%s\nhas no %s in its answer %s", a.request, path, a.Body)
	}
	return value
}

func (a *answer) text(path string) string {
	a.t.Helper()
	text, _ := a.at(path).(string)
	return text
}

func (a *answer) number(path string) int {
	a.t.Helper()
	number, _ := a.at(path).(float64)
	return int(number)
}

func (a *answer) time(path string) time.Time {
	a.t.Helper()
	at, err := time.Parse(time.RFC3339Nano, a.text(path))
	check(a.t, err)
	return at
}

func lookup(value any, path string) (any, bool) {
	for part := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[part]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// post sends one operation with a token, or as nobody, and decodes the answer.
func (n *node) post(token, query string, variables vars) *answer {
	n.t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return n.send(n.http.Client(), header, query, variables)
}

func (n *node) send(client *http.Client, header http.Header, query string, variables vars) *answer {
	n.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	check(n.t, err)
	header = maps.Clone(header)
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	header.Set("Accept", "application/graphql-response+json")
	return n.request(client, http.MethodPost, "/graphql", header, string(body))
}

// request sends any request and decodes the answer where it is GraphQL's.
func (n *node) request(client *http.Client, method, path string, header http.Header, body string) *answer {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), method, n.http.URL+path, strings.NewReader(body))
	check(n.t, err)
	r.Header = header
	resp, err := client.Do(r)
	check(n.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(n.t, err)
	a := &answer{t: n.t, Status: resp.StatusCode, Header: resp.Header, Body: string(text), request: body}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		check(n.t, json.Unmarshal(text, a))
	}
	return a
}

// get asks for a page that operators ask for.
func (n *node) get(path string) *answer {
	n.t.Helper()
	return n.request(n.http.Client(), http.MethodGet, path, http.Header{}, "")
}

// person is a signed-in user on one device.
type person struct {
	email, password          string
	id, account, session     string
	access, refresh, attempt string
}

const signInFields = `{ user { id } account { id } loginSession { id idleExpiresAt absoluteExpiresAt } accessToken refreshToken }`

func (n *node) newPerson() *person {
	number := n.people.Add(1)
	p := &person{email: fmt.Sprintf("person%d@example.com", number), password: fmt.Sprintf("a long passphrase %d", number)}
	n.secret("password", p.password)
	return p
}

// signedIn takes in the answer to signing in, which stands at the field named.
func (p *person) signedIn(n *node, a *answer, field string) *person {
	n.t.Helper()
	a.ok()
	p.id, p.account, p.session = a.text(field+".user.id"), a.text(field+".account.id"), a.text(field+".loginSession.id")
	p.access, p.refresh = a.text(field+".accessToken"), a.text(field+".refreshToken")
	p.attempt = newAttempt()
	n.secret("access token", p.access)
	n.secret("refresh token", p.refresh)
	return p
}

var attempts atomic.Int64

func newAttempt() string { return fmt.Sprintf("attempt-%016d", attempts.Add(1)) }

// owner opens an account.
func (n *node) owner() *person {
	n.t.Helper()
	p := n.newPerson()
	a := n.post("", `mutation($input: RegisterInput!) { register(input: $input) `+signInFields+` }`, vars{"input": vars{
		"accountName": "Account of " + p.email, "name": "Owner", "email": p.email, "password": p.password,
	}})
	return p.signedIn(n, a, "register")
}

// join brings a user with a role into the account of whoever invites.
func (n *node) join(by *person, role string) *person {
	n.t.Helper()
	p := n.newPerson()
	invitation := n.post(by.access, `mutation($input: InviteUserInput!) { inviteUser(input: $input) { token } }`,
		vars{"input": vars{"email": p.email, "role": role}}).ok().text("inviteUser.token")
	n.secret("invitation", invitation)
	a := n.post("", `mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) `+signInFields+` }`, vars{"input": vars{
		"token": invitation, "name": strings.ToLower(role), "password": p.password,
	}})
	return p.signedIn(n, a, "acceptInvitation")
}

// again signs the same user in on one device more.
func (n *node) again(p *person) *person {
	n.t.Helper()
	device := &person{email: p.email, password: p.password}
	return device.signedIn(n, n.tryLogin(p.email, p.password), "login")
}

func (n *node) tryLogin(email, password string) *answer {
	n.t.Helper()
	return n.post("", `mutation($input: LoginInput!) { login(input: $input) `+signInFields+` }`,
		vars{"input": vars{"email": email, "password": password}})
}

// renew refreshes and keeps the tokens that come back. Passive ones are no
// activity.
func (n *node) renew(p *person, passive bool) *answer {
	n.t.Helper()
	a := n.post("", `mutation($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken loginSession { idleExpiresAt absoluteExpiresAt user { role } } } }`,
		vars{"input": vars{"refreshToken": p.refresh, "attemptId": p.attempt, "passive": passive}})
	if len(a.Errors) > 0 {
		return a
	}
	p.access = a.text("refresh.accessToken")
	n.secret("access token", p.access)
	if token := a.text("refresh.refreshToken"); token != "" {
		p.refresh, p.attempt = token, newAttempt()
		n.secret("refresh token", token)
	}
	return a
}

// me asks for what everybody may ask for who is signed in.
func (n *node) me(token string) *answer {
	n.t.Helper()
	return n.post(token, `query Me { me { id role } }`, nil)
}

// browser is a client with cookies.
func (n *node) browser() *http.Client {
	n.t.Helper()
	jar, err := cookiejar.New(nil)
	check(n.t, err)
	client := *n.http.Client()
	client.Jar = jar
	return &client
}

// runbook is a tree of three nodes as a Markdown outline.
const runbook = `# Is the lamp dark?

Tags: lamp

## Is it plugged in?

- Yes → Resolved: It shines
- No → Escalate: Call the electrician

## Resolved: It shines

Done.

## Escalate: Call the electrician

Say where.
`

// imported makes a draft of the runbook and returns its id and revision.
func (n *node) imported(p *person) (id string, revision int) {
	n.t.Helper()
	a := n.post(p.access, `mutation($input: ImportTreeInput!) { importTree(input: $input) { tree { id revision } problems { message } } }`,
		vars{"input": vars{"format": "MARKDOWN", "content": runbook}}).ok()
	return a.text("importTree.tree.id"), a.number("importTree.tree.revision")
}

// published makes a tree that can be walked.
func (n *node) published(p *person) string {
	n.t.Helper()
	id, revision := n.imported(p)
	n.post(p.access, `mutation($input: PublishTreeInput!) { publishTree(input: $input) { version problems { message } } }`,
		vars{"input": vars{"treeId": id, "expectedRevision": revision}}).ok().number("publishTree.version")
	return id
}

// walk starts a troubleshooting session.
func (n *node) walk(p *person, treeID string) string {
	n.t.Helper()
	return n.post(p.access, `mutation($input: StartSessionInput!) { startSession(input: $input) { session { id } } }`,
		vars{"input": vars{"treeId": treeID}}).ok().text("startSession.session.id")
}

// offered takes a step of one's own in a tree, and returns the offer that comes of it.
func (n *node) offered(p *person, treeID string) string {
	n.t.Helper()
	walk := n.walk(p, treeID)
	n.post(p.access, `mutation($input: AddStepInput!) { addStep(input: $input) { session { id } } }`,
		vars{"input": vars{"sessionId": walk, "expectedStep": 0, "title": "Is the socket live?", "answer": "No"}}).ok()
	n.post(p.access, `mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id } } }`,
		vars{"input": vars{"sessionId": walk, "expectedStep": 1, "outcome": "RESOLVED", "reason": "The fuse was out."}}).ok()
	return n.post(p.access, `query($id: ID!) { tree(id: $id) { offers(first: 1) { nodes { id } } } }`, vars{"id": treeID}).ok().text("tree.offers.nodes.0.id")
}

// category makes a category of trees.
func (n *node) category(p *person, name string) string {
	n.t.Helper()
	return n.post(p.access, `mutation($input: CreateTreeCategoryInput!) { createTreeCategory(input: $input) { category { id } } }`,
		vars{"input": vars{"name": name}}).ok().text("createTreeCategory.category.id")
}

// client makes a client.
func (n *node) client(p *person, name string) string {
	n.t.Helper()
	return n.post(p.access, `mutation($input: CreateClientInput!) { createClient(input: $input) { client { id } } }`,
		vars{"input": vars{"name": name}}).ok().text("createClient.client.id")
}
