package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/branchline/branchline/internal/id"
	"github.com/branchline/branchline/internal/login"
)

// LoginChanges reads what the login register has to know, over one connection of
// its own and past Bun: it asks twice a second and after every hint. It
// implements login.Changes.
type LoginChanges struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn // nil: the next call connects
}

var _ login.Changes = (*LoginChanges)(nil)

const (
	connectTimeout = time.Second // a stopped server accepts a connection and says nothing
	changesTimeout = 5 * time.Second
	goodbyeTimeout = time.Second
)

// errStandby says that an answer may be older than what another server knows.
var errStandby = errors.New("the server is in recovery: it is a standby, or a primary that has not started up yet")

// NewLoginChanges returns changes that connect to the database at url when they
// are first asked.
func NewLoginChanges(url string) (*LoginChanges, error) {
	config, err := ownConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["statement_timeout"] = fmt.Sprint(changesTimeout.Milliseconds())
	// The plan is the same each time, by index: planning anew costs ten times as
	// much as a read that finds nothing (1.2 ms and 0.12 ms, measured).
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.RuntimeParams["enable_seqscan"] = "off"
	return &LoginChanges{config: config}, nil
}

// ownConfig returns the settings of a connection beside the pool.
func ownConfig(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a PostgreSQL address: write it like postgres://user:password@host:5432/database") // err would repeat the password
	}
	setRuntimeParams(config)
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = preparedStatements, 0
	config.ConnectTimeout = connectTimeout
	return config, nil
}

// The columns that scan reads, of a login session s and of a user u whose token
// version rose.
const (
	standingColumns = `s.account_id, s.id, s.user_id,
  CASE WHEN s.ended_at IS NULL THEN (SELECT u.token_version FROM users u WHERE u.account_id = s.account_id AND u.id = s.user_id) END,
  s.signed_in_at, (extract(epoch FROM s.idle_span) * 1000000)::bigint, s.idle_at, s.absolute_at,
  s.end_reason, s.ended_at, s.ended_by,
  CASE WHEN s.ended_by IS NOT NULL THEN (SELECT u.name FROM users u WHERE u.account_id = s.account_id AND u.id = s.ended_by) END`
	versionColumns = `u.account_id, NULL, u.id, u.token_version, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL`

	markCTE = `
WITH now AS MATERIALIZED (
  SELECT pg_snapshot_xmax(s.snap) AS xmax, ARRAY(SELECT pg_snapshot_xip(s.snap)), clock_timestamp(), pg_postmaster_start_time(), pg_is_in_recovery()
  FROM (SELECT pg_current_snapshot()) AS s (snap)
)`
)

// A row's transaction id is the one that wrote its end, its deadlines or its
// version. What has been committed since a snapshot was in progress in it ($1) or
// began after it (from $2 on). All is one statement, so the new mark is of the
// very snapshot that the rows are of: whatever it does not show is in progress in
// it or begins after it, and the next read finds it, however late it commits.
const sinceSQL = markCTE + `
SELECT now.*, c.*
FROM now LEFT JOIN LATERAL (
  SELECT ` + standingColumns + ` FROM login_sessions s WHERE s.ended_xid = ANY($1)
  UNION ALL
  SELECT ` + standingColumns + ` FROM login_sessions s WHERE s.ended_xid >= $2 AND s.ended_xid < now.xmax
  UNION ALL
  SELECT ` + standingColumns + ` FROM login_sessions s WHERE s.moved_xid = ANY($1) AND s.ended_at IS NULL
  UNION ALL
  SELECT ` + standingColumns + ` FROM login_sessions s WHERE s.moved_xid >= $2 AND s.moved_xid < now.xmax AND s.ended_at IS NULL
  UNION ALL
  SELECT ` + versionColumns + ` FROM users u WHERE u.version_xid = ANY($1)
  UNION ALL
  SELECT ` + versionColumns + ` FROM users u WHERE u.version_xid >= $2 AND u.version_xid < now.xmax
) c ON true`

const wholeSQL = markCTE + `
SELECT now.*, c.*
FROM now LEFT JOIN LATERAL (
  SELECT ` + standingColumns + ` FROM login_sessions s WHERE s.ended_at > now() - make_interval(secs => $1)
  UNION ALL
  SELECT ` + versionColumns + ` FROM users u WHERE u.version_changed_at > now() - make_interval(secs => $1)
) c ON true`

const standingsSQL = `
SELECT pg_is_in_recovery(), ` + standingColumns + `
FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)
JOIN login_sessions s ON s.account_id = k.account_id AND s.id = k.id`

// Whole implements login.Changes.
func (c *LoginChanges) Whole(ctx context.Context, within time.Duration) (login.Changed, error) {
	return c.read(ctx, wholeSQL, within.Seconds())
}

