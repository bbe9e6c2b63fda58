package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

var _ login.AuditStore = (*Logins)(nil)

// auditLineRow is what auditRead reads of a line, and of the snapshot in each row.
type auditLineRow struct {
	XMax       uint64    `bun:"xmax"`
	InProgress string    `bun:"in_progress"`
	Started    time.Time `bun:"started"`

	Line    auditRow `bun:"embed:line__"`
	XID     uint64   `bun:"xid"`
	Actor   userRow  `bun:"embed:actor__"`
	Subject userRow  `bun:"embed:subject__"`

	UserAgent string `bun:"user_agent"`
}

// auditRead reads the lines of a query over audit_log AS al, with the people and the
// device of each and with the snapshot that the statement sees, which comes also
// where there is no line.
func (l *Logins) auditRead(ctx context.Context, lines *bun.SelectQuery, newestFirst bool, known *login.Mark) ([]*login.AuditLine, login.Mark, error) {
	order := "ASC"
	if newestFirst {
		order = "DESC"
	}
	columns := make([]string, 0, 32)
	for _, c := range []string{"account_id", "id", "at", "action", "actor_id", "subject_user_id", "login_session_id", "ip", "details"} {
		columns = append(columns, "al."+c+" AS line__"+c)
	}
	for _, who := range []string{"actor", "subject"} {
		for _, c := range userColumns {
			c = strings.TrimPrefix(c, "u.")
			columns = append(columns, who+"."+c+" AS "+who+"__"+c)
		}
	}
	var rows []auditLineRow
	err := l.db.NewRaw(`
		WITH now AS MATERIALIZED (SELECT pg_current_snapshot() AS snap)
		SELECT pg_snapshot_xmax(now.snap)::text::bigint AS xmax, array_to_string(ARRAY(SELECT pg_snapshot_xip(now.snap)), ',') AS in_progress,
		  pg_postmaster_start_time() AS started, al.xid::text::bigint AS xid, s.user_agent, `+strings.Join(columns, ", ")+`
		FROM now
		LEFT JOIN (?) AS al ON true
		LEFT JOIN users AS actor ON actor.account_id = al.account_id AND actor.id = al.actor_id
		LEFT JOIN users AS subject ON subject.account_id = al.account_id AND subject.id = al.subject_user_id
		LEFT JOIN login_sessions AS s ON s.account_id = al.account_id AND s.id = al.login_session_id
		ORDER BY al.at `+order+`, al.id `+order, lines).Scan(ctx, &rows)
	if err != nil {
		return nil, login.Mark{}, fmt.Errorf("read audit log: %w", err)
	}
	if len(rows) == 0 {
		return nil, login.Mark{}, fmt.Errorf("read audit log: %w", sql.ErrNoRows) // the snapshot always comes
	}
	mark := login.Mark{XMax: rows[0].XMax, Started: rows[0].Started}
	for text := range strings.SplitSeq(rows[0].InProgress, ",") {
		if xid, err := strconv.ParseUint(text, 10, 64); err == nil {
			mark.InProgress = append(mark.InProgress, xid)
		}
	}
	var list []*login.AuditLine
	for i := range rows {
		if r := &rows[i]; !r.Line.ID.IsZero() {
			list = append(list, &login.AuditLine{
				Entry: r.Line.entry(), By: r.Actor.someone(), About: r.Subject.someone(), UserAgent: r.UserAgent, XID: r.XID,
				Read: &mark, Known: known,
			})
		}
	}
	return list, mark, nil
}

// someone returns the user, or nil where there is none.
func (r *userRow) someone() *account.User {
	if r.ID.IsZero() {
		return nil
	}
	u := r.user()
	return &u
}

func (r *auditRow) entry() account.AuditEntry {
	e := account.AuditEntry{
		AccountID: r.AccountID, ID: r.ID, At: r.At.UTC(), Action: r.Action, ActorID: r.ActorID, SubjectID: r.SubjectUserID,
		IP: r.IP, Details: r.Details,
	}
	if !r.LoginSessionID.IsZero() {
		e.LoginSessionID = r.LoginSessionID.String()
	}
	return e
}

