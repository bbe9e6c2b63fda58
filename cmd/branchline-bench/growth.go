//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

const (
	growthRounds   = 5
	growthRequests = 60 // a round
	walkedSessions = 100_000
	walkedNodes    = 30
)

// sizes are numbers of trees, the smallest first.
type sizes []int

// String implements flag.Value.
func (s *sizes) String() string {
	var parts []string
	for _, n := range *s {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ",")
}

// Set implements flag.Value.
func (s *sizes) Set(text string) error {
	*s = nil
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n < 1000 || len(*s) > 0 && n <= (*s)[len(*s)-1] {
			return errors.New("write it like 1000,100000: numbers from 1000 on, the smallest first")
		}
		*s = append(*s, n)
	}
	return nil
}

const (
	searchQuery    = `query Search($text: String!) { searchTrees(query: $text, first: 20) { edges { node { id title category { name } } matchingNodeId excerpt { text isMatch } } isRankBounded } }`
	analyticsQuery = `query Analytics($id: ID!) { treeAnalytics(input: {treeId: $id}) { sessions { started completed completionRate outcomes { outcome count share } medianSeconds medianActiveSeconds }
		versions { version started } nodes { nodeId title visits undone dropOffs medianSeconds options { optionId label chosen } } } }`
	healthQuery = `{ treesHealth { treeId title findings { code number message } } }`
)

// growth measures how costs grow with what is kept: lists, searches and single reads
// among ever more trees, and the figures of a tree that was walked often.
func (b *bench) growth(ctx context.Context) error {
	if len(b.trees) == 0 {
		return nil
	}
	libraries := make([]*library, len(b.trees))
	for i, n := range b.trees {
		l, err := b.openLibrary(ctx, n)
		if l != nil {
			defer l.close()
		}
		if err != nil {
			return err
		}
		libraries[i] = l
	}
	if err := b.lookups(ctx, libraries); err != nil {
		return err
	}
	return libraries[0].figures(ctx)
}

// library is a database of so many trees, with a process of the product of its own.
type library struct {
	*api
	server *product
	size   int
	ids    []uuid.UUID // of some of the trees, from all over
}

func (b *bench) openLibrary(ctx context.Context, size int) (*library, error) {
	b.say("loading %d trees", size)
	l := &library{size: size, api: &api{bench: &bench{
		options: b.options, dir: b.dir, binary: b.binary, cluster: b.cluster, keys: b.keys, tokens: b.tokens, report: b.report,
	}}}
	l.sockets = people
	if err := l.openDatabase(ctx, fmt.Sprintf("branchline_%d_trees", size)); err != nil {
		return l, err
	}
	var err error
	if l.server, err = l.serve(ctx, fmt.Sprintf("server of %d trees", size)); err != nil {
		return l, err
	}
	if err := l.people(ctx, l.server); err != nil {
		return l, err
	}
	return l, l.load(ctx)
}

func (l *library) close() {
	if l.server != nil {
		l.server.stop()
	}
	l.closeDatabase()
}

