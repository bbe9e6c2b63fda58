package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

func TestMain(m *testing.M) { os.Exit(pgtest.StopAfter(m).Run()) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// nowhere is where hints go that nobody waits for.
type nowhere struct{}

func (nowhere) Send(event.Hint) {}

// missing is the id of no tree.
const missing = "tree_01jd3s8m4kf2q9v7x0t5w6y8za"

// library is a team with trees of every kind, asked with plans and without.
type library struct {
	resolver *graph.Resolver
	planned  *executor.Executor
	ordinary *executor.Executor
	callers  map[string]*graph.Caller
	trees    []string // global ids
}

func newLibrary(t *testing.T) *library {
	t.Helper()
	url := pgtest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	changes, err := store.NewLoginChanges(url)
	if err != nil {
		t.Fatal(err)
	}
	log, logins := slog.New(slog.DiscardHandler), store.NewLogins(db)
	register := login.NewRegister(login.RegisterOptions{
		Clock: login.NewClock(login.OwnClocks()), Changes: changes, Expirer: logins, Present: logins, Hints: nowhere{}, TokenLife: time.Minute, Log: log,
	})
	register.Start(t.Context())
	t.Cleanup(register.Stop)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	service := &tree.Service{Store: store.NewTrees(db), Now: func() time.Time { return noon }, Hints: nowhere{}}
	l := &library{resolver: &graph.Resolver{Trees: service, Register: register, Now: service.Now}, callers: map[string]*graph.Caller{
		"nobody":            {},
		"a refused one":     {Refused: fault.New(fault.Unauthenticated, "The login session has ended. Sign in again.")},
		"without a context": nil,
	}}
	options := graph.ExecutorOptions{Log: log, NewID: func() string { return "an id" }, Introspection: true}
	l.planned, l.ordinary = graph.NewExecutor(l.resolver, options), graph.NewOrdinaryExecutor(l.resolver, options)

	team := account.NewID()
	exec("INSERT INTO accounts (id, name, created_at) VALUES (?, 'acme', ?)", team, noon)
	for _, role := range account.Roles() {
		actor := account.Actor{AccountID: team, UserID: account.NewUserID(), Role: role}
		exec("INSERT INTO users (account_id, id, email, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, 'x', ?)",
			team, actor.UserID, strings.ToLower(string(role))+"@acme.example", "Zoë \"Z\" "+string(role), role, noon.Add(time.Microsecond))
		l.callers[string(role)] = &graph.Caller{Actor: actor, Bearer: login.Bearer{AccountID: team, UserID: actor.UserID, SessionID: login.NewSessionID(), TokenVersion: 1}}
	}
	engineer, owner := l.callers["ENGINEER"].Actor, l.callers["OWNER"].Actor
	shelf, err := service.CreateCategory(t.Context(), engineer, "Netz & <Werk>")
	if err != nil {
		t.Fatal(err)
	}
	graphs := tree.Graph{Root: "a", Nodes: []tree.Node{
		{ID: "a", Kind: tree.Decision, Title: "Is it on?", Options: []tree.Option{{ID: "y", Label: "Yes", Target: "b"}, {ID: "n", Label: "No", Target: "b"}}},
		{ID: "b", Kind: tree.Solution, Title: "Done", Outcome: tree.Resolved},
	}}
	for i := range 7 {
		in := tree.NewTree{Title: fmt.Sprint("Tree ", i), Description: "# A\n\n\"quoted\" \\ tab\there", Graph: graphs}
		if i%2 == 0 {
			in.Category, in.Tags, in.ReviewBy = shelf.ID, []string{"vpn", fmt.Sprint("wi-fi ", i)}, noon.AddDate(0, i, 0)
		}
		made, err := service.CreateTree(t.Context(), engineer, in, 0)
		if err != nil {
			t.Fatal(err)
		}
		l.trees = append(l.trees, made.ID.String())
		if i > 1 {
			if _, err := service.PublishTree(t.Context(), engineer, made.ID, 1, "", 0); err != nil {
				t.Fatal(err)
			}
		}
		if i == 3 {
			if _, err := service.ConfirmTree(t.Context(), owner, made.ID, 3, 0); err != nil {
				t.Fatal(err)
			}
		}
		if i == 6 {
			if _, err := service.ArchiveTree(t.Context(), owner, made.ID, 0); err != nil {
				t.Fatal(err)
			}
		}
		exec("UPDATE trees SET updated_at = ? WHERE account_id = ? AND id = ?", noon.Add(time.Duration(i)*time.Second+time.Duration(i)*time.Microsecond), team, made.ID)
	}
	exec(`UPDATE trees SET title = E'\t"\\ \x01 \x1f \x7f é 日本 😀 </script> \u2028' WHERE account_id = ? AND title = 'Tree 4'`, team)
	return l
}

// failer is a test, or one case of a property.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// answer is what an executor says.
type answer struct {
	planned bool
	text    string
}

func (l *library) ask(t failer, exec *executor.Executor, who, query string, variables map[string]any) answer {
	t.Helper()
	ctx := context.Background()
	if c := l.callers[who]; c != nil {
		ctx = graph.WithCaller(ctx, c)
	}
	ctx = graphql.StartOperationTrace(ctx)
	var out answer
	say := func(resp *graphql.Response) {
		errs := make([]string, len(resp.Errors))
		for i, err := range resp.Errors {
			text, err := json.Marshal(err)
			if err != nil {
				t.Fatal(err)
			}
			errs[i] = string(text)
		}
		slices.Sort(errs) // of two fields at once either may be the first
		out.text = string(resp.Data) + "\n" + strings.Join(errs, "\n")
	}
	op, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		say(exec.DispatchError(graphql.WithOperationContext(ctx, op), errs))
		return out
	}
	out.planned = graph.HasPlan(l.resolver, op)
	respond, ctx := exec.DispatchOperation(ctx, op)
	say(respond(ctx))
	if again := respond(ctx); again != nil {
		t.Fatalf("%s\nis answered twice", query)
	}
	return out
}