// auditOf begins a query over the lines of an account that a filter lets through.
func (l *Logins) auditOf(accountID account.ID, f login.AuditFilter) *bun.SelectQuery {
	q := l.db.NewSelect().
		TableExpr("audit_log AS al").
		Where("al.account_id = ?", accountID)
	if len(f.Actions) > 0 {
		q = q.Where("al.action IN (?)", bun.List(f.Actions))
	}
	if !f.User.IsZero() {
		q = q.Where("(al.actor_id = ? OR al.subject_user_id = ?)", f.User, f.User)
	}
	if !f.From.IsZero() {
		q = q.Where("al.at >= ?", f.From)
	}
	if !f.To.IsZero() {
		q = q.Where("al.at < ?", f.To)
	}
	return q
}

// AuditLog implements login.Store.
func (l *Logins) AuditLog(ctx context.Context, accountID account.ID, filter login.AuditFilter, before login.AuditMark, limit int) ([]*login.AuditLine, error) {
	q := l.auditOf(accountID, filter).
		ColumnExpr("al.*").
		OrderExpr("al.at DESC, al.id DESC").
		Limit(int64(limit))
	if !before.ID.IsZero() {
		q = q.Where("(al.at, al.id) < (?, ?)", before.At, before.ID)
	}
	lines, _, err := l.auditRead(ctx, q, true, nil)
	return lines, err
}

// CountAudit implements login.Store.
func (l *Logins) CountAudit(ctx context.Context, accountID account.ID, filter login.AuditFilter) (int, error) {
	n, err := l.auditOf(accountID, filter).Count(ctx)
	return int(n), wrap(err, "count the lines of the audit log")
}

// AuditEntry implements login.Store.
func (l *Logins) AuditEntry(ctx context.Context, accountID account.ID, id account.AuditID) (*login.AuditLine, error) {
	lines, _, err := l.auditRead(ctx, l.auditOf(accountID, login.AuditFilter{}).ColumnExpr("al.*").Where("al.id = ?", id), true, nil)
	if err == nil && len(lines) == 0 {
		err = fault.Missing("audit entry")
	}
	if err != nil {
		return nil, err
	}
	return lines[0], nil
}

// xids returns transaction ids as a parameter.
func xids(list []uint64) any {
	texts := make([]string, len(list))
	for i, xid := range list {
		texts[i] = strconv.FormatUint(xid, 10)
	}
	return pgdialect.Array(texts)
}

// unseen narrows a query to lines that a read did not see.
func unseen(q *bun.SelectQuery, m login.Mark) *bun.SelectQuery {
	return q.Where("(al.xid = ANY(?::xid8[]) OR al.xid >= ?::text::xid8)", xids(m.InProgress), strconv.FormatUint(m.XMax, 10))
}

// AuditAfter implements login.AuditStore.
func (l *Logins) AuditAfter(ctx context.Context, accountID account.ID, after *login.AuditPlace, limit int) ([]*login.AuditLine, login.Mark, error) {
	all := func() *bun.SelectQuery { return l.auditOf(accountID, login.AuditFilter{}) }
	q := all().ColumnExpr("al.*").OrderExpr("al.at, al.id").Limit(int64(limit))
	if after == nil {
		return l.auditRead(ctx, q.Where("false"), false, nil)
	}
	rest := all().ColumnExpr("al.id").Where("(al.at, al.id) > (?, ?)", after.At, after.ID)
	if after.Known.XMax > 0 {
		rest = unseen(rest, after.Known)
	}
	q = q.Where("al.id IN (?)", unseen(all().ColumnExpr("al.id"), after.Read).Union(rest))
	known := after.Known
	return l.auditRead(ctx, q, false, &known)
}

// AuditSince implements login.AuditStore.
func (l *Logins) AuditSince(ctx context.Context, accounts []account.ID, mark login.Mark, from time.Time) ([]*login.AuditLine, login.Mark, error) {
	q := l.db.NewSelect().
		TableExpr("audit_log AS al").
		ColumnExpr("al.*").
		Where("al.account_id IN (?)", bun.List(accounts)).
		Where("al.at > ?", from)
	if mark.XMax > 0 {
		q = unseen(q, mark)
	}
	known := mark
	return l.auditRead(ctx, q, false, &known)
}
