package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

// sessionPolicyRow is what an account chose, for everybody or for owners and
// admins. The cap stands in accountRow.
type sessionPolicyRow struct {
	bun.BaseModel `bun:"table:session_policies,alias:p"`

	AccountID    account.ID     `bun:"account_id,pk"`
	AppliesTo    string         `bun:"applies_to,pk"`
	Preset       login.Preset   `bun:"preset"`
	IdleSpan     *span          `bun:"idle_span"` // NULL: the preset's
	AbsoluteSpan *span          `bun:"absolute_span"`
	UpdatedAt    time.Time      `bun:"updated_at"`
	UpdatedBy    account.UserID `bun:"updated_by"`
}

const (
	everybody      = "EVERYBODY"
	administrators = "ADMINISTRATORS"
)

func (r *sessionPolicyRow) choice() login.LimitsChoice {
	c := login.LimitsChoice{Preset: r.Preset}
	if r.IdleSpan != nil && r.AbsoluteSpan != nil {
		c.Limits = login.Limits{Idle: time.Duration(*r.IdleSpan), Absolute: time.Duration(*r.AbsoluteSpan)}
	}
	return c
}

// policyRow is a row of what an account chose, with its cap.
type policyRow struct {
	sessionPolicyRow `bun:",extend"`
	SessionCap       int         `bun:"session_cap,nullzero"`
	AtSessionCap     login.AtCap `bun:"at_session_cap"`
}

// readPolicy reads what an account chose. Its argument is the account.
const readPolicy = `SELECT p.account_id, p.applies_to, p.preset, p.idle_span, p.absolute_span, p.updated_at, p.updated_by, a.session_cap, a.at_session_cap
FROM session_policies AS p
JOIN accounts AS a ON a.id = p.account_id
WHERE p.account_id = ?`

// Policy implements login.Store and login.Tx.
func (r loginReads) Policy(ctx context.Context, accountID account.ID) (*login.Choice, error) {
	var rows []policyRow
	if err := r.db.NewRaw(readPolicy, accountID).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read session policy: %w", err)
	}
	return choiceOf(rows), nil
}

// choiceOf returns what an account chose, or nil if it never did.
func choiceOf(rows []policyRow) *login.Choice {
	if len(rows) == 0 {
		return nil
	}
	var c login.Choice
	for i := range rows {
		switch row := &rows[i]; row.AppliesTo {
		case everybody:
			c.LimitsChoice = row.choice()
			c.ChosenAt, c.ChosenBy = row.UpdatedAt.UTC(), row.UpdatedBy
			c.MaxSessions, c.AtCap = row.SessionCap, row.AtSessionCap
		case administrators:
			admins := row.choice()
			c.Admins = &admins
		}
	}
	return &c
}

// SavePolicy implements login.Tx.
func (t loginTx) SavePolicy(ctx context.Context, accountID account.ID, c login.Choice) error {
	_, err := t.tx.NewUpdate().
		Model(&accountRow{SessionCap: c.MaxSessions, AtSessionCap: c.AtCap}).
		Column("session_cap", "at_session_cap").
		Where("id = ?", accountID).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save session cap: %w", err)
	}
	row := func(to string, l login.LimitsChoice) sessionPolicyRow {
		r := sessionPolicyRow{AccountID: accountID, AppliesTo: to, Preset: l.Preset, UpdatedAt: c.ChosenAt, UpdatedBy: c.ChosenBy}
		if l.Preset == login.Custom {
			idle, absolute := span(l.Limits.Idle), span(l.Limits.Absolute)
			r.IdleSpan, r.AbsoluteSpan = &idle, &absolute
		}
		return r
	}
	rows := []sessionPolicyRow{row(everybody, c.LimitsChoice)}
	if c.Admins != nil {
		rows = append(rows, row(administrators, *c.Admins))
	}
	_, err = t.tx.NewDelete().
		Model((*sessionPolicyRow)(nil)).
		Where("account_id = ?", accountID).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save session policy: %w", err)
	}
	_, err = t.tx.NewInsert().
		Model(&rows).
		Exec(ctx)
	return wrap(err, "save session policy")
}
