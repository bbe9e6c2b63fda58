package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
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
	tx   bun.IDB
	conn bun.Conn // the transaction's
	last *batch   // what goes with the end of the transaction; nil where nothing does
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
	return l.db.inTx(ctx, func(ctx context.Context, conn bun.Conn, tx bun.Tx) error {
		return f(ctx, loginTx{loginReads{tx}, tx, conn, nil})
	})
}

// entrantRow is a user with what else a sign-in needs.
type entrantRow struct {
	userRow      `bun:",extend"`
	AccountName  string    `bun:"account_name"`
	AccountSince time.Time `bun:"account_since"`
}

// InSignIn implements login.Store. The policy is read behind the lock, so it is the one
// that holds by then.
func (l *Logins) InSignIn(
	ctx context.Context, accountID account.ID, userID account.UserID, f func(ctx context.Context, tx login.Tx, who login.Entrant) error,
) error {
	var who entrantRow
	var policy []policyRow
	first := func(b *batch) {
		user, choice := newStatement(), newStatement()
		user.add(lockEntrant, uuidOf(accountID.UUID()), uuidOf(userID.UUID()))
		b.each(user, &who, func() error { return nil })
		choice.add(readPolicy, uuidOf(accountID.UUID()))
		row := new(policyRow)
		b.each(choice, row, func() error { policy = append(policy, *row); return nil })
	}
	return l.db.inTxAfter(ctx, first, func(conn bun.Conn, last *batch) error {
		if who.ID.IsZero() {
			return fault.Missing("user")
		}
		return f(ctx, loginTx{loginReads{conn}, conn, conn, last}, login.Entrant{
			User: who.user(), Password: who.PasswordHash, Policy: choiceOf(policy),
			Account: account.Account{ID: who.AccountID, Name: who.AccountName, CreatedAt: who.AccountSince},
		})
	})
}

// lockEntrant locks a user and reads what a sign-in needs.
var lockEntrant = "SELECT " + strings.Join(userColumns, ", ") + `, u.password_hash, a.name AS account_name, a.created_at AS account_since
FROM users AS u
JOIN accounts AS a ON a.id = u.account_id
WHERE u.account_id = ? AND u.id = ?
FOR NO KEY UPDATE OF u`

// BeginLoginSession implements login.Tx. It writes with the end of the transaction where
// that is InSignIn's.
func (t loginTx) BeginLoginSession(ctx context.Context, s login.Session, e account.AuditEntry) error {
	entry, err := newAuditRow(e)
	if err != nil {
		return err
	}
	session, user, audit := newStatement(), newStatement(), newStatement()
	session.insert(newLoginSessionRow(s))
	user.add("UPDATE users SET last_login_at = ? WHERE account_id = ? AND id = ?", s.SignedInAt, uuidOf(s.AccountID.UUID()), uuidOf(s.UserID.UUID()))
	audit.insert(entry)
	return wrap(write(ctx, t.conn, t.last, session, user, audit), "begin a login session")
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
