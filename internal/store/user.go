package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	AccountID    account.ID     `bun:"account_id,pk"`
	ID           account.UserID `bun:"id,pk"`
	Email        string         `bun:"email"`
	Name         string         `bun:"name"`
	Role         account.Role   `bun:"role"`
	PasswordHash string         `bun:"password_hash"`
	CreatedAt    time.Time      `bun:"created_at"`
	LastLoginAt  time.Time      `bun:"last_login_at,nullzero"`
	DisabledAt   time.Time      `bun:"disabled_at,nullzero"`
	TokenVersion int            `bun:"token_version"`
}

// userColumns are all but the password.
var userColumns = []string{
	"u.account_id", "u.id", "u.email", "u.name", "u.role",
	"u.created_at", "u.last_login_at", "u.disabled_at", "u.token_version",
}

func (r *userRow) user() account.User {
	return account.User{
		AccountID: r.AccountID, ID: r.ID, Email: r.Email, Name: r.Name, Role: r.Role, TokenVersion: r.TokenVersion,
		CreatedAt: r.CreatedAt.UTC(), LastLoginAt: utc(r.LastLoginAt), DisabledAt: utc(r.DisabledAt),
	}
}

// utc returns t in UTC; zero stays the zero value.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// Credentials implements login.Store.
func (l *Logins) Credentials(ctx context.Context, email string) (account.User, string, error) {
	var row userRow
	q := newStatement()
	q.add(readCredentials, email)
	if err := l.db.one(ctx, q, &row); err != nil {
		return account.User{}, "", pgFault(fmt.Errorf("read credentials: %w", err), "user")
	}
	return row.user(), row.PasswordHash, nil
}

// readCredentials reads who signs in with an address, and with what password.
var readCredentials = "SELECT " + strings.Join(userColumns, ", ") + `, u.password_hash
FROM users AS u
JOIN user_directory AS d ON d.account_id = u.account_id AND d.user_id = u.id
WHERE d.email = ?`

// PasswordOf implements login.Store and login.Tx.
func (r loginReads) PasswordOf(ctx context.Context, accountID account.ID, userID account.UserID) (string, error) {
	var hash string
	err := r.db.NewSelect().
		Model((*userRow)(nil)).
		Column("u.password_hash").
		Where("u.account_id = ?", accountID).
		Where("u.id = ?", userID).
		Scan(ctx, &hash)
	return hash, pgFault(wrap(err, "read password"), "user")
}

// User implements login.Store and login.Tx.
func (r loginReads) User(ctx context.Context, accountID account.ID, userID account.UserID) (account.User, error) {
	return selectUser(ctx, r.db, accountID, userID, "")
}

// LockUser implements login.Tx.
func (t loginTx) LockUser(ctx context.Context, accountID account.ID, userID account.UserID) (account.User, error) {
	return selectUser(ctx, t.tx, accountID, userID, "NO KEY UPDATE")
}

func selectUser(ctx context.Context, db bun.IDB, accountID account.ID, userID account.UserID, lock string) (account.User, error) {
	var row userRow
	q := db.NewSelect().
		Model(&row).
		Column(userColumns...).
		Where("u.account_id = ?", accountID).
		Where("u.id = ?", userID)
	if lock != "" {
		q = q.For(lock)
	}
	if err := q.Scan(ctx); err != nil {
		return account.User{}, pgFault(fmt.Errorf("read user: %w", err), "user")
	}
	return row.user(), nil
}

// Users implements login.Store.
func (l *Logins) Users(ctx context.Context, accountID account.ID) ([]account.User, error) {
	var rows []userRow
	err := l.db.NewSelect().
		Model(&rows).
		Column(userColumns...).
		Where("u.account_id = ?", accountID).
		OrderExpr("lower(u.name), u.id").
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	users := make([]account.User, len(rows))
	for i := range rows {
		users[i] = rows[i].user()
	}
	return users, nil
}

