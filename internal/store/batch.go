package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
)

// batch is statements that go to PostgreSQL in one message, because none of them needs
// the answer of one before it. They run in their order, and where one fails those behind
// it do not: a way there and back costs each side as much as a small statement does.
type batch struct{ pgx.Batch }

// exec adds a statement whose answer nobody looks at.
func (b *batch) exec(s *statement) { b.Queue(string(s.text), s.args...) }

// each adds a statement whose rows are read into row, always the same one, and calls
// next after each.
func (b *batch) each(s *statement, row any, next func() error) {
	b.Queue(string(s.text), s.args...).Query(func(rows pgx.Rows) error {
		if err := rows.Err(); err != nil {
			return err
		}
		return readRows(rows, row, next)
	})
}

// send sends the statements in the transaction of a connection of Bun's, and reads what
// they answer.
func (b *batch) send(ctx context.Context, conn bun.Conn) error {
	if b.Len() == 0 {
		return nil
	}
	return onConnection(conn, func(c *pgx.Conn) error { return c.SendBatch(ctx, &b.Batch).Close() })
}

// write adds statements to last, with which they go, or sends them at once where that is
// nil.
func write(ctx context.Context, conn bun.Conn, last *batch, statements ...*statement) error {
	b := last
	if b == nil {
		b = new(batch)
	}
	for _, s := range statements {
		b.exec(s)
	}
	if last != nil {
		return nil
	}
	return b.send(ctx, conn)
}

// flush sends what a batch has, which is empty afterwards. It may be nil.
func (b *batch) flush(ctx context.Context, conn bun.Conn) error {
	if b == nil {
		return nil
	}
	waiting := *b
	*b = batch{}
	return waiting.send(ctx, conn)
}

// inTxAfter runs fn in a transaction that begins with the statements of first, in the
// message that begins it, and commits it when fn returns nil. What fn adds to last goes
// in the message that commits.
func (db *DB) inTxAfter(ctx context.Context, first func(*batch), fn func(conn bun.Conn, last *batch) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // which closes what is still in a transaction
	begin, last := new(batch), new(batch)
	begin.Queue("BEGIN")
	first(begin)
	if err = begin.send(ctx, conn); err == nil {
		err = fn(conn, last)
	}
	if err == nil {
		last.Queue("COMMIT").Exec(committed)
		err = last.send(ctx, conn)
	}
	if err != nil {
		_ = onConnection(conn, func(c *pgx.Conn) error {
			_, err := c.Exec(ctx, "ROLLBACK")
			return err
		})
	}
	return err
}

// committed says whether COMMIT did that: where a statement failed before, at which
// nobody looked, PostgreSQL undoes everything and calls that a success.
func committed(tag pgconn.CommandTag) error {
	if tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return nil
}
