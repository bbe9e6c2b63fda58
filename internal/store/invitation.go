package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

type invitationRow struct {
	bun.BaseModel `bun:"table:invitations,alias:i"`

	AccountID  account.ID           `bun:"account_id,pk"`
	ID         account.InvitationID `bun:"id,pk"`
	Email      string               `bun:"email"`
	Role       account.Role         `bun:"role"`
	SecretHash []byte               `bun:"secret_hash"`
	InvitedBy  account.UserID       `bun:"invited_by"`
	CreatedAt  time.Time            `bun:"created_at"`
	ExpiresAt  time.Time            `bun:"expires_at"`
	AcceptedAt time.Time            `bun:"accepted_at,nullzero"`
	AcceptedBy account.UserID       `bun:"accepted_by,nullzero"`
	RevokedAt  time.Time            `bun:"revoked_at,nullzero"`
}

func (r *invitationRow) invitation() account.Invitation {
	return account.Invitation{
		AccountID: r.AccountID, ID: r.ID, Email: r.Email, Role: r.Role, SecretHash: r.SecretHash, InvitedBy: r.InvitedBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		AcceptedAt: utc(r.AcceptedAt), AcceptedBy: r.AcceptedBy, RevokedAt: utc(r.RevokedAt),
	}
}

// Invitation implements login.Store.
func (l *Logins) Invitation(ctx context.Context, accountID account.ID, invitationID account.InvitationID) (account.Invitation, error) {
	return selectInvitation(ctx, l.db, accountID, invitationID, "")
}

// LockInvitation implements login.Tx.
func (t loginTx) LockInvitation(ctx context.Context, accountID account.ID, invitationID account.InvitationID) (account.Invitation, error) {
	return selectInvitation(ctx, t.tx, accountID, invitationID, "NO KEY UPDATE")
}

func selectInvitation(ctx context.Context, db bun.IDB, accountID account.ID, invitationID account.InvitationID, lock string) (account.Invitation, error) {
	var row invitationRow
	q := db.NewSelect().
		Model(&row).
		Where("i.account_id = ?", accountID).
		Where("i.id = ?", invitationID)
	if lock != "" {
		q = q.For(lock)
	}
	if err := q.Scan(ctx); err != nil {
		return account.Invitation{}, pgFault(fmt.Errorf("read invitation: %w", err), "invitation")
	}
	return row.invitation(), nil
}

// Invitations implements login.Store.
func (l *Logins) Invitations(ctx context.Context, accountID account.ID, now time.Time) ([]account.Invitation, error) {
	var rows []invitationRow
	err := openInvitations(l.db.NewSelect().Model(&rows), accountID, now).
		OrderExpr("i.created_at DESC, i.id DESC").
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read invitations: %w", err)
	}
	invitations := make([]account.Invitation, len(rows))
	for n := range rows {
		invitations[n] = rows[n].invitation()
	}
	return invitations, nil
}

// OpenInvitations implements login.Tx.
func (t loginTx) OpenInvitations(ctx context.Context, accountID account.ID, now time.Time) (int, error) {
	n, err := openInvitations(t.tx.NewSelect().Model((*invitationRow)(nil)), accountID, now).Count(ctx)
	return int(n), wrap(err, "count open invitations")
}

// openInvitations narrows to those that may still be accepted.
func openInvitations(q *bun.SelectQuery, accountID account.ID, now time.Time) *bun.SelectQuery {
	return q.Where("i.account_id = ?", accountID).
		Where("i.accepted_at IS NULL").
		Where("i.revoked_at IS NULL").
		Where("i.expires_at > ?", now)
}

// CreateInvitation implements login.Tx.
func (t loginTx) CreateInvitation(ctx context.Context, i account.Invitation) error {
	_, err := t.tx.NewInsert().
		Model(&invitationRow{
			AccountID: i.AccountID, ID: i.ID, Email: i.Email, Role: i.Role, SecretHash: i.SecretHash,
			InvitedBy: i.InvitedBy, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt,
		}).
		Exec(ctx)
	return wrap(err, "create invitation")
}

// SaveInvitation implements login.Tx.
func (t loginTx) SaveInvitation(ctx context.Context, i account.Invitation) error {
	result, err := t.tx.NewUpdate().
		Model((*invitationRow)(nil)).
		Set("accepted_at = ?", bun.NullTime{Time: i.AcceptedAt}).
		Set("accepted_by = ?", i.AcceptedBy).
		Set("revoked_at = ?", bun.NullTime{Time: i.RevokedAt}).
		Where("account_id = ?", i.AccountID).
		Where("id = ?", i.ID).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save invitation: %w", err)
	}
	return oneRow(result, fault.Missing("invitation"))
}