// load copies the trees in. The rows are right, so nobody checks what they refer to,
// and the index of words is made in one piece afterwards.
func (l *library) load(ctx context.Context) error {
	conn, err := l.db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var index string
	if err := conn.QueryRow(ctx, `SELECT indexdef FROM pg_indexes WHERE indexname = 'tree_search_words'`).Scan(&index); err != nil {
		return err
	}
	account := l.owner.AccountID.UUID().String()
	for _, statement := range []string{
		`SET session_replication_role = replica`, `SET maintenance_work_mem = '512MB'`, `DROP INDEX tree_search_words`,
		`INSERT INTO tree_categories (account_id, id, name, position) SELECT '` + account + `', gen_random_uuid(), 'Category ' || n, n FROM generate_series(1, 20) AS n`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("prepare to load trees: %w", err)
		}
	}
	var categories []string
	if err := conn.QueryRow(ctx, `SELECT array_agg(id::text) FROM tree_categories`).Scan(&categories); err != nil {
		return err
	}
	latest := time.Now().Add(-time.Hour)
	for _, table := range []struct {
		columns string
		row     func(w io.Writer, i int, id uuid.UUID, d document)
	}{
		{
			"trees (account_id, id, title, description, category_id, status, author_id, owner_id, saved_by, draft, draft_node_count, created_at, updated_at)",
			func(w io.Writer, i int, id uuid.UUID, d document) {
				user, at := l.users[i%200].ID.UUID(), latest.Add(time.Duration(i-l.size)*time.Second).Format(time.RFC3339)
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\tDRAFT\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", account, id, d.title, d.description, categories[i%len(categories)],
					user, user, user, copied.Replace(string(tree.EncodeGraph(d.graph))), len(d.graph.Nodes), at, at)
			},
		},
		{
			"tree_search (account_id, tree_id, form, status, rules, words)",
			func(w io.Writer, _ int, id uuid.UUID, d document) {
				var treeID tree.ID
				_ = treeID.Scan(id.String()) // it is a UUID
				words := tree.SearchWords(d.title, d.description, nil, &d.graph)
				fmt.Fprintf(w, "%s\t%s\t%d\tDRAFT\t%d\t%s\n", account, id, tree.DraftForm, tree.SearchRules, store.SearchVector(words, l.owner.AccountID, treeID, tree.DraftForm))
			},
		},
	} {
		rows, rest := io.Pipe()
		go func() {
			w := bufio.NewWriterSize(rest, 1<<20)
			random := rand.New(rand.NewPCG(1, uint64(l.size)))
			for i := range l.size {
				table.row(w, i, documentID(i), newDocument(random, i, l.size))
			}
			_ = rest.CloseWithError(w.Flush()) // never fails
		}()
		_, err := conn.Conn().PgConn().CopyFrom(ctx, rows, "COPY "+table.columns+" FROM STDIN")
		_ = rows.Close()
		if err != nil {
			return fmt.Errorf("load trees: %w", err)
		}
	}
	for _, statement := range []string{index, `RESET session_replication_role`, `VACUUM ANALYZE`} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("after loading trees: %w", err)
		}
	}
	for i := range growthRequests {
		l.ids = append(l.ids, documentID(i*(l.size/growthRequests)))
	}
	return nil
}

// copied writes a text as COPY reads it.
var copied = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)

// document is what a loaded tree says.
type document struct {
	title, description string
	graph              tree.Graph
}

// documentID returns the id of the nth tree: ids rise with time, and end anyhow.
func documentID(i int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("%08x-%04x-7000-8000-%012x", i>>16, i&0xffff, uint64(i+1)*0x9E3779B97F4A7C15>>16))
}

var things = strings.Fields("router printer vpn laptop outlook driver password certificate network screen")

// newDocument returns the ith of n trees. Ten trees have its case, a tenth of all its
// thing, and all of them "check"; other words are as common as in a language.
func newDocument(r *rand.Rand, i, n int) document {
	word := func() string { return "w" + strconv.FormatInt(int64(math.Pow(20_000, r.Float64())), 36) }
	thing := things[i%len(things)]
	d := document{
		title:       fmt.Sprintf("%s of case%d", thing, i%(n/10)),
		description: word() + " " + word(),
		graph:       tree.Graph{Root: "a"},
	}
	for _, node := range []tree.NodeID{"a", "b"} {
		d.graph.Nodes = append(d.graph.Nodes, tree.Node{
			ID: node, Kind: tree.Solution, Outcome: tree.Resolved, Title: "Check the " + thing + " " + word(),
			Text: fmt.Sprintf("Look at %s, %s and %s", word(), word(), word()),
		})
	}
	return d
}

