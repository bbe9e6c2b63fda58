package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

var (
	_ login.Connections     = (*Logins)(nil)
	_ login.ActiveFeedStore = (*Logins)(nil)
)

// isConnected says of a login session s whether some living node has a connection of
// it. Signs of life are written and judged by the database, so that no process's
// clock matters. Its parameter is the age at which a node counts as gone.
//
// It counts rather than asks whether there are any: for a list PostgreSQL would hash
// the whole installation's connections to answer that (190 ms with 50,000, measured),
// where it looks each session up in 2 µs.
const isConnected = `(
  SELECT count(*) > 0
  FROM login_connections AS c
  JOIN nodes AS n ON n.id = c.node_id
  WHERE c.account_id = s.account_id AND c.login_session_id = s.id AND n.seen_at > now() - ?::interval)`

const connectedExpr = isConnected + ` AS connected`

// Beat implements login.Connections.
func (l *Logins) Beat(ctx context.Context, node uuid.UUID, came, left []login.SessionKey) (unknown bool, err error) {
	cameAccounts, cameIDs := sessionKeys(came)
	leftAccounts, leftIDs := sessionKeys(left)
	err = l.db.NewRaw(`
		WITH came AS (
		  INSERT INTO login_connections (account_id, login_session_id, node_id)
		  SELECT k.account_id, k.id, ? FROM unnest(?::uuid[], ?::uuid[]) AS k (account_id, id)
		  ON CONFLICT DO NOTHING
		),
		gone AS (
		  DELETE FROM login_connections AS c
		  USING unnest(?::uuid[], ?::uuid[]) AS k (account_id, id)
		  WHERE c.account_id = k.account_id AND c.login_session_id = k.id AND c.node_id = ?
		)
		INSERT INTO nodes AS n (id, seen_at) VALUES (?, clock_timestamp())
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
		RETURNING xmax = 0`, // of a new row
		node, cameAccounts, cameIDs, leftAccounts, leftIDs, node, node,
	).Scan(ctx, &unknown)
	return unknown, wrap(err, "write down who is connected")
}

// Bury implements login.Connections. Of several processes at once, one gets each
// node.
func (l *Logins) Bury(ctx context.Context, silent time.Duration) error {
	_, err := l.db.NewRaw(`
		WITH dead AS (
		  DELETE FROM nodes
		  WHERE id IN (SELECT id FROM nodes WHERE seen_at < now() - ?::interval FOR UPDATE SKIP LOCKED)
		  RETURNING id
		)
		DELETE FROM login_connections AS c USING dead WHERE c.node_id = dead.id`, silent.String()).Exec(ctx)
	return wrap(err, "forget nodes that are gone")
}

// Leave implements login.Connections.
func (l *Logins) Leave(ctx context.Context, node uuid.UUID) error {
	_, err := l.db.NewRaw(`
		WITH leaving AS (DELETE FROM nodes WHERE id = ?)
		DELETE FROM login_connections WHERE node_id = ?`, node, node).Exec(ctx)
	return wrap(err, "sign a node off")
}

func sessionKeys(keys []login.SessionKey) (accounts, sessions any) {
	a, s := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		a[i], s[i] = k.AccountID.UUID().String(), k.ID.UUID().String()
	}
	return pgdialect.Array(a), pgdialect.Array(s)
}

// ActiveRevisions implements login.ActiveFeedStore.
//
// A revision is a sum of hashes over all that is told of each session. So it does not
// matter who changed what, when that was committed, or whether anybody announced it;
// a deadline that passes and a node that falls silent change it too.
func (l *Logins) ActiveRevisions(ctx context.Context, accounts []account.ID, now time.Time) (map[account.ID]string, error) {
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.UUID().String()
	}
	var rows []struct {
		AccountID account.ID `bun:"account_id"`
		Revision  string     `bun:"revision"`
	}
	err := l.db.NewRaw(`
		SELECT k.account_id, (
		  SELECT count(*) || ' ' || coalesce(sum(hashtextextended(
		      concat_ws(' ', s.id, s.last_active_at, s.idle_at, s.absolute_at, `+isConnected+`, u.role, u.name), 0)), 0)
		  FROM login_sessions AS s
		  JOIN users AS u ON u.account_id = s.account_id AND u.id = s.user_id
		  WHERE s.account_id = k.account_id AND s.ended_at IS NULL AND s.idle_at > ?
		) AS revision
		FROM unnest(?::uuid[]) AS k (account_id)`,
		login.GoneAfter.String(), now, pgdialect.Array(ids),
	).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("compare who is signed in: %w", err)
	}
	revisions := make(map[account.ID]string, len(rows))
	for _, r := range rows {
		revisions[r.AccountID] = r.Revision
	}
	return revisions, nil
}
