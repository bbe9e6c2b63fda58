package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// treesVariable names the environment variable with the number of trees that
// BenchmarkSearchTrees searches among, half of them another account's if it ends in
// "/2".
const treesVariable = "SEARCH_TREES"

// BenchmarkSearchTrees measures searches as a person makes them, with excerpts, and
// reports the median in microseconds beside the mean.
//
//	SEARCH_TREES=1000000 go test ./internal/store -run '^$' -bench SearchTrees -benchtime 100x -timeout 60m
func BenchmarkSearchTrees(b *testing.B) {
	n, teams := 1000, 1
	if text := os.Getenv(treesVariable); text != "" {
		number, half := strings.CutSuffix(text, "/2")
		var err error
		if n, err = strconv.Atoi(number); err != nil {
			b.Fatalf("%s: %v", treesVariable, err)
		}
		if half {
			teams = 2
		}
	}
	address := pgtest.URL(b)
	db, err := store.Open(b.Context(), address, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	conn, err := pgx.Connect(b.Context(), address) // without the pool's time limits
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(b.Context()) }()
	service := &tree.Service{Store: store.NewTrees(db), Now: func() time.Time { return nine }}
	exec := func(sql string) {
		b.Helper()
		if _, err := conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	var index string
	if err := db.NewRaw("SELECT indexdef FROM pg_indexes WHERE indexname = 'tree_search_words'").Scan(b.Context(), &index); err != nil {
		b.Fatal(err)
	}
	exec("DROP INDEX tree_search_words")
	var tm team
	for i := range teams {
		tm = seedTeam(b, db, "team"+strconv.Itoa(i))
		store.GrowTrees(b, db, tm.Account, tm.Engineer.UserID, n/teams, runbooks(n/teams))
	}
	exec("SET maintenance_work_mem = '1GB'")
	exec(index)
	exec("VACUUM ANALYZE")

	for _, q := range []struct{ name, text string }{
		{"ten match, one word", "case7 "}, // the space ends the word
		{"ten match, two words", "w2x case7 "},
		{"one in a hundred has the word", "step42 "},
		{"one in ten has the word", "router"},
		{"all have the word", "check"},
		{"the start of many words", "st"},
		{"common words, one in a title", "router check vpn"},
		{"a typing error", "pritner case7 "},
		{"nothing", "xylophone"},
	} {
		b.Run(q.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				got, err := service.SearchTrees(b.Context(), tm.Engineer, tree.SearchQuery{Text: q.text, Fields: tree.TreeTitle, Excerpts: true})
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
				if len(got.Edges) == 0 != (q.name == "nothing") {
					b.Fatalf("%q finds %d", q.text, len(got.Edges))
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		})
	}
}

// runbooks returns trees of about 150 words. Words are as common as in a language:
// the nth of 20,000 in one of n places.
func runbooks(n int) func(i int) tree.NewTree {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	common := strings.Fields("router printer vpn laptop outlook driver password certificate network screen")
	word := func() string { return fmt.Sprintf("w%sx", strconv.FormatInt(int64(math.Pow(20_000, r.Float64())), 36)) }
	text := func(words int) string {
		var b strings.Builder
		for range words {
			b.WriteString(word() + " ")
		}
		return b.String()
	}
	return func(i int) tree.NewTree {
		thing := common[i%len(common)]
		g := tree.Graph{Root: "n0"}
		for k := range 6 {
			g.Nodes = append(g.Nodes, tree.Node{
				ID: tree.NodeID(fmt.Sprintf("n%d", k)), Kind: tree.Action, Title: "Check " + text(3),
				Text: text(18) + thing, Next: "n0",
			})
		}
		return tree.NewTree{
			Title:       fmt.Sprintf("%s of case%d", thing, i%(max(n, 10)/10)),
			Description: fmt.Sprintf("step%d %s", i%100, text(10)),
			Graph:       g,
		}
	}
}
