package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// searchWeights rank a word in other texts, in a description or a node's title, in
// a tag, and in the title.
const searchWeights = "'{0.1, 0.3, 0.6, 1.0}'"

type foundTree struct {
	bun.BaseModel `bun:"table:trees,alias:t"`
	readTree
	Rank    float32 `bun:"rank"`
	Matched int     `bun:"matched"`
	Bounded bool    `bun:"bounded"`
}

// SearchTrees reads a page of the trees with the terms, ranked, in one statement.
//
// What is ranked is bounded first: trees with the terms in title or tags, and
// others, so many of each as are found first, share by share (see share); a share is not
// begun where those before it are enough. They are materialized, which stops at the
// limit all the same, because PostgreSQL would else count on meeting so many soon and
// read the table from its start, past the rows of other accounts. Only the page's trees
// are read themselves.
func (s *Trees) SearchTrees(ctx context.Context, accountID account.ID, form tree.Form, search tree.TreeSearch) (tree.FoundTrees, error) {
	page := tree.FoundTrees{Connection: tree.Connection[*tree.Tree]{Total: -1}}
	query := func(title bool, share share) string {
		return tsquery(search.Terms, search.Any, wordPrefix(accountID, wordKind{form, title, share}))
	}
	const half = tree.MaxRanked / 2
	matching := func(query string) *bun.SelectQuery {
		q := s.db.NewSelect().
			TableExpr("tree_search AS s").
			ColumnExpr("s.tree_id, s.words").
			Where("s.account_id = ?", accountID).
			Where("s.form = ?", form).
			Where("s.status IN (?)", bun.List(search.Filter.Status)).
			Where("s.words @@ ?::tsquery", query)
		if onTrees(search.Filter) {
			q = filterTrees(q.Join("JOIN trees AS t ON t.account_id = s.account_id AND t.id = s.tree_id"), accountID, form, search.Filter)
		}
		return q
	}
	// All parts rank by the words of all texts, so that a tree in two of them has one rank.
	part := func(title bool) *bun.SelectQuery {
		look := func(share share) *bun.SelectQuery {
			return matching(query(title, share)).ColumnExpr("?::tsquery AS terms", query(false, share))
		}
		return s.db.NewSelect().
			TableExpr("(WITH fewest AS MATERIALIZED (?), few AS MATERIALIZED (?), rest AS MATERIALIZED (?)"+
				" SELECT * FROM (SELECT * FROM fewest UNION ALL SELECT * FROM few UNION ALL SELECT * FROM rest) AS m LIMIT ?) AS m",
				look(fewest), look(few), look(rest), half+1).
			ColumnExpr("m.tree_id, ts_rank(?::real[], m.words, m.terms) AS rank, ?::boolean AS title", bun.Safe(searchWeights), title)
	}
	ranked := s.db.NewSelect().
		TableExpr("parts").
		ColumnExpr("tree_id, min(rank) AS rank").
		GroupExpr("tree_id")

	var rows []foundTree
	best := s.db.NewSelect().
		TableExpr("ranked").
		ColumnExpr("tree_id, rank").
		OrderExpr("rank DESC, tree_id DESC").
		Limit(int64(search.Span.Limit) + 1)
	if from := search.Span.From; from != nil {
		best = best.Where("(rank, tree_id) < (?::real, ?::uuid)", from.Value, from.ID)
	}
	q := selectTree(s.db.NewSelect().Model(&rows), form, search.Fields).
		With("parts", part(true).UnionAll(part(false))).
		With("ranked", ranked).
		With("best", best).
		ColumnExpr("best.rank AS rank").
		ColumnExpr("EXISTS (SELECT FROM parts GROUP BY title HAVING count(*) > ?) AS bounded", half).
		Join("JOIN best ON best.tree_id = t.id").
		Where("t.account_id = ?", accountID).
		OrderExpr("best.rank DESC, t.id DESC")
	if search.Total {
		q = q.ColumnExpr("(SELECT least(count(*), ?) FROM ranked) AS matched", tree.MaxRanked)
	}
	if err := q.Scan(ctx); err != nil {
		return page, fmt.Errorf("search trees: %w", err)
	}
	if search.Total {
		page.Total = 0
	}
	if len(rows) > 0 {
		page.Bounded = rows[0].Bounded
		if search.Total {
			page.Total = rows[0].Matched
		}
	}
	err := fill(&page.Connection, rows, search.Span, func(r *foundTree) (tree.Edge[*tree.Tree], error) {
		t, err := r.tree()
		if err != nil {
			return tree.Edge[*tree.Tree]{}, err
		}
		return tree.Edge[*tree.Tree]{Cursor: strconv.FormatFloat(float64(r.Rank), 'g', -1, 32), Node: t}, nil
	})
	return page, err
}

// onTrees says whether a filter asks for what tree_search has not.
func onTrees(f tree.TreeFilter) bool {
	return !f.Category.IsZero() || f.Tag != "" || !f.Author.IsZero() || !f.Owner.IsZero() || f.Due || f.Text != ""
}

// KnownWords reads the words that have one of the keys.
func (s *Trees) KnownWords(ctx context.Context, accountID account.ID, form tree.Form, nearKeys []string) ([]string, error) {
	const most = 500
	prefix := nearPrefix(accountID, form)
	keys := make([]string, len(nearKeys))
	for i, key := range nearKeys {
		keys[i] = prefix + key
	}
	var known []string
	matching := s.db.NewSelect().
		TableExpr("tree_words AS k").
		ColumnExpr("k.word").
		Where("k.account_id = ?", accountID).
		Where("k.form = ?", form).
		Where("k.near_keys && ?", pgdialect.Array(keys))
	err := s.db.NewRaw("WITH k AS MATERIALIZED (?) SELECT word FROM k LIMIT ?", matching, most).Scan(ctx, &known)
	if err != nil {
		return nil, fmt.Errorf("look for words like those searched for: %w", err)
	}
	return known, nil
}
