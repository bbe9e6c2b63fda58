package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

type auditRow struct {
	bun.BaseModel `bun:"table:audit_log,alias:al"`

	AccountID      account.ID          `bun:"account_id,pk"`
	ID             account.AuditID     `bun:"id,pk"`
	At             time.Time           `bun:"at"`
	Action         account.AuditAction `bun:"action"`
	ActorID        account.UserID      `bun:"actor_id,nullzero"`
	SubjectUserID  account.UserID      `bun:"subject_user_id,nullzero"`
	LoginSessionID login.SessionID     `bun:"login_session_id,nullzero"`
	IP             string              `bun:"ip"`
	Details        map[string]any      `bun:"details,type:jsonb"`
}

func newAuditRow(e account.AuditEntry) (*auditRow, error) {
	row := &auditRow{
		AccountID: e.AccountID, ID: e.ID, At: e.At, Action: e.Action, ActorID: e.ActorID, SubjectUserID: e.SubjectID,
		IP: e.IP, Details: e.Details,
	}
	if row.Details == nil {
		row.Details = map[string]any{} // nil would be null
	}
	if e.LoginSessionID != "" {
		if err := row.LoginSessionID.UnmarshalText([]byte(e.LoginSessionID)); err != nil {
			return nil, fmt.Errorf("audit entry %s: %w", e.Action, err)
		}
	}
	return row, nil
}

// AddAudit implements login.Tx.
func (t loginTx) AddAudit(ctx context.Context, e account.AuditEntry) error {
	return addAudit(ctx, t.tx, e)
}

// AddAudit implements tree.Tx.
func (s treeTx) AddAudit(ctx context.Context, e account.AuditEntry) error {
	return addAudit(ctx, s.tx, e)
}

func addAudit(ctx context.Context, db bun.IDB, e account.AuditEntry) error {
	row, err := newAuditRow(e)
	if err != nil {
		return err
	}
	_, err = db.NewInsert().
		Model(row).
		Exec(ctx)
	return wrap(err, "add audit entry")
}

// RecordFailure implements login.Store. It does not wait for the disk, so that the
// time taken does not tell whether the address is somebody's: a crash may lose the
// last such entries.
func (l *Logins) RecordFailure(ctx context.Context, email string, e account.AuditEntry) error {
	row, err := newAuditRow(e)
	if err != nil {
		return err
	}
	_, err = l.db.NewRaw(`
		WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS off)
		INSERT INTO audit_log (account_id, id, at, action, actor_id, subject_user_id, login_session_id, ip, details)
		SELECT d.account_id, ?, ?, ?, ?::uuid, d.user_id, ?::uuid, ?, ?::jsonb
		FROM quick LEFT JOIN user_directory AS d ON d.email = ?
		WHERE d.email IS NOT NULL AND quick.off = 'off'`,
		row.ID, row.At, row.Action, row.ActorID, row.LoginSessionID, row.IP, jsonObject(row.Details), email,
	).Exec(ctx)
	return wrap(err, "record failed sign-in")
}