// EnabledOwners implements login.Tx.
func (t loginTx) EnabledOwners(ctx context.Context, accountID account.ID) (int, error) {
	n, err := t.tx.NewSelect().
		Model((*userRow)(nil)).
		Where("u.account_id = ?", accountID).
		Where("u.role = ?", account.Owner).
		Where("u.disabled_at IS NULL").
		Count(ctx)
	return int(n), wrap(err, "count owners")
}

// ActiveUsers implements login.Store.
func (l *Logins) ActiveUsers(ctx context.Context, accountID account.ID, now time.Time) ([]login.ActiveUser, error) {
	var rows []struct {
		userRow       `bun:",extend"`
		LoginSessions int `bun:"login_sessions"`
	}
	err := l.db.NewSelect().
		Model(&rows).
		Column(userColumns...).
		ColumnExpr("count(*) AS login_sessions").
		Join("JOIN login_sessions AS s ON s.account_id = u.account_id AND s.user_id = u.id").
		Where("u.account_id = ?", accountID).
		Where("s.ended_at IS NULL").
		Where("s.idle_at > ?", now). // never after absolute_at
		GroupExpr("u.account_id, u.id").
		OrderExpr("u.last_login_at DESC, u.id").
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read active users: %w", err)
	}
	users := make([]login.ActiveUser, len(rows))
	for i := range rows {
		users[i] = login.ActiveUser{User: rows[i].user(), LoginSessions: rows[i].LoginSessions}
	}
	return users, nil
}

// CreateUser implements login.Tx.
func (t loginTx) CreateUser(ctx context.Context, u account.User, passwordHash string) error {
	_, err := t.tx.NewInsert().
		Model(&userRow{
			AccountID: u.AccountID, ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, PasswordHash: passwordHash,
			CreatedAt: u.CreatedAt, LastLoginAt: u.LastLoginAt, DisabledAt: u.DisabledAt, TokenVersion: u.TokenVersion,
		}).
		Exec(ctx)
	if err != nil {
		return pgFault(fmt.Errorf("create user: %w", err), "user")
	}
	_, err = t.tx.NewRaw("INSERT INTO user_directory (email, account_id, user_id) VALUES (?, ?, ?)", u.Email, u.AccountID, u.ID).Exec(ctx)
	return pgFault(wrap(err, "add user to the directory"), "user")
}

// SaveUser implements login.Tx.
func (t loginTx) SaveUser(ctx context.Context, u account.User) error {
	result, err := t.tx.NewUpdate().
		Model((*userRow)(nil)).
		Set("name = ?", u.Name).
		Set("role = ?", u.Role).
		Set("last_login_at = ?", bun.NullTime{Time: u.LastLoginAt}).
		Set("disabled_at = ?", bun.NullTime{Time: u.DisabledAt}).
		Set("token_version = ?", u.TokenVersion).
		Set("version_xid = CASE WHEN token_version < ? THEN pg_current_xact_id() ELSE version_xid END", u.TokenVersion).
		Set("version_changed_at = CASE WHEN token_version < ? THEN clock_timestamp() ELSE version_changed_at END", u.TokenVersion).
		Where("account_id = ?", u.AccountID).
		Where("id = ?", u.ID).
		Exec(ctx)
	if err != nil {
		return pgFault(fmt.Errorf("save user: %w", err), "user")
	}
	return oneRow(result, fault.Missing("user"))
}

// SavePassword implements login.Tx.
func (t loginTx) SavePassword(ctx context.Context, accountID account.ID, userID account.UserID, passwordHash string) error {
	result, err := t.tx.NewUpdate().
		Model((*userRow)(nil)).
		Set("password_hash = ?", passwordHash).
		Where("account_id = ?", accountID).
		Where("id = ?", userID).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save password: %w", err)
	}
	return oneRow(result, fault.Missing("user"))
}

// oneRow returns otherwise unless the statement changed a row.
func oneRow(result interface{ RowsAffected() (int64, error) }, otherwise error) error {
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("count the rows changed: %w", err)
	}
	if n == 0 {
		return otherwise
	}
	return nil
}
