package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// treeOfferRow is an offer as it is written.
type treeOfferRow struct {
	bun.BaseModel `bun:"table:tree_offers,alias:o"`

	AccountID    account.ID       `bun:"account_id"`
	ID           tree.OfferID     `bun:"id"`
	TreeID       tree.ID          `bun:"tree_id"`
	NodeID       tree.NodeID      `bun:"node_id"`
	NodeTitle    string           `bun:"node_title"`
	Title        string           `bun:"title"`
	Answer       string           `bun:"answer"`
	Note         string           `bun:"note"`
	Status       tree.OfferStatus `bun:"status"`
	OfferedBy    account.UserID   `bun:"offered_by"`
	OfferedAt    time.Time        `bun:"offered_at"`
	DecidedBy    account.UserID   `bun:"decided_by"`
	DecidedAt    time.Time        `bun:"decided_at,nullzero"`
	Reason       string           `bun:"reason"`
	AcceptedNode tree.NodeID      `bun:"accepted_node_id,nullzero"`
}

const offerColumns = "o.account_id, o.id, o.tree_id, o.node_id, o.node_title, o.title, o.answer, o.note, o.status, o.offered_by, o.offered_at, o.decided_by, o.decided_at, o.reason, o.accepted_node_id"

// readTreeOffer is an offer as it is read with what belongs to it.
type readTreeOffer struct {
	bun.BaseModel `bun:"table:tree_offers,alias:o"`
	treeOfferRow
	TreeTitle string         `bun:"tree_title"`
	Offerer   personRow      `bun:"embed:offerer__"`
	Decider   personRow      `bun:"embed:decider__"`
	Count     int            `bun:"count"`
	LatestAt  time.Time      `bun:"latest_at"`
	SessionID tree.SessionID `bun:"session_id"`
	StartedBy account.UserID `bun:"started_by"`
	HeldBy    account.UserID `bun:"held_by"`
	Total     int            `bun:"total"`
}

func (r *readTreeOffer) offer() *tree.Offer {
	o := &tree.Offer{
		AccountID:    r.AccountID,
		ID:           r.ID,
		TreeID:       r.TreeID,
		TreeTitle:    r.TreeTitle,
		NodeID:       r.NodeID,
		NodeTitle:    r.NodeTitle,
		Words:        tree.Words{Title: r.Title, Answer: r.Answer, Note: r.Note},
		Status:       r.Status,
		Count:        r.Count,
		OfferedBy:    r.Offerer.user(),
		OfferedAt:    r.OfferedAt,
		LatestAt:     r.LatestAt,
		DecidedBy:    r.Decider.user(),
		DecidedAt:    r.DecidedAt,
		Reason:       r.Reason,
		AcceptedNode: r.AcceptedNode,
	}
	o.OfferedBy.AccountID, o.OfferedBy.ID = r.AccountID, r.OfferedBy
	if !r.DecidedBy.IsZero() {
		o.DecidedBy.AccountID, o.DecidedBy.ID = r.AccountID, r.DecidedBy
	}
	if !r.SessionID.IsZero() {
		o.Session = &tree.Session{AccountID: r.AccountID, ID: r.SessionID}
		o.Session.Starter.AccountID, o.Session.Starter.ID = r.AccountID, r.StartedBy
		o.Session.Holder.AccountID, o.Session.Holder.ID = r.AccountID, r.HeldBy
	}
	return o
}

// standingOffer lets through the offers that count: those that were decided, and
// open ones for which there is still evidence.
const standingOffer = "(o.status <> 'OPEN' OR EXISTS (SELECT FROM tree_offer_steps AS e WHERE e.account_id = o.account_id AND e.offer_id = o.id))"

// openOffers counts the open offers of trees AS t.
const openOffers = "SELECT count(*) FROM tree_offers AS o WHERE o.account_id = t.account_id AND o.tree_id = t.id AND o.status = 'OPEN' AND " + standingOffer

