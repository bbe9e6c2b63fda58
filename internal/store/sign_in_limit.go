package store

import (
	"context"
	"fmt"
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
	q := newStatement()
	q.add("SELECT l.key, l.full_at, l.since, l.known_until FROM sign_in_limits AS l WHERE l.key IN (NULL")
	for i := range keys {
		q.add(", ?", keys[i][:])
	}
	q.add(")")
	supplies, row := make(map[login.LimitKey]login.Supply, len(keys)), new(signInLimitRow)
	err := l.db.read(ctx, q, row, func() error {
		supplies[login.LimitKey(row.Key)] = login.Supply{FullAt: row.FullAt, Since: row.Since, KnownUntil: row.KnownUntil}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sign-in limits: %w", err)
	}
	return supplies, nil
}

// TakeTokens implements login.Store. Each part of the statement runs if the one
// before it took its token, so all statements lock rows in the order of the takes.
func (l *Logins) TakeTokens(ctx context.Context, takes []login.Take, now time.Time) (int, error) {
	q := newStatement()
	for i, t := range takes {
		if i == 0 {
			q.add("WITH ")
		} else {
			q.add(", ")
		}
		every, most := span(t.Rate.Every), span(t.Most)
		q.add(fmt.Sprintf(`t%d AS (
		  INSERT INTO sign_in_limits AS l (key, full_at, since, forget_at)
		  SELECT ?::bytea, ?::timestamptz + ?::interval, ?::timestamptz, ?::timestamptz + ?::interval`, i),
			t.Key[:], now, every, now, now, most)
		if i > 0 {
			q.add(fmt.Sprintf(" WHERE EXISTS (SELECT FROM t%d)", i-1))
		}
		q.add(`
		  ON CONFLICT (key) DO UPDATE
		  SET full_at = least(greatest(l.full_at, ?::timestamptz) + ?::interval, ?::timestamptz + ?::interval),
		    since = excluded.since, forget_at = greatest(excluded.forget_at, l.known_until)`, now, every, now, most)
		if !t.Soft {
			q.add(`
		  WHERE greatest(l.full_at, ?::timestamptz) + ?::interval <= ?::timestamptz + ?::interval`, now, every, now, most)
		}
		q.add(`
		  RETURNING 1)`)
	}
	for i := range takes {
		if i == 0 {
			q.add("\nSELECT ")
		} else {
			q.add(" + ")
		}
		q.add(fmt.Sprintf("(SELECT count(*) FROM t%d)", i))
	}
	var taken int
	err := l.db.pool.QueryRow(ctx, string(q.text), q.args...).Scan(&taken)
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
	q := newStatement()
	q.add(`
		WITH back AS MATERIALIZED (
		  SELECT l.key, b.by, b.known
		  FROM (VALUES `)
	for i, b := range back {
		if i > 0 {
			q.add(", ")
		}
		var known any
		if !b.Known.IsZero() {
			known = b.Known
		}
		q.add("(?::int, ?::bytea, ?::interval, ?::timestamptz)", i, b.Key[:], span(b.By), known)
	}
	q.add(`) AS b (place, key, by, known)
		  JOIN sign_in_limits AS l ON l.key = b.key
		  ORDER BY b.place
		  FOR UPDATE OF l
		)
		UPDATE sign_in_limits AS l
		SET full_at = CASE WHEN b.by > interval '0' THEN l.full_at - b.by ELSE ? END,
		  known_until = coalesce(b.known, l.known_until),
		  forget_at = greatest(l.forget_at, b.known)
		FROM back AS b
		WHERE l.key = b.key`, now)
	_, err := l.db.pool.Exec(ctx, string(q.text), q.args...)
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
