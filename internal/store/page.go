package store

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/tree"
)

// key is what a list is ordered by; the id decides between equals.
type key struct {
	column string // an expression of ours, never a caller's
	desc   bool
}

// page orders a list, begins it at the span's cursor, and reads one row more
// than is wanted, which tells whether there is more. Read backwards, the rows
// come in the opposite order.
func (k key) page(q *bun.SelectQuery, id string, span tree.Span, byTime bool) *bun.SelectQuery {
	direction, compare := "ASC", ">"
	if k.desc != span.Backward {
		direction, compare = "DESC", "<"
	}
	if span.From != nil {
		var value any = span.From.Value
		if byTime {
			value = span.From.Time()
		}
		q = q.Where("("+k.column+", "+id+") "+compare+" (?, ?)", value, span.From.ID)
	}
	return q.
		OrderExpr(k.column + " " + direction).
		OrderExpr(id + " " + direction).
		Limit(int64(span.Limit + 1))
}

// fill puts what was read into a page.
func fill[R, T any](page *tree.Connection[T], rows []R, span tree.Span, edge func(*R) (tree.Edge[T], error)) error {
	more := len(rows) > span.Limit
	if more {
		rows = rows[:span.Limit]
	}
	page.HasNextPage, page.HasPrevPage = more, span.From != nil
	if span.Backward {
		page.HasNextPage, page.HasPrevPage = span.From != nil, more
		slices.Reverse(rows)
	}
	page.Edges = make([]tree.Edge[T], len(rows))
	for i := range rows {
		var err error
		if page.Edges[i], err = edge(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// refersTo says whether err is a row of one of the tables that refers to what
// was to be deleted.
func refersTo(err error, tables ...string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23503" && slices.Contains(tables, pg.TableName) // foreign_key_violation
}