// selectOffer names the columns that the fields need, and no others.
func selectOffer(q *bun.SelectQuery, fields tree.OfferFields) *bun.SelectQuery {
	q = q.ColumnExpr(offerColumns).
		Join("JOIN trees AS t ON t.account_id = o.account_id AND t.id = o.tree_id").
		Where(standingOffer)
	if fields.Has(tree.OfferTreeTitle) {
		q = q.ColumnExpr("t.title AS tree_title")
	}
	if fields.Has(tree.OfferOfferer) {
		q = joinPerson(q, "offerer", "o.account_id", "o.offered_by")
	}
	if fields.Has(tree.OfferDecider) {
		q = joinPerson(q, "decider", "o.account_id", "o.decided_by")
	}
	if fields.Has(tree.OfferEvidence) {
		q = q.ColumnExpr("evidence.count, evidence.latest_at, evidence.session_id, s.started_by, s.held_by").
			Join(`LEFT JOIN LATERAL (
				SELECT count(*) AS count, max(l.at) AS latest_at, (array_agg(e.session_id ORDER BY l.at DESC, e.session_id DESC))[1] AS session_id
				FROM tree_offer_steps AS e
				JOIN tree_session_steps AS l ON l.account_id = e.account_id AND l.session_id = e.session_id AND l.seq = e.seq
				WHERE e.account_id = o.account_id AND e.offer_id = o.id) AS evidence ON true`).
			Join("LEFT JOIN tree_sessions AS s ON s.account_id = o.account_id AND s.id = evidence.session_id")
	}
	return q
}

// Offer reads one offer in one statement.
func (s *Trees) Offer(ctx context.Context, accountID account.ID, id tree.OfferID, fields tree.OfferFields) (*tree.Offer, error) {
	row := new(readTreeOffer)
	err := selectOffer(s.db.NewSelect().Model(row), fields).
		Where("o.account_id = ?", accountID).
		Where("o.id = ?", id).
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "tree offer")
	}
	return row.offer(), nil
}

// Offers reads a page of offers in one statement.
func (s *Trees) Offers(ctx context.Context, accountID account.ID, query tree.OfferQuery, span tree.Span) (tree.Connection[*tree.Offer], error) {
	page := tree.Connection[*tree.Offer]{Total: -1}
	filter := func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.
			Where("o.account_id = ?", accountID).
			Where("o.status IN (?)", bun.List(query.Filter.Status))
		if !query.Filter.Tree.IsZero() {
			q = q.Where("o.tree_id = ?", query.Filter.Tree)
		}
		if !query.Filter.Owner.IsZero() {
			q = q.Where("t.owner_id = ?", query.Filter.Owner)
		}
		return q
	}
	count := func() *bun.SelectQuery {
		return filter(s.db.NewSelect().
			TableExpr("tree_offers AS o").
			Join("JOIN trees AS t ON t.account_id = o.account_id AND t.id = o.tree_id").
			Where(standingOffer).
			ColumnExpr("count(*)"))
	}

	var rows []readTreeOffer
	q := s.db.NewSelect().Model(&rows)
	if query.Total {
		q = q.ColumnExpr("(?) AS total", count())
	}
	order := key{column: "o.offered_at", desc: true}
	q = order.page(filter(selectOffer(q, query.Fields)), "o.id", span, true)
	if err := q.Scan(ctx); err != nil {
		return page, fmt.Errorf("list tree offers: %w", err)
	}
	if query.Total {
		switch {
		case len(rows) > 0:
			page.Total = rows[0].Total
		case span.From == nil:
			page.Total = 0
		default: // a cursor behind the last one: rare enough for a statement of its own
			if err := count().Scan(ctx, &page.Total); err != nil {
				return page, fmt.Errorf("count tree offers: %w", err)
			}
		}
	}
	err := fill(&page, rows, span, func(r *readTreeOffer) (tree.Edge[*tree.Offer], error) {
		return tree.Edge[*tree.Offer]{Cursor: tree.TimeCursor(tree.OfferOrder, r.OfferedAt, r.ID.UUID()).String(), Node: r.offer()}, nil
	})
	return page, err
}

// LockOffer reads an offer and locks its row.
func (s treeTx) LockOffer(ctx context.Context, accountID account.ID, id tree.OfferID) (*tree.Offer, error) {
	row := new(readTreeOffer)
	err := s.tx.NewSelect().
		Model(row).
		ColumnExpr(offerColumns).
		Where("o.account_id = ?", accountID).
		Where("o.id = ?", id).
		Where(standingOffer).
		For("UPDATE OF o").
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "tree offer")
	}
	return row.offer(), nil
}

