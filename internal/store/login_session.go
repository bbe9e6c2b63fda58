package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

type loginSessionRow struct {
	bun.BaseModel `bun:"table:login_sessions,alias:s"`

	AccountID       account.ID      `bun:"account_id,pk"`
	ID              login.SessionID `bun:"id,pk"`
	UserID          account.UserID  `bun:"user_id"`
	SignedInAt      time.Time       `bun:"signed_in_at"`
	LastActiveAt    time.Time       `bun:"last_active_at"`
	AuthenticatedAt time.Time       `bun:"authenticated_at"`
	IdleSpan        span            `bun:"idle_span"`
	IdleAt          time.Time       `bun:"idle_at"`
	AbsoluteAt      time.Time       `bun:"absolute_at"`
	Generation      int64           `bun:"generation"`
	GenerationAt    time.Time       `bun:"generation_at"`
	Salt            []byte          `bun:"salt"`
	AttemptHash     []byte          `bun:"attempt_hash"`
	UserAgent       string          `bun:"user_agent"`
	IP              string          `bun:"ip"`

	EndedAt   time.Time       `bun:"ended_at,nullzero"`
	EndReason login.EndReason `bun:"end_reason,nullzero"`
	EndedBy   account.UserID  `bun:"ended_by,nullzero"`

	Connected bool `bun:"connected,scanonly"`
}

// loginSessionColumns are a login session's own.
var loginSessionColumns = []string{
	"s.account_id", "s.id", "s.user_id", "s.signed_in_at", "s.last_active_at", "s.authenticated_at", "s.idle_span", "s.idle_at", "s.absolute_at",
	"s.generation", "s.generation_at", "s.salt", "s.attempt_hash", "s.user_agent", "s.ip", "s.ended_at", "s.end_reason", "s.ended_by",
}

func newLoginSessionRow(s login.Session) *loginSessionRow {
	return &loginSessionRow{
		AccountID: s.AccountID, ID: s.ID, UserID: s.UserID,
		SignedInAt: s.SignedInAt, LastActiveAt: s.LastActiveAt, AuthenticatedAt: s.AuthenticatedAt,
		IdleSpan: span(s.Idle), IdleAt: s.Deadlines.Idle, AbsoluteAt: s.Deadlines.Absolute,
		Generation: s.Generation, GenerationAt: s.GenerationAt, Salt: s.Salt, AttemptHash: s.AttemptHash,
		UserAgent: s.UserAgent, IP: s.IP,
	}
}

func (r *loginSessionRow) session() login.Session {
	return login.Session{
		AccountID: r.AccountID, ID: r.ID, UserID: r.UserID,
		SignedInAt: r.SignedInAt.UTC(), LastActiveAt: r.LastActiveAt.UTC(), AuthenticatedAt: r.AuthenticatedAt.UTC(),
		Idle: time.Duration(r.IdleSpan), Deadlines: login.Deadlines{Idle: r.IdleAt.UTC(), Absolute: r.AbsoluteAt.UTC()},
		Generation: r.Generation, GenerationAt: r.GenerationAt.UTC(), Salt: r.Salt, AttemptHash: r.AttemptHash,
		UserAgent: r.UserAgent, IP: r.IP, Connected: r.Connected,
		EndedAt: utc(r.EndedAt), EndReason: r.EndReason, EndedBy: r.EndedBy,
	}
}

// LoginSession implements login.Store and login.Tx.
func (r loginReads) LoginSession(ctx context.Context, accountID account.ID, sessionID login.SessionID) (login.Session, error) {
	return selectLoginSession(ctx, r.db, accountID, sessionID, "")
}

// LockSession implements login.Tx.
func (t loginTx) LockSession(ctx context.Context, accountID account.ID, sessionID login.SessionID) (login.Session, error) {
	return selectLoginSession(ctx, t.tx, accountID, sessionID, "NO KEY UPDATE")
}

