package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/login"
)

type signInLimitRow struct {
	bun.BaseModel `bun:"table:sign_in_limits,alias:l"`

	Key        []byte    `bun:"key,pk"`
	FullAt     time.Time `bun:"full_at"`
	Since      time.Time `bun:"since"`
	KnownUntil time.Time `bun:"known_until,nullzero"`
}

// Supplies implements login.Store.
func (l *Logins) Supplies(ctx context.Context, keys []login.LimitKey) (map[login.LimitKey]login.Supply, error) {
	var rows []signInLimitRow
	err := l.db.NewSelect().
		Model(&rows).
		Where("l.key IN (?)", bun.List(keyBytes(keys))).
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sign-in limits: %w", err)
	}
	supplies := make(map[login.LimitKey]login.Supply, len(rows))
	for _, r := range rows {
		supplies[login.LimitKey(r.Key)] = login.Supply{FullAt: r.FullAt.UTC(), Since: r.Since.UTC(), KnownUntil: utc(r.KnownUntil)}
	}
	return supplies, nil
}

func keyBytes(keys []login.LimitKey) [][]byte {
	list := make([][]byte, len(keys))
	for i := range keys {
		list[i] = keys[i][:]
	}
	return list
}

// TakeTokens implements login.Store. Each part of the statement runs if the one
// before it took its token, so all statements lock rows in the order of the takes.
func (l *Logins) TakeTokens(ctx context.Context, takes []login.Take, now time.Time) (int, error) {
	var sql strings.Builder
	var args []any
	for i, t := range takes {
		if i == 0 {
			sql.WriteString("WITH ")
		} else {
			sql.WriteString(", ")
		}
		every, most := span(t.Rate.Every), span(t.Most)
		fmt.Fprintf(&sql, `t%d AS (
		  INSERT INTO sign_in_limits AS l (key, full_at, since, forget_at)
		  SELECT ?::bytea, ?::timestamptz + ?::interval, ?::timestamptz, ?::timestamptz + ?::interval`, i)
		args = append(args, t.Key[:], now, every, now, now, most)
		if i > 0 {
			fmt.Fprintf(&sql, " WHERE EXISTS (SELECT FROM t%d)", i-1)
		}
		sql.WriteString(`
		  ON CONFLICT (key) DO UPDATE
		  SET full_at = least(greatest(l.full_at, ?) + ?::interval, ?::timestamptz + ?::interval),
		    since = excluded.since, forget_at = greatest(excluded.forget_at, l.known_until)`)
		args = append(args, now, every, now, most)
		if !t.Soft {
			sql.WriteString(`
		  WHERE greatest(l.full_at, ?) + ?::interval <= ?::timestamptz + ?::interval`)
			args = append(args, now, every, now, most)
		}
		sql.WriteString(`
		  RETURNING 1)`)
	}
	for i := range takes {
		if i == 0 {
			sql.WriteString("\nSELECT ")
		} else {
			sql.WriteString(" + ")
		}
		fmt.Fprintf(&sql, "(SELECT count(*) FROM t%d)", i)
	}
	var taken int
	err := l.db.NewRaw(sql.String(), args...).Scan(ctx, &taken)
	return taken, wrap(err, "take tokens of sign-in limits")
}

// BeginWait implements login.Store.
func (l *Logins) BeginWait(ctx context.Context, key login.LimitKey, now, forgetAt time.Time) error {
	_, err := l.db.NewRaw(`
		INSERT INTO sign_in_limits (key, full_at, since, forget_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (key) DO NOTHING`, key[:], now, now, forgetAt).Exec(ctx)
	return wrap(err, "begin a wait for a sign-in")
}

// GiveTokensBack implements login.Store. It locks the rows in the order in which
// TakeTokens does.
func (l *Logins) GiveTokensBack(ctx context.Context, back []login.GiveBack, now time.Time) error {
	var values strings.Builder
	var args []any
	for i, b := range back {
		if i > 0 {
			values.WriteString(", ")
		}
		values.WriteString("(?::int, ?::bytea, ?::interval, ?::timestamptz)")
		args = append(args, i, b.Key[:], span(b.By), bun.NullTime{Time: b.Known})
	}
	_, err := l.db.NewRaw(`
		WITH back AS MATERIALIZED (
		  SELECT l.key, b.by, b.known
		  FROM (VALUES `+values.String()+`) AS b (place, key, by, known)
		  JOIN sign_in_limits AS l ON l.key = b.key
		  ORDER BY b.place
		  FOR UPDATE OF l
		)
		UPDATE sign_in_limits AS l
		SET full_at = CASE WHEN b.by > interval '0' THEN l.full_at - b.by ELSE ? END,
		  known_until = coalesce(b.known, l.known_until),
		  forget_at = greatest(l.forget_at, b.known)
		FROM back AS b
		WHERE l.key = b.key`, append(args, now)...).Exec(ctx)
	return wrap(err, "give back tokens of sign-in limits")
}

// ForgetLimits implements login.Store. It passes by rows that are in use.
func (l *Logins) ForgetLimits(ctx context.Context, now time.Time, limit int) error {
	_, err := l.db.NewRaw(`
		DELETE FROM sign_in_limits WHERE key IN (
		  SELECT key FROM sign_in_limits WHERE forget_at <= ? ORDER BY forget_at LIMIT ? FOR UPDATE SKIP LOCKED)`,
		now, limit).Exec(ctx)
	return wrap(err, "forget sign-in limits")
}