// same asks both and returns the answer.
func (l *library) same(t failer, who, query string, variables map[string]any) answer {
	t.Helper()
	want := l.ask(t, l.ordinary, who, query, variables)
	for range 2 { // with a new plan, and with a known one
		if got := l.ask(t, l.planned, who, query, variables); got != want {
			t.Fatalf("%s asks\n%s\nwith %v\nand the plan answers\n%s\nwhere gqlgen answers\n%s", who, query, variables, got.text, want.text)
		}
	}
	return want
}

// oneTree and everything select all that has a plan.
const oneTree = `
	fragment U on User { __typename id name email role createdAt }
	fragment T on Tree { __typename id title description status tags category { __typename id name position }
		author { ...U } owner { ...U } savedBy { ...U } confirmedBy { ...U } confirmedAt
		nodeCount publishedVersion revision createdAt updatedAt reviewBy openOfferCount }`

const everything = oneTree + `
	fragment P on PageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor }`

func TestPlans_AnswerWhatIsMeantForThem(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	all := `{ __typename edges { __typename cursor node { ...T } } nodes { ...T } pageInfo { ...P } totalCount } x: __typename }`
	for what, tt := range map[string]struct {
		query     string
		variables map[string]any
		planned   bool
	}{
		"a list":                 {`{ trees` + all + everything, nil, true},
		"a page":                 {`query($n: Int) { a: trees(first: $n, orderBy: {field: TITLE, direction: ASC})` + all + everything, map[string]any{"n": 2}, true},
		"the last page":          {`{ trees(last: 2)` + all + everything, nil, true},
		"an empty page":          {`{ trees(first: 0)` + all + everything, nil, true},
		"archived ones":          {`{ trees(filter: {status: ARCHIVED})` + all + everything, nil, true},
		"by review":              {`{ trees(orderBy: {field: REVIEW, direction: ASC})` + all + everything, nil, true},
		"by use":                 {`{ trees(orderBy: {field: MOST_USED, direction: DESC})` + all + everything, nil, true},
		"too many":               {`{ trees(first: 101) { totalCount } }`, nil, true},
		"no cursor":              {`{ trees(after: "x") { totalCount } }`, nil, true},
		"one":                    {`query($id: ID!) { tree(id: $id) { ...T } }` + oneTree, map[string]any{"id": l.trees[4]}, true},
		"a bare one":             {`query($id: ID!) { tree(id: $id) { ...T } }` + oneTree, map[string]any{"id": l.trees[1]}, true},
		"one that is not":        {`{ __typename a: tree(id: "` + missing + `") { title } b: __typename }`, nil, true},
		"what is no id":          {`{ tree(id: "x") { title } }`, nil, true},
		"a number for an id":     {`{ tree(id: 1) { title } }`, nil, true},
		"the shelves":            {`{ treeCategories { id name position __typename } }`, nil, true},
		"through interfaces":     {`{ trees { nodes { ... on Node { id } ... on Node { id again: id } ... { title } ... on Tree { id } } } }`, nil, true},
		"merged":                 {`{ trees { nodes { author { id } author { name } } } trees { nodes { title author { id name } } } }`, nil, true},
		"left out":               {`query($no: Boolean!, $yes: Boolean = true) { trees @skip(if: $no) { nodes { id @include(if: $no) title @skip(if: $yes) tags @include(if: true) } } }`, map[string]any{"no": false}, true},
		"left in":                {`query($no: Boolean!, $yes: Boolean = true) { trees { nodes { id @include(if: $no) title @skip(if: $yes) } } }`, map[string]any{"no": true, "yes": false}, true},
		"all left out":           {`{ trees { nodes { id @skip(if: true) } } }`, nil, true},
		"no field at all":        {`query($no: Boolean!) { trees @include(if: $no) { totalCount } }`, map[string]any{"no": false}, false},
		"two at once":            {`{ a: trees { totalCount } b: trees { totalCount } }`, nil, false},
		"the graph":              {`{ trees { nodes { graph { root } } } }`, nil, false},
		"what depends on others": {`{ trees { nodes { author { lastLoginAt } } } }`, nil, false},
		"a list in a list":       {`{ trees { nodes { versions { totalCount } } } }`, nil, false},
		"a type's name":          {`{ __typename }`, nil, false},
	} {
		for who := range l.callers {
			if got := l.same(t, who, tt.query, tt.variables); got.planned != tt.planned {
				t.Errorf("%s: a plan is there: %v", what, got.planned)
			}
		}
	}
}