func selectLoginSession(ctx context.Context, db bun.IDB, accountID account.ID, sessionID login.SessionID, lock string) (login.Session, error) {
	var row loginSessionRow
	q := db.NewSelect().
		Model(&row).
		Column(loginSessionColumns...).
		ColumnExpr(connectedExpr, login.GoneAfter.String()).
		Where("s.account_id = ?", accountID).
		Where("s.id = ?", sessionID)
	if lock != "" {
		q = q.For(lock)
	}
	if err := q.Scan(ctx); err != nil {
		return login.Session{}, pgFault(fmt.Errorf("read login session: %w", err), "login session")
	}
	return row.session(), nil
}

// LiveSessions implements login.Tx.
func (t loginTx) LiveSessions(ctx context.Context, accountID account.ID, userID account.UserID, now time.Time) ([]login.Session, error) {
	active, err := t.ActiveSessions(ctx, accountID, userID, 0, now, login.MaxActiveSessions)
	sessions := make([]login.Session, len(active))
	for i := range active {
		sessions[i] = active[i].Session
	}
	return sessions, err
}

// ActiveSessions implements login.Store.
func (r loginReads) ActiveSessions(
	ctx context.Context, accountID account.ID, userID account.UserID, fields login.SessionFields, now time.Time, limit int,
) ([]login.ActiveSession, error) {
	var rows []struct {
		loginSessionRow `bun:",extend"`
		User            userRow `bun:"embed:u__"`
	}
	q := r.db.NewSelect().
		Model(&rows).
		Column(loginSessionColumns...).
		Where("s.account_id = ?", accountID).
		Where("s.ended_at IS NULL").
		Where("s.idle_at > ?", now). // never after absolute_at
		OrderExpr("s.signed_in_at DESC, s.id DESC").
		Limit(int64(limit))
	if !userID.IsZero() {
		q = q.Where("s.user_id = ?", userID)
	}
	if fields&login.SessionConnected != 0 {
		q = q.ColumnExpr(connectedExpr, login.GoneAfter.String())
	}
	if fields&login.SessionUser != 0 {
		q = q.Join("JOIN users AS u ON u.account_id = s.account_id AND u.id = s.user_id")
		for _, column := range userColumns {
			q = q.ColumnExpr("? AS ?", bun.Ident(column), bun.Ident("u__"+strings.TrimPrefix(column, "u.")))
		}
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read live login sessions: %w", err)
	}
	sessions := make([]login.ActiveSession, len(rows))
	for i := range rows {
		sessions[i].Session = rows[i].session()
		if fields&login.SessionUser != 0 {
			sessions[i].User = rows[i].User.user()
		}
	}
	return sessions, nil
}

// SaveLoginSession implements login.Tx.
func (t loginTx) SaveLoginSession(ctx context.Context, s login.Session) error {
	result, err := t.tx.NewUpdate().
		Model(newLoginSessionRow(s)).
		Column("last_active_at", "authenticated_at", "idle_at", "generation", "generation_at", "attempt_hash").
		Where("account_id = ?", s.AccountID).
		Where("id = ?", s.ID).
		Where("ended_at IS NULL").
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save login session: %w", err)
	}
	return oneRow(result, fault.New(fault.Conflict, "This login session has ended. Sign in again."))
}

// Statements that touch several login sessions lock them in the order of their
// keys, so that two of them never wait for each other in a circle. What is locked is
// then found by its key alone: whether it has ended was looked at when it was locked.
// To ask again would let the planner take a partial index, and read all live sessions
// for each one where it takes them for few, as before the first ANALYZE after many
// people came (8.4 s for 10,000, measured; 0.12 s by the key).

// endedRow is what such a statement returns of each session.
type endedRow struct {
	AccountID account.ID      `bun:"account_id"`
	ID        login.SessionID `bun:"id"`
	UserID    account.UserID  `bun:"user_id"`
	EndReason login.EndReason `bun:"end_reason,nullzero"` // NULL: it lives
}

