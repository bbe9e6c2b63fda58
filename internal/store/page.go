package store

import (
	"errors"
	"slices"
	"strconv"

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
	direction, compare := k.direction(span)
	if span.From != nil {
		q = q.Where("("+k.column+", "+id+") "+compare+" (?, ?)", from(span, byTime), span.From.ID)
	}
	return q.
		OrderExpr(k.column + " " + direction).
		OrderExpr(id + " " + direction).
		Limit(int64(span.Limit + 1))
}

// pageOf is page for a statement that has its conditions.
func (k key) pageOf(s *statement, id string, span tree.Span, byTime bool) {
	direction, compare := k.direction(span)
	if span.From != nil {
		s.add(" AND ("+k.column+", "+id+") "+compare+" (?, ?)", from(span, byTime), span.From.ID)
	}
	// The limit is part of the text: without it PostgreSQL would plan for a tenth of
	// all rows.
	s.add(" ORDER BY " + k.column + " " + direction + ", " + id + " " + direction + " LIMIT " + strconv.Itoa(span.Limit+1))
}

// direction returns in which direction rows are read, and how those behind a
// cursor compare with it.
func (k key) direction(span tree.Span) (direction, compare string) {
	if k.desc != span.Backward {
		return "DESC", "<"
	}
	return "ASC", ">"
}

// from returns the value at which a span begins.
func from(span tree.Span, byTime bool) any {
	if byTime {
		return span.From.Time()
	}
	return span.From.Value
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
