package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/login"
)

// Logins keeps accounts, users, invitations, login sessions, policies and the
// audit log. It implements login.Store.
type Logins struct {
	loginReads
	db *DB
}

// loginTx is Logins within one transaction. It implements login.Tx.
type loginTx struct {
	loginReads
	tx bun.Tx
}

// loginReads are the statements that read and lock nothing.
type loginReads struct{ db bun.IDB }

var (
	_ login.Store = (*Logins)(nil)
	_ login.Tx    = loginTx{}
)

// NewLogins returns the logins in db.
func NewLogins(db *DB) *Logins { return &Logins{loginReads{db}, db} }

// InTx implements login.Store.
func (l *Logins) InTx(ctx context.Context, f func(ctx context.Context, tx login.Tx) error) error {
	return l.db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		return f(ctx, loginTx{loginReads{tx}, tx})
	})
}

// span is a time.Duration in an interval column, in microseconds.
type span time.Duration

// Value implements driver.Valuer.
func (s span) Value() (driver.Value, error) {
	return fmt.Sprintf("%d microseconds", time.Duration(s).Microseconds()), nil
}

// Scan implements sql.Scanner. Days count 24 hours: the clock knows no others.
func (s *span) Scan(src any) error {
	var i pgtype.Interval
	if err := i.Scan(src); err != nil {
		return fmt.Errorf("scan interval: %w", err)
	}
	if i.Months != 0 {
		return fmt.Errorf("scan interval: it has months, which have no fixed length")
	}
	*s = span(time.Duration(i.Days)*24*time.Hour + time.Duration(i.Microseconds)*time.Microsecond)
	return nil
}
