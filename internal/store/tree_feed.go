package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

var _ tree.FeedStore = (*Trees)(nil)

// FeedRevisions says how far what is watched has come, in one statement.
//
// A list's revision is a sum over hashes of its rows' ids and revisions. It cannot
// be the highest of a sequence: a transaction that drew a lower number and commits
// later would not be seen.
func (s *Trees) FeedRevisions(ctx context.Context, keys []tree.FeedKey) (map[tree.FeedKey]string, error) {
	kinds, accounts, ids := make([]string, len(keys)), make([]string, len(keys)), make([]string, len(keys))
	for i, key := range keys {
		id := key.Session.UUID()
		if key.Kind == tree.WatchedTree {
			id = key.Tree.UUID()
		}
		kinds[i], accounts[i], ids[i] = string(key.Kind), key.Account.UUID().String(), id.String()
	}
	var rows []struct {
		Kind      tree.FeedKind `bun:"kind"`
		AccountID account.ID    `bun:"account_id"`
		ID        uuid.UUID     `bun:"id,type:uuid"`
		Revision  string        `bun:"revision"`
	}
	err := s.db.NewRaw(`
		WITH k AS (SELECT * FROM unnest(?::text[], ?::uuid[], ?::uuid[]) AS k (kind, account_id, id))
		SELECT k.kind, k.account_id, k.id, s.revision || ' ' || s.scratchpad_revision || ' ' || coalesce((
		    SELECT string_agg(DISTINCT w.user_id::text, ' ' ORDER BY w.user_id::text)
		    FROM tree_session_watchers AS w
		    WHERE w.account_id = k.account_id AND w.session_id = k.id AND w.seen_at > now() - ?::interval), '') AS revision
		FROM k JOIN tree_sessions AS s ON s.account_id = k.account_id AND s.id = k.id
		WHERE k.kind = ?
		UNION ALL
		SELECT k.kind, k.account_id, k.id, (
		    SELECT count(*) || ' ' || coalesce(sum(hashtextextended(s.id::text, s.revision)), 0)
		    FROM tree_sessions AS s
		    WHERE s.account_id = k.account_id AND s.status = 'IN_PROGRESS')
		FROM k
		WHERE k.kind = ?
		UNION ALL
		SELECT k.kind, k.account_id, k.id, (
		    SELECT count(*) || ' ' || coalesce(sum(hashtextextended(s.id::text, s.revision)), 0)
		    FROM tree_sessions AS s
		    WHERE s.account_id = k.account_id AND s.escalated_at IS NOT NULL)
		FROM k
		WHERE k.kind = ?
		UNION ALL
		SELECT k.kind, k.account_id, k.id, t.revision || ' ' || t.xmin || ' ' || (
		    SELECT count(*) || ' ' || coalesce(sum(hashtextextended(o.id::text || e.session_id::text, e.seq)), 0)
		    FROM tree_offers AS o JOIN tree_offer_steps AS e ON e.account_id = o.account_id AND e.offer_id = o.id
		    WHERE o.account_id = t.account_id AND o.tree_id = t.id AND o.status = 'OPEN')
		FROM k JOIN trees AS t ON t.account_id = k.account_id AND t.id = k.id
		WHERE k.kind = ?`,
		pgdialect.Array(kinds), pgdialect.Array(accounts), pgdialect.Array(ids), tree.PresentFor.String(),
		tree.WatchedSession, tree.WatchedWalks, tree.WatchedQueue, tree.WatchedTree,
	).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("compare what is watched: %w", err)
	}
	revisions := make(map[tree.FeedKey]string, len(rows))
	for _, r := range rows {
		key := tree.FeedKey{Kind: r.Kind, Account: r.AccountID}
		var err error
		switch r.Kind {
		case tree.WatchedSession:
			err = key.Session.Scan(r.ID.String())
		case tree.WatchedTree:
			err = key.Tree.Scan(r.ID.String())
		}
		if err != nil {
			return nil, fmt.Errorf("compare what is watched: %w", err)
		}
		revisions[key] = r.Revision
	}
	return revisions, nil
}

// Watchers returns who watches a troubleshooting session, by name.
func (s *Trees) Watchers(ctx context.Context, accountID account.ID, id tree.SessionID) ([]account.User, error) {
	var rows []userRow
	err := s.db.NewSelect().
		Model(&rows).
		Column(userColumns...).
		Where("u.account_id = ?", accountID).
		Where(`u.id IN (SELECT w.user_id FROM tree_session_watchers AS w
			WHERE w.account_id = ? AND w.session_id = ? AND w.seen_at > now() - ?::interval)`, accountID, id, tree.PresentFor.String()).
		OrderExpr("lower(u.name), u.id").
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read who watches a tree session: %w", err)
	}
	users := make([]account.User, len(rows))
	for i := range rows {
		users[i] = rows[i].user()
	}
	return users, nil
}

// Beat writes down who watches by way of a process. A session that was deleted
// meanwhile is left out.
func (s *Trees) Beat(ctx context.Context, process uuid.UUID, present []tree.Presence) error {
	accounts, sessions, users := presence(present)
	_, err := s.db.NewRaw(`
		WITH old AS (DELETE FROM tree_session_watchers WHERE seen_at < now() - interval '1 minute')
		INSERT INTO tree_session_watchers AS w (account_id, session_id, user_id, process_id, seen_at)
		SELECT k.account_id, k.session_id, k.user_id, ?, now()
		FROM unnest(?::uuid[], ?::uuid[], ?::uuid[]) AS k (account_id, session_id, user_id)
		JOIN tree_sessions AS s ON s.account_id = k.account_id AND s.id = k.session_id
		JOIN users AS u ON u.account_id = k.account_id AND u.id = k.user_id
		ON CONFLICT (account_id, session_id, user_id, process_id) DO UPDATE SET seen_at = excluded.seen_at`,
		process, accounts, sessions, users).Exec(ctx)
	return wrap(err, "write down who watches tree sessions")
}

// Leave takes back who watches by way of a process.
func (s *Trees) Leave(ctx context.Context, process uuid.UUID, gone []tree.Presence) error {
	if len(gone) == 0 {
		return nil
	}
	accounts, sessions, users := presence(gone)
	_, err := s.db.NewRaw(`
		DELETE FROM tree_session_watchers AS w
		USING unnest(?::uuid[], ?::uuid[], ?::uuid[]) AS k (account_id, session_id, user_id)
		WHERE w.account_id = k.account_id AND w.session_id = k.session_id AND w.user_id = k.user_id AND w.process_id = ?`,
		accounts, sessions, users, process).Exec(ctx)
	return wrap(err, "sign off who watches tree sessions")
}

func presence(list []tree.Presence) (accounts, sessions, users any) {
	a, s, u := make([]string, len(list)), make([]string, len(list)), make([]string, len(list))
	for i, p := range list {
		a[i], s[i], u[i] = p.Account.UUID().String(), p.Session.UUID().String(), p.User.UUID().String()
	}
	return pgdialect.Array(a), pgdialect.Array(s), pgdialect.Array(u)
}