// TestPlans_DenyWhoIsDenied asks for each field with a plan as every caller: the gate
// of the schema stands in front of both ways.
func TestPlans_DenyWhoIsDenied(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	schema := loadSchema(t)
	examples := map[string]string{
		"trees": `{ trees { nodes { title } } }`, "tree": `{ tree(id: "` + l.trees[3] + `") { title } }`, "treeCategories": `{ treeCategories { name } }`,
	}
	for _, name := range graph.RootPlans() {
		query := examples[name]
		if query == "" {
			t.Errorf("Query.%s has a plan and no example here", name)
			continue
		}
		least := account.Role("")
		if gate := schema.Query.Fields.ForName(name).Directives.ForName("auth"); gate != nil {
			least = account.Viewer
			if role := gate.Arguments.ForName("role"); role != nil {
				least = account.Role(role.Value.Raw)
			}
		}
		for who, c := range l.callers {
			got := l.same(t, who, query, nil)
			if !got.planned {
				t.Errorf("Query.%s: the example has no plan", name)
			}
			admitted := least == "" || c != nil && c.Refused == nil && c.Role.AtLeast(least)
			if answered := strings.HasSuffix(got.text, "\n"); answered != admitted {
				t.Errorf("Query.%s, which asks for %q, answers %s with %s", name, least, who, got.text)
			}
		}
	}
}