func endedOf(rows []endedRow) []login.Ended {
	var ended []login.Ended
	for _, r := range rows {
		if r.EndReason != "" {
			ended = append(ended, login.Ended{AccountID: r.AccountID, ID: r.ID, UserID: r.UserID, Reason: r.EndReason})
		}
	}
	return ended
}

// EndLoginSessions implements login.Tx.
func (t loginTx) EndLoginSessions(ctx context.Context, e login.Ending) ([]login.Ended, error) {
	audit, err := newAuditRow(e.Audit)
	if err != nil {
		return nil, err
	}
	locked := t.tx.NewSelect().
		Model((*loginSessionRow)(nil)).
		Column("s.account_id", "s.id").
		Where("s.account_id = ?", e.AccountID).
		Where("s.ended_at IS NULL").
		OrderExpr("s.id").
		For("NO KEY UPDATE")
	if len(e.Sessions) > 0 {
		locked = locked.Where("s.id IN (?)", bun.List(e.Sessions))
	}
	if !e.User.IsZero() {
		locked = locked.Where("s.user_id = ?", e.User)
	}
	if !e.NotUser.IsZero() {
		locked = locked.Where("s.user_id <> ?", e.NotUser)
	}
	if !e.Not.IsZero() {
		locked = locked.Where("s.id <> ?", e.Not)
	}
	own := e.OwnReason
	if own == "" {
		own = e.Reason
	}
	var rows []endedRow
	err = t.tx.NewRaw(`
		WITH locked AS (?),
		ended AS (
		  UPDATE login_sessions AS s
		  SET ended_at = ?, end_reason = CASE WHEN s.user_id = ?::uuid THEN ? ELSE ? END, ended_by = ?::uuid, ended_xid = pg_current_xact_id()
		  FROM locked
		  WHERE s.account_id = locked.account_id AND s.id = locked.id
		  RETURNING s.account_id, s.id, s.user_id, s.end_reason
		),
		entry AS (
		  INSERT INTO audit_log (account_id, id, at, action, actor_id, subject_user_id, login_session_id, ip, details)
		  SELECT ?, ?, ?, ?, ?::uuid, ?::uuid, ?::uuid, ?, ?::jsonb || jsonb_build_object('count', count(*))
		  FROM ended
		  HAVING count(*) > 0
		)
		SELECT * FROM ended ORDER BY id`,
		locked,
		e.At, e.By, own, e.Reason, e.By,
		audit.AccountID, audit.ID, audit.At, audit.Action, audit.ActorID, audit.SubjectUserID, audit.LoginSessionID, audit.IP, jsonObject(audit.Details),
	).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("end login sessions: %w", err)
	}
	return endedOf(rows), nil
}

// expiries is the part of a statement that writes an audit entry for each login
// session that ended by a deadline, from the rows of ended. Its parameters are the
// moment and the action. The ids are random: the log is in the order of time.
const expiries = `
		entries AS (
		  INSERT INTO audit_log (account_id, id, at, action, subject_user_id, login_session_id, details)
		  SELECT account_id, gen_random_uuid(), ?, ?, user_id, id, jsonb_build_object('reason', end_reason)
		  FROM ended
		  WHERE end_reason IS NOT NULL
		)`

// ExpireLoginSessions implements login.Store.
func (l *Logins) ExpireLoginSessions(ctx context.Context, ids []login.SessionID, now time.Time, limit int) ([]login.Ended, error) {
	due := l.db.NewSelect().
		Model((*loginSessionRow)(nil)).
		Column("s.account_id", "s.id").
		Where("s.ended_at IS NULL").
		Where("s.idle_at <= ?", now). // never after absolute_at
		OrderExpr("s.account_id, s.id").
		Limit(int64(limit)).
		For("NO KEY UPDATE SKIP LOCKED")
	if ids != nil {
		if len(ids) == 0 {
			return nil, nil
		}
		due = due.Where("s.id IN (?)", bun.List(ids))
	}
	var rows []endedRow
	err := l.db.NewRaw(`
		WITH due AS (?),
		ended AS (
		  UPDATE login_sessions AS s
		  SET ended_at = ?, ended_xid = pg_current_xact_id(),
		    end_reason = CASE WHEN s.idle_at < s.absolute_at THEN 'EXPIRED_IDLE' ELSE 'EXPIRED_ABSOLUTE' END
		  FROM due
		  WHERE s.account_id = due.account_id AND s.id = due.id
		  RETURNING s.account_id, s.id, s.user_id, s.end_reason
		),`+expiries+`
		SELECT * FROM ended ORDER BY account_id, id`,
		due, now, now, account.LoginSessionExpired,
	).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("expire login sessions: %w", err)
	}
	return endedOf(rows), nil
}

