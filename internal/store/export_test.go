package store

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// ArrayText is arrayText.
func ArrayText(list []string) string { return arrayText(list) }

// GrowTrees adds n drafts to an account, many in a statement, known to search as
// InsertTree makes them. From the first on, every 16th is one of the few, and every
// 256th of the fewest.
func GrowTrees(t testing.TB, db *DB, accountID account.ID, author account.UserID, n int, of func(i int) tree.NewTree) {
	t.Helper()
	known := map[string]bool{}
	for done := 0; done < n; {
		var ids, titles, descriptions, drafts, vectors, fresh []string
		for ; len(ids) < 1000 && done < n; done++ {
			in := of(done)
			words := tree.SearchWords(in.Title, in.Description, in.Tags, &in.Graph)
			for i := range words {
				if w := &words[i]; w.Correctable() && !known[w.Text] {
					known[w.Text] = true
					fresh = append(fresh, w.Text)
				}
			}
			var id tree.ID
			random := uuid.Must(uuid.NewV7())
			random[len(random)-1] = byte(done)
			if err := id.Scan(random.String()); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id.UUID().String())
			titles, descriptions = append(titles, in.Title), append(descriptions, in.Description)
			drafts = append(drafts, string(tree.EncodeGraph(in.Graph)))
			vectors = append(vectors, SearchVector(words, accountID, id, tree.DraftForm))
		}
		exec := func(sql string, args ...any) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), sql, args...); err != nil {
				t.Fatal(err)
			}
		}
		exec(`
			WITH made AS (
				INSERT INTO trees (account_id, id, title, description, status, author_id, owner_id, saved_by, draft, draft_node_count, created_at, updated_at)
				SELECT ?, id, title, description, 'DRAFT', ?, ?, ?, draft, 1, '2026-01-01', '2026-01-01'
				FROM unnest(?::uuid[], ?::text[], ?::text[], ?::jsonb[]) AS new (id, title, description, draft)
			)
			INSERT INTO tree_search (account_id, tree_id, form, status, rules, words)
			SELECT ?, id, ?, 'DRAFT', ?, words FROM unnest(?::uuid[], ?::tsvector[]) AS new (id, words)`,
			accountID, author, author, author,
			pgdialect.Array(ids), pgdialect.Array(titles), pgdialect.Array(descriptions), pgdialect.Array(drafts),
			accountID, tree.DraftForm, tree.SearchRules, pgdialect.Array(ids), pgdialect.Array(vectors))
		var near []string
		prefix := nearPrefix(accountID, tree.DraftForm)
		for _, word := range fresh {
			keys := tree.NearKeys(word)
			for i := range keys {
				keys[i] = prefix + keys[i]
			}
			near = append(near, "{"+strings.Join(keys, ",")+"}")
		}
		exec("INSERT INTO tree_words (account_id, form, word, near_keys) SELECT ?, ?, word, near::text[] FROM unnest(?::text[], ?::text[]) AS new (word, near)",
			accountID, tree.DraftForm, pgdialect.Array(fresh), pgdialect.Array(near))
	}
}
