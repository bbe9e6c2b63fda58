package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestErrors_InternalOnesAreLoggedOnceAndShowNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	if _, err := n.db.ExecContext(t.Context(), `ALTER TABLE tree_categories RENAME TO secret_shelves`); err != nil {
		t.Fatal(err)
	}
	a := n.post(p.access, `query Categories { treeCategories { id } }`, nil)
	id := a.extension("errorId")
	if a.code() != "INTERNAL_SERVER_ERROR" || id == "" || len(a.Errors) != 1 {
		t.Fatalf("status %d: %s; want an internal error with its id", a.Status, a.Body)
	}
	if !strings.HasPrefix(a.Errors[0].Message, "Internal error.") || !strings.Contains(a.Errors[0].Message, id) {
		t.Errorf("the message is %q, want Internal error. and the id %s", a.Errors[0].Message, id)
	}
	for _, word := range []string{"tree_categories", "SELECT", "SQLSTATE", "42P01", "relation", "pgconn", "store", ".go"} {
		if strings.Contains(a.Body, word) {
			t.Errorf("the answer tells %q: %s", word, a.Body)
		}
	}
	lines := n.log.lines(t, "resolver failed")
	if len(lines) != 1 || lines[0]["error_id"] != id || !strings.Contains(fmt.Sprint(lines[0]["error"]), "tree_categories") {
		t.Errorf("the log says %v, want one line with the id %s and the cause", lines, id)
	}
	if lines := n.logged("Categories", 1); len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["code"] != "INTERNAL_SERVER_ERROR" {
		t.Errorf("the request's log line is %v, want one at the level ERROR", lines)
	}
	// The same over a socket.
	s := n.open(p.access)
	if over := s.ask(`query Categories { treeCategories { id } }`, nil); over.code() != "INTERNAL_SERVER_ERROR" || strings.Contains(over.Body, "tree_categories") {
		t.Errorf("over a socket: %s", over.Body)
	}
	n.me(p.access).ok()
}

func TestErrors_AClosedDatabaseIsNobodysFault(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	check(t, n.db.Close())
	for _, query := range []string{`{ me { id } }`, `{ trees { nodes { id } } }`, `mutation { createTreeCategory(input: { name: "Lamps" }) { category { id } } }`} {
		if a := n.post(p.access, query, nil); a.code() != "INTERNAL_SERVER_ERROR" || a.extension("errorId") == "" || strings.Contains(a.Body, "closed") {
			t.Errorf("%s: %s, want an internal error that tells nothing", query, a.Body)
		}
	}
	if a := n.get("/readyz"); a.Status != http.StatusServiceUnavailable || !strings.Contains(a.Body, "database") {
		t.Errorf("/readyz: %d %s, want 503 because of the database", a.Status, a.Body)
	}
	if a := n.get("/healthz"); a.Status != http.StatusOK {
		t.Errorf("/healthz: %d %s, want 200: a restart would not help", a.Status, a.Body)
	}
}

// logged waits for the log lines of so many operations of this name.
func (n *node) logged(name string, count int) []map[string]any {
	n.t.Helper()
	var found []map[string]any
	n.log.await(n.t, fmt.Sprintf("%d lines of %s", count, name), func() bool {
		found = nil
		for _, line := range n.log.lines(n.t, "operation") {
			if line["operation"] == name {
				found = append(found, line)
			}
		}
		return len(found) >= count
	})
	return found
}