// SaveOffer writes what became of a locked offer.
func (s treeTx) SaveOffer(ctx context.Context, o *tree.Offer) error {
	_, err := s.tx.NewUpdate().
		Model(&treeOfferRow{
			AccountID: o.AccountID, ID: o.ID, Status: o.Status, DecidedBy: o.DecidedBy.ID, DecidedAt: o.DecidedAt,
			Reason: o.Reason, AcceptedNode: o.AcceptedNode,
		}).
		Column("status", "decided_by", "decided_at", "reason", "accepted_node_id").
		Where("o.account_id = ?", o.AccountID).
		Where("o.id = ?", o.ID).
		Exec(ctx)
	return pgFault(err, "tree offer")
}

// ReplaceOfferings makes these steps all that a session offers, in one statement.
// Offers are made and found in one order, so that of two sessions that end at once
// one waits for the other. The update of an offer that is there changes nothing: it
// waits for whoever makes the same one, and returns its row.
func (s treeTx) ReplaceOfferings(ctx context.Context, accountID account.ID, id tree.SessionID, offerings []tree.Offering) error {
	if err := s.last.flush(ctx, s.conn); err != nil { // evidence is of entries that are written
		return fmt.Errorf("append to a tree session: %w", err)
	}
	var ids, trees, nodes, hashes, titles, answers, notes, by []string
	var seqs, numbers []int
	var at []string
	for _, o := range offerings {
		hash := o.Hash()
		ids, trees, by = append(ids, o.ID.UUID().String()), append(trees, o.TreeID.UUID().String()), append(by, o.By.UUID().String())
		nodes, hashes = append(nodes, string(o.NodeID)), append(hashes, fmt.Sprintf("%x", hash))
		titles, answers, notes = append(titles, o.Title), append(answers, o.Answer), append(notes, o.Note)
		seqs, numbers = append(seqs, o.Seq), append(numbers, o.Number)
		at = append(at, o.At.UTC().Format(time.RFC3339Nano))
	}
	list := func(texts []string) any { return pgdialect.Array(append([]string{}, texts...)) }
	numbersOf := func(numbers []int) any { return pgdialect.Array(append([]int{}, numbers...)) }
	_, err := s.tx.NewRaw(`
		WITH given AS (
			SELECT g.id, g.tree_id, g.number, g.node_id, decode(g.hash, 'hex') AS words_hash, g.title, g.answer, g.note, g.seq, g.at, g.by_user_id
			FROM unnest(?::uuid[], ?::uuid[], ?::int[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int[], ?::timestamptz[], ?::uuid[])
				AS g (id, tree_id, number, node_id, hash, title, answer, note, seq, at, by_user_id)
		),
		gone AS (
			DELETE FROM tree_offer_steps AS e
			WHERE e.account_id = ? AND e.session_id = ? AND e.seq NOT IN (SELECT g.seq FROM given AS g)
		),
		wanted AS (
			SELECT DISTINCT ON (g.tree_id, g.node_id, g.words_hash) g.*, o.id IS NOT NULL AS known
			FROM given AS g
			LEFT JOIN tree_offers AS o ON o.account_id = ? AND o.tree_id = g.tree_id AND o.node_id = g.node_id AND o.words_hash = g.words_hash
			ORDER BY g.tree_id, g.node_id, g.words_hash, g.seq
		),
		numbered AS (
			SELECT w.*, row_number() OVER (PARTITION BY w.tree_id, w.known ORDER BY w.seq) AS place FROM wanted AS w
		),
		offers AS (
			INSERT INTO tree_offers AS o (account_id, id, tree_id, node_id, node_title, words_hash, title, answer, note, offered_by, offered_at)
			SELECT t.account_id, n.id, n.tree_id, n.node_id, coalesce((
					SELECT jsonb_path_query_first(v.graph, ?, jsonb_build_object('id', n.node_id)) ->> 'title'
					FROM tree_versions AS v
					WHERE v.account_id = t.account_id AND v.tree_id = n.tree_id AND v.number = n.number), ''),
				n.words_hash, n.title, n.answer, n.note, n.by_user_id, n.at
			FROM numbered AS n JOIN trees AS t ON t.account_id = ? AND t.id = n.tree_id
			WHERE n.known OR n.place + (`+openOffers+`) <= ?
			ORDER BY n.tree_id, n.node_id, n.words_hash
			ON CONFLICT (account_id, tree_id, node_id, words_hash) DO UPDATE SET words_hash = excluded.words_hash
			RETURNING o.id, o.tree_id, o.node_id, o.words_hash
		)
		INSERT INTO tree_offer_steps (account_id, session_id, seq, offer_id)
		SELECT ?, ?, g.seq, o.id
		FROM given AS g JOIN offers AS o ON o.tree_id = g.tree_id AND o.node_id = g.node_id AND o.words_hash = g.words_hash
		ON CONFLICT (account_id, session_id, seq) DO NOTHING`,
		list(ids), list(trees), numbersOf(numbers), list(nodes), list(hashes), list(titles), list(answers), list(notes), numbersOf(seqs), list(at), list(by),
		accountID, id, accountID, nodeByID, accountID, tree.MaxOpenOffers, accountID, id).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("offer the steps of tree session %s: %w", id, err)
	}
	return nil
}