// ShortenLoginSessions implements login.Tx.
func (t loginTx) ShortenLoginSessions(ctx context.Context, accountID account.ID, p login.Policy, now time.Time) ([]login.Ended, int, error) {
	all, admins := p.For(account.Viewer), p.For(account.Admin)
	var rows []endedRow
	err := t.tx.NewRaw(`
		WITH locked AS (
		  SELECT s.account_id, s.id, s.signed_in_at, s.last_active_at, s.idle_span, s.idle_at, s.absolute_at,
		    CASE WHEN u.role IN ('OWNER', 'ADMIN') THEN ?::interval ELSE ?::interval END AS idle,
		    CASE WHEN u.role IN ('OWNER', 'ADMIN') THEN ?::interval ELSE ?::interval END AS absolute
		  FROM login_sessions AS s
		  JOIN users AS u ON u.account_id = s.account_id AND u.id = s.user_id
		  WHERE s.account_id = ? AND s.ended_at IS NULL
		  ORDER BY s.id
		  FOR NO KEY UPDATE OF s
		),
		shorter AS (
		  SELECT account_id, id, least(idle_span, idle) AS idle_span,
		    least(idle_at, last_active_at + idle, signed_in_at + absolute) AS idle_at,
		    least(absolute_at, signed_in_at + absolute) AS absolute_at
		  FROM locked
		),
		ended AS (
		  UPDATE login_sessions AS s
		  SET idle_span = CASE WHEN n.idle_at > ? THEN n.idle_span ELSE s.idle_span END,
		    idle_at = CASE WHEN n.idle_at > ? THEN n.idle_at ELSE s.idle_at END,
		    absolute_at = CASE WHEN n.idle_at > ? THEN n.absolute_at ELSE s.absolute_at END,
		    ended_at = CASE WHEN n.idle_at <= ? THEN ?::timestamptz END,
		    ended_xid = CASE WHEN n.idle_at <= ? THEN pg_current_xact_id() END,
		    end_reason = CASE WHEN n.idle_at > ? THEN NULL WHEN n.idle_at < n.absolute_at THEN 'EXPIRED_IDLE' ELSE 'EXPIRED_ABSOLUTE' END
		  FROM shorter AS n
		  WHERE s.account_id = n.account_id AND s.id = n.id
		    AND (n.idle_at <= ? OR (n.idle_span, n.idle_at, n.absolute_at) IS DISTINCT FROM (s.idle_span, s.idle_at, s.absolute_at))
		  RETURNING s.account_id, s.id, s.user_id, s.end_reason
		),`+expiries+`
		SELECT * FROM ended ORDER BY id`,
		span(admins.Idle), span(all.Idle), span(admins.Absolute), span(all.Absolute), accountID,
		now, now, now, now, now, now, now, now,
		now, account.LoginSessionExpired,
	).Scan(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("shorten login sessions: %w", err)
	}
	ended := endedOf(rows)
	return ended, len(rows) - len(ended), nil
}

// jsonObject returns details as JSON for a statement written out.
func jsonObject(details map[string]any) string {
	text, err := json.Marshal(details)
	if err != nil {
		return `{"error": "details could not be written"}`
	}
	return string(text)
}