// TestExecutor_WeighsWhatAVariableChanges asks for more and more with one document.
func TestExecutor_WeighsWhatAVariableChanges(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	query := `query($n: Int, $id: ID!) { trees(first: $n) { nodes { ...T } edges { node { ...T } } } tree(id: $id) { title } }` + oneTree
	for _, n := range []int{1, 20, 100, 1} {
		got := l.same(t, "OWNER", query, map[string]any{"n": n, "id": l.trees[0]})
		if refused := strings.Contains(got.text, "costs too much"); refused != (n == 100) {
			t.Errorf("of %d the answer is %s", n, got.text)
		}
	}
}

// TestPlans_SameAsGqlgen makes queries of the schema and compares every byte.
func TestPlans_SameAsGqlgen(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	schema := loadSchema(t)
	var callers []string
	for who := range l.callers {
		callers = append(callers, who)
	}
	slices.Sort(callers)
	planned, valid := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := &writer{T: t, schema: schema, library: l, variables: map[string]any{}}
		query := w.query()
		got := l.same(t, rapid.SampledFrom(callers).Draw(t, "caller"), query, w.variables)
		if got.planned {
			planned++
		}
		if !strings.HasPrefix(got.text, "\n") {
			valid++
		}
	})
	t.Logf("%d queries were valid, %d had a plan", valid, planned)
}

// writer writes a query of the schema.
type writer struct {
	*rapid.T
	schema    *ast.Schema
	library   *library
	fragments []string
	declared  []string
	variables map[string]any
}

// chance says yes once in so many times.
func (w *writer) chance(of int, label string) bool {
	return rapid.IntRange(1, of).Draw(w.T, label) == of
}

func (w *writer) query() string {
	var fields []string
	roots := []string{"trees", "trees", "tree", "treeCategories"}
	for range rapid.SampledFrom([]int{1, 1, 1, 1, 2}).Draw(w.T, "roots") {
		name := rapid.SampledFrom(roots).Draw(w.T, "root")
		f := w.schema.Query.Fields.ForName(name)
		fields = append(fields, fmt.Sprintf("r%d: %s%s%s%s", len(fields), name, w.arguments(name), w.directive(), w.selection(f.Type.Name(), 0)))
	}
	if w.chance(4, "typename") {
		fields = append(fields, "__typename")
	}
	head := "query"
	if len(w.declared) > 0 {
		head += "(" + strings.Join(w.declared, ", ") + ")"
	}
	return head + " { " + strings.Join(fields, " ") + " }\n" + strings.Join(w.fragments, "\n")
}

// variable declares a variable, or returns the value as a literal.
func (w *writer) variable(typ, literal string, value any) string {
	if w.chance(2, "literal") {
		return literal
	}
	name := fmt.Sprintf("$v%d", len(w.declared))
	switch {
	case w.chance(3, "default") && !strings.HasSuffix(typ, "!"):
		w.declared = append(w.declared, name+": "+typ+" = "+literal)
	default:
		w.declared = append(w.declared, name+": "+typ)
		w.variables[name[1:]] = value
	}
	return name
}

func (w *writer) arguments(root string) string {
	switch root {
	case "tree":
		id := rapid.SampledFrom(append([]string{"", "user_x", missing}, w.library.trees...)).Draw(w.T, "id")
		return "(id: " + w.variable("ID!", fmt.Sprintf("%q", id), id) + ")"
	case "trees":
		var list []string
		if w.chance(2, "page") {
			n := rapid.SampledFrom([]int{-1, 0, 1, 2, 3, 100, 101}).Draw(w.T, "first")
			list = append(list, rapid.SampledFrom([]string{"first", "last"}).Draw(w.T, "end")+": "+w.variable("Int", fmt.Sprint(n), n))
		}
		if w.chance(3, "order") {
			list = append(list, fmt.Sprintf("orderBy: {field: %s, direction: %s}",
				rapid.SampledFrom([]string{"UPDATED", "TITLE", "REVIEW", "MOST_USED"}).Draw(w.T, "field"), rapid.SampledFrom([]string{"ASC", "DESC"}).Draw(w.T, "direction")))
		}
		if w.chance(3, "filter") {
			list = append(list, "filter: "+rapid.SampledFrom([]string{"null", "{}", "{status: [DRAFT]}", "{status: ARCHIVED}", `{tag: "vpn"}`, `{categoryId: "x"}`, "{due: true}", `{text: "tree 4"}`}).Draw(w.T, "filter"))
		}
		if len(list) > 0 {
			return "(" + strings.Join(list, ", ") + ")"
		}
	}
	return ""
}