// Since implements login.Changes.
func (c *LoginChanges) Since(ctx context.Context, mark login.Mark) (login.Changed, error) {
	inProgress := mark.InProgress
	if inProgress == nil {
		inProgress = []uint64{} // nil would be NULL
	}
	return c.read(ctx, sinceSQL, inProgress, mark.XMax)
}

func (c *LoginChanges) read(ctx context.Context, sql string, args ...any) (login.Changed, error) {
	var changed login.Changed
	var standby bool
	var row standingRow
	mark := []any{&changed.Mark.XMax, &changed.Mark.InProgress, &changed.Now, &changed.Mark.Started, &standby}
	targets := append(mark, row.targets()...)
	err := c.query(ctx, func(rows pgx.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		clear(targets[:len(mark)]) // every row repeats the mark; nil is not scanned
		switch {
		case standby:
			return errStandby
		case row.id.Valid:
			changed.Sessions = append(changed.Sessions, row.standing())
		case row.userID.Valid:
			v := login.VersionChange{TokenVersion: int(row.version.Int32)}
			setID(&v.UserID, row.userID)
			changed.Versions = append(changed.Versions, v)
		}
		return nil
	}, sql, args...)
	if err != nil {
		return login.Changed{}, fmt.Errorf("read what changed of the login sessions: %w", err)
	}
	return changed, nil
}

// Standings implements login.Changes.
func (c *LoginChanges) Standings(ctx context.Context, keys []login.SessionKey) ([]login.Standing, error) {
	accounts, sessions := make([]pgtype.UUID, len(keys)), make([]pgtype.UUID, len(keys))
	for i, k := range keys {
		accounts[i] = pgtype.UUID{Bytes: k.AccountID.UUID(), Valid: true}
		sessions[i] = pgtype.UUID{Bytes: k.ID.UUID(), Valid: true}
	}
	standings := make([]login.Standing, 0, len(keys))
	var standby bool
	var row standingRow
	targets := append([]any{&standby}, row.targets()...)
	err := c.query(ctx, func(rows pgx.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if standby {
			return errStandby
		}
		standings = append(standings, row.standing())
		return nil
	}, standingsSQL, accounts, sessions)
	if err != nil {
		return nil, fmt.Errorf("read how login sessions stand: %w", err)
	}
	return standings, nil
}

// Close implements login.Changes.
func (c *LoginChanges) Close(ctx context.Context) {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, goodbyeTimeout)
	defer cancel()
	_ = c.conn.Close(ctx) // nothing is lost with it
	c.conn = nil
}

// query calls each for every row. An error closes the connection.
func (c *LoginChanges) query(ctx context.Context, each func(pgx.Rows) error, sql string, args ...any) (err error) {
	if c.conn == nil {
		if c.conn, err = pgx.ConnectConfig(ctx, c.config.Copy()); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			c.Close(context.WithoutCancel(ctx))
		}
	}()
	rows, err := c.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// standingRow holds the columns of standingColumns. All are NULL where nothing
// changed; a change of a token version has the user's only.
type standingRow struct {
	accountID, id, userID pgtype.UUID
	version               pgtype.Int4
	signedInAt            pgtype.Timestamptz
	idleMicroseconds      pgtype.Int8
	idleAt, absoluteAt    pgtype.Timestamptz
	endReason             pgtype.Text
	endedAt               pgtype.Timestamptz
	endedBy               pgtype.UUID
	endedByName           pgtype.Text
}

func (r *standingRow) targets() []any {
	return []any{
		&r.accountID, &r.id, &r.userID, &r.version, &r.signedInAt, &r.idleMicroseconds, &r.idleAt, &r.absoluteAt,
		&r.endReason, &r.endedAt, &r.endedBy, &r.endedByName,
	}
}

func (r *standingRow) standing() login.Standing {
	s := login.Standing{
		TokenVersion: int(r.version.Int32),
		SignedInAt:   r.signedInAt.Time.UTC(),
		Idle:         time.Duration(r.idleMicroseconds.Int64) * time.Microsecond,
		Deadlines:    login.Deadlines{Idle: r.idleAt.Time.UTC(), Absolute: r.absoluteAt.Time.UTC()},
		EndReason:    login.EndReason(r.endReason.String),
		EndedAt:      r.endedAt.Time.UTC(),
		EndedByName:  r.endedByName.String,
	}
	setID(&s.AccountID, r.accountID)
	setID(&s.ID, r.id)
	setID(&s.UserID, r.userID)
	setID(&s.EndedBy, r.endedBy)
	return s
}

// setID sets an id unless u is NULL.
func setID[K id.Kind](to *id.Of[K], u pgtype.UUID) {
	if u.Valid {
		*to = id.FromUUID[K](u.Bytes)
	}
}