// lookups measures lists, single reads and searches in all libraries in turns, by one
// client each, and compares the medians with those of the smallest.
func (b *bench) lookups(ctx context.Context, libraries []*library) error {
	search := func(text string) func(*library, int) []byte {
		return func(*library, int) []byte { return operation(searchQuery, map[string]any{"text": text}) }
	}
	for _, o := range []struct {
		what   string
		common bool // what it ranks grows with the trees until the bound, which 100,000 reach
		body   func(l *library, i int) []byte
	}{
		{"list query", false, func(*library, int) []byte { return operation(listQuery, nil) }},
		{"single read", false, func(l *library, i int) []byte {
			var id tree.ID
			_ = id.Scan(l.ids[i%len(l.ids)].String()) // it is a UUID
			return operation(singleQuery, map[string]any{"id": id.String()})
		}},
		{"search, 10 trees match", false, func(l *library, i int) []byte {
			return operation(searchQuery, map[string]any{"text": fmt.Sprintf("case%d ", i*(l.size/10)/growthRequests)})
		}},
		{"search, 1 in 10 matches", true, search("router")},
		{"search, all match", true, search("check")},
		{"search, the beginning of many words", true, search("w")},
	} {
		b.say("%s among %s trees", o.what, b.trees.String())
		for _, l := range libraries { // loading may take longer than a token lives
			var err error
			if l.token, err = l.ownerToken(); err != nil {
				return err
			}
		}
		times := make([][]spread, len(libraries))
		for round := range growthRounds + 1 {
			for i, l := range libraries {
				jobs := make([]job, growthRequests)
				for k := range jobs {
					jobs[k] = job{newRequest(l.token, o.body(l, k))}
				}
				done, err := drive(ctx, l.server.address, 1, jobs)
				if err != nil {
					return fmt.Errorf("%s among %d trees: %w", o.what, l.size, err)
				}
				if round > 0 {
					times[i] = append(times[i], spreadOf(done.times))
				}
			}
		}
		floor := 0 // which library the others are compared with
		if o.common && len(libraries) > 1 {
			floor = 1
		}
		base := middle(times[floor]).p50
		for i, l := range libraries {
			p50, what := middle(times[i]).p50, fmt.Sprintf("%s, %d trees: p50", o.what, l.size)
			if i <= floor {
				b.report.add(what, "ms", p50, 0)
				continue
			}
			b.report.judge("S17", fmt.Sprintf("%s; floor: %d trees", what, libraries[floor].size), "ms", p50, base, "≤ 1.5 × floor", p50 <= 1.5*base)
		}
	}
	return nil
}