func TestErrors_SeveralFaultsAtOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	fields := func(a *answer) []string {
		t.Helper()
		a.refused("BAD_USER_INPUT")
		list, _ := a.Errors[0].Extensions["problems"].([]any)
		var got []string
		for _, item := range list {
			problem := item.(map[string]any)
			if message, _ := problem["message"].(string); !strings.HasSuffix(message, ".") {
				t.Errorf("the problem %v says no sentence", problem)
			}
			got = append(got, fmt.Sprint(problem["field"]))
		}
		if len(got) > 0 && (got[0] != a.extension("field") || list[0].(map[string]any)["message"] != a.Errors[0].Message) {
			t.Errorf("the error is not about the first problem: %s", a.Body)
		}
		return got
	}
	const policy = `mutation($input: UpdateSessionPolicyInput!) { updateSessionPolicy(input: $input) { endedCount } }`
	two := n.post(p.access, policy, vars{"input": vars{"preset": "CUSTOM", "idleMinutes": 1, "absoluteMinutes": 1}})
	if diff := cmp.Diff([]string{"input.idleMinutes", "input.absoluteMinutes"}, fields(two)); diff != "" {
		t.Errorf("two bad spans (-want +got):\n%s", diff)
	}
	three := n.post(p.access, policy, vars{"input": vars{"preset": "STRICT", "idleMinutes": 30, "absoluteMinutes": 60, "maxSessionsPerUser": 0}})
	if diff := cmp.Diff([]string{"input.idleMinutes", "input.absoluteMinutes", "input.maxSessionsPerUser"}, fields(three)); diff != "" {
		t.Errorf("three bad fields (-want +got):\n%s", diff)
	}
	register := n.post("", `mutation($input: RegisterInput!) { register(input: $input) { accessToken } }`,
		vars{"input": vars{"accountName": "", "name": "", "email": "none", "password": "short"}})
	if diff := cmp.Diff([]string{"input.accountName", "input.name", "input.email", "input.password"}, fields(register)); diff != "" {
		t.Errorf("a form with nothing right (-want +got):\n%s", diff)
	}
	one := n.post(p.access, policy, vars{"input": vars{"preset": "CUSTOM", "idleMinutes": 1, "absoluteMinutes": 60}}).refused("BAD_USER_INPUT")
	if one.Errors[0].Extensions["problems"] != nil || one.extension("field") != "input.idleMinutes" {
		t.Errorf("one fault is not listed: %s", one.Body)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	deep := func(levels int) string { // me is the first level, id the last
		return `{ me ` + strings.Repeat(`{ currentLoginSession { user `, (levels-2)/2) + `{ id }` + strings.Repeat(` } }`, (levels-2)/2) + ` }`
	}
	tests := map[string]struct {
		query string
		code  string
	}{
		"a query at the depth's limit":              {deep(14), ""},
		"a query that nests too deep":               {deep(16), "BAD_USER_INPUT"},
		"a query that nests too deep, by fragments": {`{ me { ...A } } fragment A on User { currentLoginSession { user { ...B } } } fragment B on User { currentLoginSession { user { ...C } } } fragment C on User { currentLoginSession { user { ...D } } } fragment D on User { currentLoginSession { user { ...E } } } fragment E on User { currentLoginSession { user { ...F } } } fragment F on User { currentLoginSession { user { ...G } } } fragment G on User { currentLoginSession { user { ...H } } } fragment H on User { id }`, "BAD_USER_INPUT"},
		"fragments in a circle":                     {`{ me { ...A } } fragment A on User { loginSessions { user { ...A } } }`, "BAD_USER_INPUT"},
		"a list as long as allowed":                 {`{ trees(first: 100) { nodes { id title } } }`, ""},
		"a list in a list that costs too much":      {`{ trees(first: 100) { nodes { id title status tags revision nodeCount createdAt updatedAt description author { id name email role } owner { id name email role } savedBy { id name email role } graph { root nodes { nodeId title text links { title url } } } problems { code severity nodeId path message } category { id name position } } edges { node { id title status tags revision nodeCount createdAt updatedAt description author { id name email role } owner { id name email role } savedBy { id name email role } } } } }`, "BAD_USER_INPUT"},
		"login sessions of login sessions":          {`{ me { loginSessions { user { loginSessions { user { loginSessions { id } } } } } } }`, "BAD_USER_INPUT"},
		"many aliases of what costs much":           {`{ ` + aliases("trees(first: 100) { nodes { id title } }", 40) + ` }`, "BAD_USER_INPUT"},
		"more tokens than allowed":                  {`{ ` + aliases("__typename", 700) + ` }`, "BAD_USER_INPUT"},
		"a page longer than allowed":                {`{ trees(first: 101) { nodes { id } } }`, "BAD_USER_INPUT"},
		"a page that counts backwards":              {`{ trees(first: -1) { nodes { id } } }`, "BAD_USER_INPUT"},
		"both ends of a list":                       {`{ trees(first: 1, last: 1) { nodes { id } } }`, "BAD_USER_INPUT"},
		"a cursor that is none":                     {`{ trees(first: 1, after: "rubbish") { nodes { id } } }`, "BAD_USER_INPUT"},
		"the schema":                                {`{ __schema { types { name } } }`, "BAD_USER_INPUT"},
		"one type of the schema":                    {`{ __type(name: "User") { name } }`, "BAD_USER_INPUT"},
		"the name of a type":                        {`{ __typename me { __typename } }`, ""},
		"a field that does not exist":               {`{ mee { id } }`, "BAD_USER_INPUT"},
		"what is no GraphQL":                        {`{ me { id }`, "BAD_USER_INPUT"},
		"nothing":                                   {``, "BAD_USER_INPUT"},
		"an operation with two names":               {`query A { me { id } } query B { me { id } }`, "BAD_USER_INPUT"},
		"more ids than allowed":                     {`{ nodes(ids: [` + strings.Repeat(`"x" `, 101) + `]) { id } }`, "BAD_USER_INPUT"},
		"a variable that is missing":                {`query($id: ID!) { tree(id: $id) { id } }`, "BAD_USER_INPUT"},
		"a number that is none":                     {`{ trees(first: "ten") { nodes { id } } }`, "BAD_USER_INPUT"},
		"a number that does not fit":                {`{ trees(first: 9999999999) { nodes { id } } }`, "BAD_USER_INPUT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := n.post(p.access, tt.query, nil)
			if a.code() != tt.code {
				t.Errorf("%s, want the code %q", a.Body, tt.code)
			}
			if strings.Contains(a.Body, "Did you mean") {
				t.Errorf("the answer tells of the schema: %s", a.Body)
			}
			s := n.open(p.access)
			if s.subscribe("q", tt.query, nil); tt.query == "" {
				s.closed(4400)
			} else if over := s.answer(); over.code() != tt.code {
				t.Errorf("over a socket: %s, want the code %q", over.Body, tt.code)
			}
			s.conn.Close()
		})
	}
}