// nodeByID is the path to a graph's node with the variable id.
const nodeByID = "$.nodes[*] ? (@.id == $id)"

// ReadVersions reads versions with their graphs in one statement.
func (s *Trees) ReadVersions(ctx context.Context, accountID account.ID, refs []tree.VersionRef) (tree.Versions, error) {
	if len(refs) == 0 {
		return tree.Versions{}, nil
	}
	ids, numbers := make([]string, len(refs)), make([]int, len(refs))
	for i, ref := range refs {
		ids[i], numbers[i] = ref.TreeID.UUID().String(), ref.Number
	}
	var rows []readTreeVersion
	err := s.db.NewSelect().
		Model(&rows).
		ColumnExpr("v.account_id, v.tree_id, v.number, v.title, v.graph").
		Where("v.account_id = ?", accountID).
		Where("(v.tree_id, v.number) IN (SELECT * FROM unnest(?::uuid[], ?::int[]))", pgdialect.Array(ids), pgdialect.Array(numbers)).
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the versions of a tree session: %w", err)
	}
	versions := make(tree.Versions, len(rows))
	for i := range rows {
		v, err := rows[i].version()
		if err != nil {
			return nil, err
		}
		versions[tree.VersionRef{TreeID: v.TreeID, Number: v.Number}] = v
	}
	return versions, nil
}

type treeSessionDraftRow struct {
	bun.BaseModel `bun:"table:tree_session_drafts,alias:r"`

	AccountID account.ID     `bun:"account_id"`
	UserID    account.UserID `bun:"user_id"`
	Key       string         `bun:"idempotency_key"`
	Hash      []byte         `bun:"request_hash"`
	SessionID tree.SessionID `bun:"session_id"`
	TreeID    tree.ID        `bun:"tree_id"`
	At        time.Time      `bun:"at"`
}

// ClaimDraft records a request to draft a tree. Of two at once with one key, the
// second waits for the first one's end.
func (s treeTx) ClaimDraft(ctx context.Context, r tree.DraftRequest) (*tree.DraftRequest, error) {
	row := &treeSessionDraftRow{AccountID: r.AccountID, UserID: r.UserID, Key: r.Key, Hash: r.Hash[:], SessionID: r.SessionID, TreeID: r.TreeID, At: r.At}
	result, err := s.tx.NewInsert().
		Model(row).
		On("CONFLICT (account_id, user_id, idempotency_key) DO NOTHING").
		Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("keep a request to draft a tree: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return nil, err
	}
	err = s.tx.NewSelect().
		Model(row).
		Where("r.account_id = ?", r.AccountID).
		Where("r.user_id = ?", r.UserID).
		Where("r.idempotency_key = ?", r.Key).
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for a request to draft a tree: %w", err)
	}
	earlier := &tree.DraftRequest{AccountID: row.AccountID, UserID: row.UserID, Key: row.Key, SessionID: row.SessionID, TreeID: row.TreeID, At: row.At}
	copy(earlier.Hash[:], row.Hash)
	return earlier, nil
}
