package store_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// walksVariable names the environment variable with the number of sessions that
// BenchmarkAnalytics counts over; PLANS=1 logs the plans too.
const walksVariable = "ANALYTICS_SESSIONS"

// BenchmarkAnalytics measures figures about walks, and reports the median in
// milliseconds beside the mean. The sessions of 90 days are spread over 40 trees,
// the most used of which has a tenth of them; each has nine entries, and a
// quarter of them goes back once. All but the last 200 are counted beforehand, as
// housekeeping does within a minute.
//
//	ANALYTICS_SESSIONS=100000 go test ./internal/store -run '^$' -bench Analytics -benchtime 30x -timeout 30m
func BenchmarkAnalytics(b *testing.B) {
	sessions := 2000
	if text := os.Getenv(walksVariable); text != "" {
		var err error
		if sessions, err = strconv.Atoi(text); err != nil {
			b.Fatalf("%s: %v", walksVariable, err)
		}
	}
	sent := new(statements)
	db := pgtest.OpenTraced(b, sent)
	service := &tree.Service{Store: store.NewTrees(db), Now: func() time.Time { return nine }}
	tm := seedTeam(b, db, "team")
	const trees = 40
	ids := growWalks(b, db, tm, trees, sessions, "CASE WHEN n % 10 = 0 THEN 1 ELSE 2 + n % 39 END")
	one := seedTeam(b, db, "one tree")
	only := growWalks(b, db, one, 1, sessions, "1")

	analytics := func(tm team, id tree.ID, version int) func(b *testing.B) {
		return func(b *testing.B) {
			a, err := service.Analytics(b.Context(), tm.Admin, tree.AnalyticsQuery{Tree: id, Version: version, Sessions: true, Nodes: true})
			if err != nil || a.Sessions.Started == 0 || len(a.Nodes) < 9 {
				b.Fatalf("%+v, %v", a, err)
			}
		}
	}
	for _, q := range []struct {
		name string
		ask  func(b *testing.B)
	}{
		{"one of 40 trees", analytics(tm, ids[5], 0)},
		{"one version of it", analytics(tm, ids[5], 1)},
		{"the most used, with a tenth of all", analytics(tm, ids[0], 0)},
		{"the only tree, with all", analytics(one, only[0], 0)},
		{"health of all 40", func(b *testing.B) {
			if _, err := service.TreesHealth(b.Context(), tm.Admin); err != nil {
				b.Fatal(err)
			}
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				q.ask(b)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
		if os.Getenv("PLANS") == "" {
			continue
		}
		for _, sql := range sent.during(func() { q.ask(b) }) {
			if !strings.Contains(sql, "sum(") {
				continue
			}
			var plan []string
			if err := db.NewRaw("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) "+sql).Scan(b.Context(), &plan); err != nil {
				b.Fatal(err)
			}
			b.Logf("%s:\n%s", q.name, strings.Join(plan, "\n"))
		}
	}
}

// growWalks makes published trees with two versions of 30 nodes each, and sessions
// on them; on is an SQL expression that says which tree, from 1, the n-th is on.
func growWalks(tb testing.TB, db *store.DB, tm team, trees, sessions int, on string) []tree.ID {
	tb.Helper()
	conn, err := db.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	exec := func(sql string, args ...any) {
		tb.Helper()
		if _, err := conn.ExecContext(tb.Context(), sql, args...); err != nil {
			tb.Fatal(err)
		}
	}
	exec("SET statement_timeout = 0")
	defer exec("RESET statement_timeout")
	graph := tree.Graph{Root: "node-1"}
	for i := range 30 {
		at, next := tree.NodeID("node-"+strconv.Itoa(i+1)), tree.NodeID("node-"+strconv.Itoa(i+2))
		graph.Nodes = append(graph.Nodes, tree.Node{
			ID: at, Kind: tree.Decision, Title: "Is it the cable, or the plug, or something else?", Text: strings.Repeat("Look closely. ", 20),
			Options: []tree.Option{{ID: "yes", Label: "Yes", Target: next}, {ID: "no", Label: "No", Target: next}},
		})
	}
	ids := make([]tree.ID, trees)
	who := tm.Engineer.UserID
	for i := range ids {
		ids[i] = newID[tree.ID](tb)
		exec(`INSERT INTO trees (account_id, id, title, status, author_id, owner_id, saved_by, draft, draft_node_count, created_at, updated_at)
			VALUES (?, ?, 'T', 'DRAFT', ?, ?, ?, '{}', 0, ?, ?)`, tm.Account, ids[i], who, who, who, nine, nine)
		for version := 1; version <= 2; version++ {
			exec(`INSERT INTO tree_versions (account_id, tree_id, number, title, graph, node_count, published_by, published_at) VALUES (?, ?, ?, 'T', ?, 30, ?, ?)`,
				tm.Account, ids[i], version, string(tree.EncodeGraph(graph)), who, nine)
		}
		exec(`UPDATE trees SET status = 'PUBLISHED', published_version = 2 WHERE account_id = ? AND id = ?`, tm.Account, ids[i])
	}
	// Ids rise with time, as those that the program makes do.
	exec(`INSERT INTO tree_sessions (account_id, id, tree_id, tree_version, started_by, held_by, status, outcome, started_at, ended_at, active_seconds, last_seq, current_node_id, current_title, subject, updated_at)
		SELECT ?0, (lpad(to_hex(n), 12, '0') || '7000' || '8000' || left(md5(?0::text || n), 12))::uuid, ts.id, 1 + n % 2, ?1, ?1,
		  CASE WHEN n % 7 = 0 THEN 'ABANDONED' ELSE 'COMPLETED' END, CASE WHEN n % 7 <> 0 THEN (ARRAY['RESOLVED', 'ESCALATED', 'UNRESOLVED'])[1 + n % 3] END,
		  s.at, s.at + interval '8 minutes' + n % 997 * interval '1 second', 400 + n % 613, 9, 'node-9', 'Is it the cable, or the plug, or something else', 'A subject of usual length', s.at
		FROM generate_series(1, ?2) AS n
		CROSS JOIN LATERAL (SELECT ?3::timestamptz - (?2 - n) * (interval '89 days' / ?2) AS at) AS s
		JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM trees WHERE account_id = ?0) AS ts ON ts.place = `+on,
		tm.Account, who, sessions, nine.Add(-2*time.Hour))
	exec(`INSERT INTO tree_session_steps (account_id, session_id, seq, kind, tree_id, tree_version, node_id, node_kind, title, text, option_id, option_label, to_node_id, target_seq, entered_at, at, by_user_id)
		SELECT s.account_id, s.id, n, CASE WHEN n = 9 THEN replace(replace(s.status, 'ED', ''), 'COMPLET', 'COMPLETE') WHEN back THEN 'BACK' ELSE 'ANSWER' END,
		  s.tree_id, s.tree_version, 'node-' || n, 'DECISION', 'Is it the cable, or the plug, or something else', repeat('Look closely. ', 20),
		  CASE WHEN NOT back AND n < 9 THEN (ARRAY['yes', 'no'])[1 + get_byte(uuid_send(s.id), 5) % 2] END, 'Yes', 'node-' || n + 1, CASE WHEN back THEN 4 END,
		  s.started_at + (n - 1) * interval '1 minute', s.started_at + n * interval '1 minute' + get_byte(uuid_send(s.id), 5) * interval '10 ms', s.started_by
		FROM tree_sessions AS s CROSS JOIN generate_series(1, 9) AS n CROSS JOIN LATERAL (SELECT n = 5 AND get_byte(uuid_send(s.id), 5) % 4 = 0 AS back) AS turn
		WHERE s.account_id = ?`, tm.Account)
	exec("VACUUM ANALYZE tree_sessions, tree_session_steps, tree_versions, trees")
	counts, began := store.NewTrees(db), time.Now()
	for left := sessions - 200; left > 0; {
		n, err := counts.CountSessions(tb.Context(), nine, min(left, 500))
		if err != nil || n == 0 {
			tb.Fatalf("%d sessions are left to be counted, %v", left, err)
		}
		left -= n
	}
	tb.Logf("%d sessions were counted in %v", sessions-200, time.Since(began))
	exec("VACUUM ANALYZE tree_sessions, tree_session_counts, tree_visit_counts")
	return ids
}
