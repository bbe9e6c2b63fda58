package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

type accountRow struct {
	bun.BaseModel `bun:"table:accounts,alias:a"`

	ID           account.ID  `bun:"id,pk"`
	Name         string      `bun:"name"`
	CreatedAt    time.Time   `bun:"created_at"`
	SessionCap   int         `bun:"session_cap,nullzero"` // NULL: none
	AtSessionCap login.AtCap `bun:"at_session_cap"`
}

// Account implements login.Store.
func (r loginReads) Account(ctx context.Context, accountID account.ID) (account.Account, error) {
	var row accountRow
	err := r.db.NewSelect().
		Model(&row).
		Column("id", "name", "created_at").
		Where("a.id = ?", accountID).
		Scan(ctx)
	if err != nil {
		return account.Account{}, pgFault(fmt.Errorf("read account: %w", err), "account")
	}
	return account.Account{ID: row.ID, Name: row.Name, CreatedAt: row.CreatedAt.UTC()}, nil
}

// LockAccount implements login.Tx.
func (t loginTx) LockAccount(ctx context.Context, accountID account.ID) error {
	var one int
	err := t.tx.NewSelect().
		Model((*accountRow)(nil)).
		ColumnExpr("1").
		Where("a.id = ?", accountID).
		For("NO KEY UPDATE"). // leaves rows that refer to the account alone
		Scan(ctx, &one)
	return pgFault(wrap(err, "lock account"), "account")
}

// CreateAccount implements login.Tx.
func (t loginTx) CreateAccount(ctx context.Context, a account.Account) error {
	_, err := t.tx.NewInsert().
		Model(&accountRow{ID: a.ID, Name: a.Name, CreatedAt: a.CreatedAt}).
		Column("id", "name", "created_at").
		Exec(ctx)
	return wrap(err, "create account")
}

// wrap says what was being done when err came, unless it is nil.
func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