func aliases(field string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d: %s ", i, field)
	}
	return b.String()
}

func TestRequests_ThatAreNone(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	big, err := json.Marshal(map[string]any{"query": `{ me { id } }`, "variables": map[string]any{"x": strings.Repeat("x", 2<<20)}})
	check(t, err)
	tests := map[string]struct {
		method, path, body string
		status             int
	}{
		"no JSON":                    {"POST", "/graphql", `{"query"`, 400},
		"a list":                     {"POST", "/graphql", `[{"query": "{ me { id } }"}]`, 400},
		"two requests":               {"POST", "/graphql", `{"query": "{ me { id } }"}{"query": "{ me { id } }"}`, 400},
		"no UTF-8":                   {"POST", "/graphql", "{\"query\": \"{ me { id } } # \xff\"}", 400},
		"too big":                    {"POST", "/graphql", string(big), 413},
		"an unknown operation":       {"POST", "/graphql", `{"query": "query A { me { id } }", "operationName": "B"}`, 400},
		"an unknown persisted query": {"GET", "/graphql?extensions=" + url.QueryEscape(`{"persistedQuery":{"version":1,"sha256Hash":"ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"}}`), "", 400},
		"a subscription by POST":     {"POST", "/graphql", `{"query": "subscription { sessionExpiry { __typename } }"}`, 406},
		"another method":             {"PUT", "/graphql", `{"query": "{ me { id } }"}`, 405},
		"another place":              {"POST", "/graphql/x", `{"query": "{ me { id } }"}`, 404},
		"the schema, hidden":         {"GET", "/schema.graphqls", "", 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := n.request(n.http.Client(), tt.method, tt.path, http.Header{
				"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"}, "Authorization": {"Bearer " + p.access},
			}, tt.body)
			if a.Status != tt.status && !(name == "another place" && a.Status == 405) {
				t.Errorf("status %d: %s; want %d", a.Status, a.Body, tt.status)
			}
			if len(a.Errors) > 0 && a.code() != "BAD_USER_INPUT" && a.code() != "PERSISTED_QUERY_NOT_FOUND" {
				t.Errorf("the code is %s: %s", a.code(), a.Body)
			}
		})
	}
	n.me(p.access).ok()
}

func TestIntrospection_WhereItIsOn(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{introspection: true})
	n.post("", `{ __schema { queryType { name } } }`, nil).ok()
	if a := n.post("", `{ mee { id } }`, nil); !strings.Contains(a.Body, "Did you mean") {
		t.Errorf("where the schema is shown, so are hints: %s", a.Body)
	}
	if a := n.get("/schema.graphqls"); a.Status != 200 || !strings.Contains(a.Body, "type Query {") {
		t.Errorf("/schema.graphqls: %d", a.Status)
	}
	for where, want := range map[*node]bool{n: true, newNode(t, nodeOptions{}): false} {
		if a := where.post("", `{ serverInfo { explorerOpen } }`, nil).ok(); a.at("serverInfo.explorerOpen") != want {
			t.Errorf("it describes itself: %s, want %t", a.Body, want)
		}
	}
}

// TestVariables_AreReadStrictly tries what gqlgen itself lets through, or words in a
// way that leaves a client alone.
func TestVariables_AreReadStrictly(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	const create = `mutation($i: CreateTreeInput!) { createTree(input: $i) { tree { title } } }`
	both := vars{
		"action":   vars{"nodeId": "a", "title": "Do it"},
		"solution": vars{"nodeId": "a", "title": "It works", "outcome": "RESOLVED"},
	}
	tests := map[string]struct {
		query string
		vars  vars
		says  string
		field string
	}{
		"a number for a text":          {create, vars{"i": vars{"title": 5}}, "A String is expected, not 5.", ""},
		"two kinds of node in one":     {create, vars{"i": vars{"title": "T", "graph": vars{"root": "a", "nodes": []any{both}}}}, "exactly one of decision, action, input, subtree and solution", "input.graph.nodes[0]"},
		"a variable's field left out":  {create, vars{"i": vars{}}, "The variable i.title: must be defined.", "i.title"},
		"two operations and no name":   {`query A { me { id } } query B { me { id } }`, nil, "Name one of them in operationName.", ""},
		"an enum's value that is none": {`query($s: TreeStatus!) { trees(filter: { status: [$s] }) { nodes { id } } }`, vars{"s": "GREEN"}, "The variable s: GREEN is not a valid TreeStatus.", "s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := n.post(p.access, tt.query, tt.vars)
			if a.code() != "BAD_USER_INPUT" || !strings.Contains(string(a.Body), tt.says) || a.extension("field") != tt.field {
				t.Errorf("it says %s, want %q about %q", a.Body, tt.says, tt.field)
			}
		})
	}
}