// figures measures the figures of a tree that all of 100,000 sessions walked.
func (l *library) figures(ctx context.Context) error {
	l.say("figures: %d sessions of one tree", walkedSessions)
	type vars = map[string]any
	nodes := []any{vars{"solution": vars{"nodeId": "done", "title": "It works again.", "outcome": "RESOLVED"}}}
	for i := range walkedNodes {
		on := "done"
		if i+1 < walkedNodes {
			on = questionID(i + 1)
		}
		nodes = append(nodes, vars{"decision": vars{
			"nodeId": questionID(i), "title": questionTitle(i),
			"options": []any{vars{"optionId": optionOn, "label": labelOn, "target": on}, vars{"optionId": optionStop, "label": labelStop, "target": "done"}},
		}})
	}
	var made struct {
		CreateTree struct{ Tree struct{ ID tree.ID } }
	}
	if err := l.server.ask(ctx, l.token, `mutation($in: CreateTreeInput!) { createTree(input: $in) { tree { id } } }`,
		vars{"in": vars{"title": "Walked often", "graph": vars{"root": questionID(0), "nodes": nodes}}}, &made); err != nil {
		return err
	}
	id := made.CreateTree.Tree.ID
	var published struct{ PublishTree struct{ Version int } }
	if err := l.server.ask(ctx, l.token, `mutation($in: PublishTreeInput!) { publishTree(input: $in) { version } }`,
		vars{"in": vars{"treeId": id.String(), "expectedRevision": 1}}, &published); err != nil {
		return err
	}
	conn, err := l.db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	account, treeID := uuidOf(l.owner.AccountID.UUID()), uuidOf(id.UUID())
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`SET session_replication_role = replica`, nil},
		{
			`INSERT INTO tree_sessions (account_id, id, tree_id, tree_version, started_by, held_by, status, outcome, started_at, ended_at, active_seconds, last_seq, current_node_id, subject, updated_at)
		SELECT $1, (lpad(to_hex(n), 12, '0') || '7000' || '8000' || left(md5(n::text), 12))::uuid, $2, 1, $3, $3,
		  CASE WHEN runs THEN 'IN_PROGRESS' WHEN n % 7 = 0 THEN 'ABANDONED' ELSE 'COMPLETED' END,
		  CASE WHEN NOT runs AND n % 7 <> 0 THEN (ARRAY['RESOLVED', 'ESCALATED', 'UNRESOLVED'])[1 + n % 3] END,
		  at, CASE WHEN NOT runs THEN at + interval '8 minutes' + n % 997 * interval '1 second' END, 400 + n % 613, CASE WHEN runs THEN 8 ELSE 9 END, $5, 'A subject of usual length', now()
		FROM generate_series(1, $4) AS n CROSS JOIN LATERAL (SELECT now() - interval '2 hours' - ($4 - n) * (interval '89 days' / $4) AS at, n > $4 - 200 AS runs) AS s`,
			[]any{account, treeID, uuidOf(l.users[0].ID.UUID()), walkedSessions, questionID(8)},
		},
		{`INSERT INTO tree_session_steps (account_id, session_id, seq, kind, tree_id, tree_version, node_id, node_kind, title, text, option_id, option_label, target_seq, entered_at, at, by_user_id)
		SELECT s.account_id, s.id, n, CASE WHEN n = 9 THEN replace(replace(s.status, 'ED', ''), 'COMPLET', 'COMPLETE') WHEN back THEN 'BACK' ELSE 'ANSWER' END,
		  s.tree_id, 1, $2 || (n + first) % $3, 'DECISION', 'Is it the cable, or the plug, or something else', repeat('Look closely. ', 20),
		  CASE WHEN NOT back AND n < 9 THEN (ARRAY[$4, $5])[1 + (n + first) % 2] END, 'Yes', CASE WHEN back THEN 4 END,
		  s.started_at + (n - 1) * interval '1 minute', s.started_at + n * interval '1 minute' - first * interval '217 ms', s.started_by
		FROM tree_sessions AS s CROSS JOIN generate_series(1, 9) AS n
		CROSS JOIN LATERAL (SELECT get_byte(uuid_send(s.id), 15) AS first, n = 5 AND get_byte(uuid_send(s.id), 15) % 4 = 0 AS back) AS turn
		WHERE s.account_id = $1 AND n <= s.last_seq`, []any{account, questionID(0)[:len(questionID(0))-1], walkedNodes, optionOn, optionStop}},
		{`RESET session_replication_role`, nil},
		{`ANALYZE tree_sessions, tree_session_steps`, nil},
	} {
		if _, err := conn.Exec(ctx, s.sql, s.args...); err != nil {
			return fmt.Errorf("walk a tree often: %w", err)
		}
	}
	l.say("figures: counting, as housekeeping does")
	counts, err := store.Open(ctx, l.database, store.Options{})
	if err != nil {
		return err
	}
	defer counts.Close()
	for n := 1; n > 0; { // the 200 that run are not counted yet
		if n, err = store.NewTrees(counts).CountSessions(ctx, time.Now().Add(-time.Hour), 500); err != nil {
			return err
		}
	}
	if _, err := conn.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return err
	}
	for _, q := range []struct {
		what string
		body []byte
	}{
		{fmt.Sprintf("figures of a tree that %d sessions walked: p50", walkedSessions), operation(analyticsQuery, vars{"id": id.String()})},
		{fmt.Sprintf("health of the account's trees, %d sessions: p50", walkedSessions), operation(healthQuery, nil)},
	} {
		jobs := slices.Repeat([]job{{newRequest(l.token, q.body)}}, 30)
		if _, err := drive(ctx, l.server.address, 1, jobs[:3]); err != nil {
			return err
		}
		done, err := drive(ctx, l.server.address, 1, jobs)
		if err != nil {
			return err
		}
		p50 := spreadOf(done.times).p50
		l.report.judge("–", q.what, "ms", p50, 0, "≤ 50 ms", p50 <= 50)
	}
	return nil
}

// validation measures the check of the largest trees, by the tree package's own
// benchmarks.
func (b *bench) validation(ctx context.Context) error {
	b.say("running the tree package's benchmarks")
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkValidate", "-benchtime", "100x", "-count", "3", "./internal/tree")
	out, err := test.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run the tree package's benchmarks: %w\n%s", err, out)
	}
	found := parseBenchmarks(string(out))
	for _, figure := range []struct{ name, what string }{
		{"Validate2000Nodes ns/op", "2,000 nodes: all problems found"},
		{"Validate ns/op", "2,000 nodes, 666 of them inputs with branches: all problems found"},
	} {
		value, ok := found[figure.name]
		if !ok {
			return fmt.Errorf("the tree package's benchmarks do not report %q:\n%s", figure.name, out)
		}
		b.report.judge("–", figure.what, "ms", value/1e6, 0, "≤ 5 ms", value <= 5e6)
	}
	return nil
}
