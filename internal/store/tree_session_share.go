package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// treeSessionShareRow is a link to a troubleshooting session.
type treeSessionShareRow struct {
	bun.BaseModel `bun:"table:tree_session_shares,alias:sh"`

	AccountID      account.ID     `bun:"account_id"`
	ID             tree.ShareID   `bun:"id"`
	SessionID      tree.SessionID `bun:"session_id"`
	SecretHash     []byte         `bun:"secret_hash"`
	IncludeNotes   bool           `bun:"include_notes"`
	IncludeTimings bool           `bun:"include_timings"`
	IncludeUndone  bool           `bun:"include_undone"`
	CreatedBy      account.UserID `bun:"created_by"`
	CreatedAt      time.Time      `bun:"created_at"`
	ExpiresAt      time.Time      `bun:"expires_at"`
	RevokedAt      time.Time      `bun:"revoked_at,nullzero"`
	OpenedCount    int            `bun:"opened_count"`
	LastOpenedAt   time.Time      `bun:"last_opened_at,nullzero"`
}

func (r *treeSessionShareRow) share() tree.Share {
	return tree.Share{
		AccountID: r.AccountID, ID: r.ID, SessionID: r.SessionID, SecretHash: r.SecretHash,
		Shows:     tree.ShareOptions{IncludeNotes: r.IncludeNotes, IncludeTimings: r.IncludeTimings, IncludeUndone: r.IncludeUndone},
		CreatedBy: account.User{AccountID: r.AccountID, ID: r.CreatedBy}, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		RevokedAt: utc(r.RevokedAt), Opened: r.OpenedCount, LastOpenedAt: utc(r.LastOpenedAt),
	}
}

// sharesColumn is the links to a session, open ones first, as one value: a list of
// sessions has them without a statement for each.
var sharesColumn = bun.Safe(fmt.Sprintf(`(SELECT coalesce(jsonb_agg(to_jsonb(l)), '[]') FROM (
	SELECT sh.id, sh.include_notes, sh.include_timings, sh.include_undone, sh.created_at, sh.expires_at, sh.revoked_at, sh.opened_count, sh.last_opened_at,
		u.id AS user_id, u.email, u.name, u.role, u.created_at AS user_since, u.last_login_at, u.disabled_at
	FROM tree_session_shares AS sh JOIN users AS u ON u.account_id = sh.account_id AND u.id = sh.created_by
	WHERE sh.account_id = s.account_id AND sh.session_id = s.id
	ORDER BY sh.revoked_at IS NULL DESC, sh.expires_at DESC, sh.id DESC LIMIT %d) AS l) AS shares`, tree.MaxListedShares))

// shareJSON is a link as sharesColumn gives it.
type shareJSON struct {
	ID             uuid.UUID    `json:"id"`
	IncludeNotes   bool         `json:"include_notes"`
	IncludeTimings bool         `json:"include_timings"`
	IncludeUndone  bool         `json:"include_undone"`
	CreatedAt      time.Time    `json:"created_at"`
	ExpiresAt      time.Time    `json:"expires_at"`
	RevokedAt      time.Time    `json:"revoked_at"` // null leaves it zero
	OpenedCount    int          `json:"opened_count"`
	LastOpenedAt   time.Time    `json:"last_opened_at"`
	UserID         uuid.UUID    `json:"user_id"`
	Email          string       `json:"email"`
	Name           string       `json:"name"`
	Role           account.Role `json:"role"`
	UserSince      time.Time    `json:"user_since"`
	LastLoginAt    time.Time    `json:"last_login_at"`
	DisabledAt     time.Time    `json:"disabled_at"`
}

// shares reads the links of a session, if they were asked for.
func (r *readTreeSession) shares() ([]tree.Share, error) {
	list, err := read[[]shareJSON](r.Shares)
	if err != nil {
		return nil, fmt.Errorf("read the links to tree session %s: %w", r.ID, err)
	}
	if r.Shares == nil {
		return nil, nil
	}
	shares := make([]tree.Share, 0, len(list))
	for i := range list {
		l := &list[i]
		share := tree.Share{
			AccountID: r.AccountID, SessionID: r.ID,
			Shows: tree.ShareOptions{IncludeNotes: l.IncludeNotes, IncludeTimings: l.IncludeTimings, IncludeUndone: l.IncludeUndone},
			CreatedBy: account.User{
				AccountID: r.AccountID, Email: l.Email, Name: l.Name, Role: l.Role,
				CreatedAt: l.UserSince.UTC(), LastLoginAt: utc(l.LastLoginAt), DisabledAt: utc(l.DisabledAt),
			},
			CreatedAt: l.CreatedAt.UTC(), ExpiresAt: l.ExpiresAt.UTC(), RevokedAt: utc(l.RevokedAt), Opened: l.OpenedCount, LastOpenedAt: utc(l.LastOpenedAt),
		}
		if err := share.ID.Scan(l.ID.String()); err != nil {
			return nil, err
		}
		if err := share.CreatedBy.ID.Scan(l.UserID.String()); err != nil {
			return nil, err
		}
		shares = append(shares, share)
	}
	return shares, nil
}