func (w *writer) directive() string {
	if !w.chance(5, "directive") {
		return ""
	}
	value := rapid.Bool().Draw(w.T, "if")
	typ := rapid.SampledFrom([]string{"Boolean!", "Boolean"}).Draw(w.T, "type")
	argument := w.variable("Boolean!", fmt.Sprint(value), value)
	if typ == "Boolean" && argument[0] == '$' { // it may be left out where it has a default
		last := len(w.declared) - 1
		w.declared[last] = strings.Replace(w.declared[last], "Boolean!", fmt.Sprintf("Boolean = %v", !value), 1)
		if w.chance(2, "left out") {
			delete(w.variables, argument[1:])
		}
	}
	return " @" + rapid.SampledFrom([]string{"skip", "include"}).Draw(w.T, "which") + "(if: " + argument + ")"
}

// selection writes what is selected of a type, or nothing for a scalar.
func (w *writer) selection(name string, depth int) string {
	typ := w.schema.Types[name]
	if len(typ.Fields) == 0 || typ.Kind != ast.Object {
		return ""
	}
	var names []string
	for _, f := range typ.Fields {
		if depth > 4 && len(w.schema.Types[f.Type.Name()].Fields) > 0 {
			continue
		}
		switch typ.Name + "." + f.Name {
		case "Tree.graph", "Tree.problems", "Tree.versions", "Tree.offers", "User.lastLoginAt", "User.disabledAt": // no plan
			if w.chance(40, "no plan") {
				names = append(names, f.Name)
			}
		case "User.loginSessions", "User.currentLoginSession": // need the login service
		default:
			names = append(names, f.Name)
		}
	}
	names = append(names, "__typename")
	var list []string
	for i := range rapid.IntRange(1, 6).Draw(w.T, "fields") {
		if depth < 5 && w.chance(5, "fragment") {
			list = append(list, w.fragment(typ, depth))
			continue
		}
		field := rapid.SampledFrom(names).Draw(w.T, "field")
		inner, alias := "", ""
		if f := typ.Fields.ForName(field); f != nil {
			inner = w.selection(f.Type.Name(), depth+1)
		}
		if w.chance(4, "alias") {
			alias = fmt.Sprintf("%s_%d: ", field, i%2)
		}
		list = append(list, alias+field+w.directive()+inner)
	}
	return " { " + strings.Join(list, " ") + " }"
}

// fragment writes a fragment of a type, in place or by name, on the type or on what
// it implements.
func (w *writer) fragment(typ *ast.Definition, depth int) string {
	on, inner := typ.Name, ""
	if len(typ.Interfaces) > 0 && w.chance(3, "interface") {
		on, inner = typ.Interfaces[0], " { id"+w.directive()+" __typename }"
	} else {
		inner = w.selection(typ.Name, depth+1)
	}
	switch rapid.IntRange(0, 2).Draw(w.T, "kind") {
	case 0:
		if on == typ.Name {
			return "..." + w.directive() + inner
		}
		fallthrough
	case 1:
		return "... on " + on + w.directive() + inner
	}
	name := fmt.Sprintf("F%d", len(w.fragments))
	w.fragments = append(w.fragments, "fragment "+name+" on "+on+inner)
	spread := "..." + name + w.directive()
	if w.chance(3, "twice") {
		spread += " ..." + name
	}
	return spread
}
