package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/uptrace/bun"
)

// statement is SQL with its arguments apart from it, for what is asked most often:
// lists of trees, single ones, and the steps of walks. Each connection prepares it
// once. Three quarters of what PostgreSQL did for a list of trees by Bun were parsing
// and planning the same text anew.
type statement struct {
	text []byte
	args []any
	// unprepared has PostgreSQL plan the statement for its very arguments each time. A plan
	// for any words or any span of time is a bad one for most.
	unprepared bool
}

// newStatement returns an empty statement.
func newStatement() *statement {
	return &statement{text: make([]byte, 0, 1024), args: make([]any, 0, 8)}
}

// add appends SQL, in which each ? stands for the next argument. What comes from a
// client is always an argument.
func (s *statement) add(sql string, args ...any) {
	for _, arg := range args {
		before, after, _ := strings.Cut(sql, "?")
		s.args, sql = append(s.args, arg), after
		s.text = strconv.AppendInt(append(append(s.text, before...), '$'), int64(len(s.args)), 10)
	}
	s.text = append(s.text, sql...)
}

// condition is what has to hold of a row.
type condition struct {
	sql  string
	args []any
}

// where adds conditions, of which all have to hold.
func (s *statement) where(conditions []condition) {
	for i, c := range conditions {
		if i == 0 {
			s.add(" WHERE ")
		} else {
			s.add(" AND ")
		}
		s.add(c.sql, c.args...)
	}
}

// insert is a statement that adds a row of Bun's.
func (s *statement) insert(row any) {
	l := layoutOf(row)
	s.add("INSERT INTO " + l.table + " (")
	before := ""
	for i := range l.fields {
		if f := &l.fields[i]; !f.scanOnly {
			s.add(before + f.column)
			before = ", "
		}
	}
	s.add(") VALUES (")
	before = ""
	for i := range l.fields {
		if f := &l.fields[i]; !f.scanOnly {
			s.add(before+"?", f.argument(row))
			before = ", "
		}
	}
	s.add(")")
}

// update is a statement that writes columns of a row of Bun's. It ends before WHERE.
func (s *statement) update(row any, columns ...string) {
	l := layoutOf(row)
	s.add("UPDATE " + l.table + " AS " + l.alias + " SET ")
	for i, column := range columns {
		if i > 0 {
			s.add(", ")
		}
		s.add(column+" = ?", l.field(column).argument(row))
	}
}

// uuidOf returns an id as an argument.
func uuidOf(u uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: u, Valid: true} }

// read reads the rows of a statement one after the other, always into the same row of
// Bun's, and calls next after each.
func (db *DB) read(ctx context.Context, s *statement, row any, next func() error) error {
	args := s.args
	if s.unprepared {
		args = append([]any{pgx.QueryExecModeSimpleProtocol}, args...)
	}
	rows, err := db.pool.Query(ctx, string(s.text), args...)
	if err != nil {
		return err
	}
	return readRows(rows, row, next)
}

func readRows(rows pgx.Rows, row any, next func() error) error {
	into, err := layoutOf(row).places(row, rows.FieldDescriptions())
	if err != nil {
		rows.Close()
		return err
	}
	_, err = pgx.ForEachRow(rows, into, next)
	return err
}

// one reads the only row of a statement. None is pgx.ErrNoRows.
func (db *DB) one(ctx context.Context, s *statement, row any) error {
	err := error(pgx.ErrNoRows)
	if failed := db.read(ctx, s, row, func() error { err = nil; return nil }); failed != nil {
		return failed
	}
	return err
}

// onConnection hands pgx's connection under one of Bun's to fn, which has it for
// itself meanwhile.
func onConnection(c bun.Conn, fn func(*pgx.Conn) error) error {
	return c.Raw(func(driver any) error { return fn(driver.(writtenConn).Conn.Conn()) })
}