// LockSessionRow reads a troubleshooting session without its log and locks its row.
func (s treeTx) LockSessionRow(ctx context.Context, accountID account.ID, id tree.SessionID, fields tree.SessionFields) (*tree.Session, error) {
	row := new(readTreeSession)
	err := selectTreeSession(s.tx.NewSelect().Model(row), fields&^tree.SessionLog).
		Where("s.account_id = ?", accountID).
		Where("s.id = ?", id).
		For("UPDATE OF s").
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "troubleshooting session")
	}
	return row.session()
}

// SaveScratchpad writes a locked session's scratchpad.
func (s treeTx) SaveScratchpad(ctx context.Context, session *tree.Session) error {
	_, err := s.tx.NewUpdate().
		Model((*treeSessionRow)(nil)).
		Set("scratchpad = ?", session.Scratchpad).
		Set("scratchpad_revision = ?", session.ScratchpadRevision).
		Where("s.account_id = ?", session.AccountID).
		Where("s.id = ?", session.ID).
		Exec(ctx)
	return wrap(err, "save a scratchpad")
}

// OpenShares counts the links to a session that open it at now.
func (s treeTx) OpenShares(ctx context.Context, accountID account.ID, id tree.SessionID, now time.Time) (int, error) {
	n, err := s.tx.NewSelect().
		Model((*treeSessionShareRow)(nil)).
		Where("sh.account_id = ?", accountID).
		Where("sh.session_id = ?", id).
		Where("sh.revoked_at IS NULL").
		Where("sh.expires_at > ?", now).
		Count(ctx)
	return int(n), wrap(err, "count the links to a tree session")
}

// InsertShare adds a link to a session.
func (s treeTx) InsertShare(ctx context.Context, share tree.Share) error {
	_, err := s.tx.NewInsert().
		Model(&treeSessionShareRow{
			AccountID: share.AccountID, ID: share.ID, SessionID: share.SessionID, SecretHash: share.SecretHash,
			IncludeNotes: share.Shows.IncludeNotes, IncludeTimings: share.Shows.IncludeTimings, IncludeUndone: share.Shows.IncludeUndone,
			CreatedBy: share.CreatedBy.ID, CreatedAt: share.CreatedAt, ExpiresAt: share.ExpiresAt,
		}).
		Exec(ctx)
	return wrap(err, "add a link to a tree session")
}

// LockShare reads a link and locks its row.
func (s treeTx) LockShare(ctx context.Context, accountID account.ID, id tree.ShareID) (tree.Share, error) {
	row := new(treeSessionShareRow)
	err := s.tx.NewSelect().
		Model(row).
		Where("sh.account_id = ?", accountID).
		Where("sh.id = ?", id).
		For("NO KEY UPDATE").
		Scan(ctx)
	if err != nil {
		return tree.Share{}, pgFault(fmt.Errorf("read a link to a tree session: %w", err), "share link")
	}
	return row.share(), nil
}

// SaveShare writes what may change of a locked link.
func (s treeTx) SaveShare(ctx context.Context, share tree.Share) error {
	result, err := s.tx.NewUpdate().
		Model((*treeSessionShareRow)(nil)).
		Set("revoked_at = ?", bun.NullTime{Time: share.RevokedAt}).
		Set("opened_count = ?", share.Opened).
		Set("last_opened_at = ?", bun.NullTime{Time: share.LastOpenedAt}).
		Where("sh.account_id = ?", share.AccountID).
		Where("sh.id = ?", share.ID).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save a link to a tree session: %w", err)
	}
	return oneRow(result, fault.Missing("share link"))
}

// ForgetShares forgets links that expired before a moment. It goes by time, over
// all accounts.
func (t *Trees) ForgetShares(ctx context.Context, before time.Time) error {
	_, err := t.db.NewDelete().
		Model((*treeSessionShareRow)(nil)).
		Where("sh.expires_at < ?", before).
		Exec(ctx)
	return wrap(err, "forget old links to tree sessions")
}
