package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// treeSessionRow is a troubleshooting session as it is written.
type treeSessionRow struct {
	bun.BaseModel `bun:"table:tree_sessions,alias:s"`

	AccountID     account.ID         `bun:"account_id"`
	ID            tree.SessionID     `bun:"id"`
	TreeID        tree.ID            `bun:"tree_id"`
	TreeVersion   int                `bun:"tree_version,nullzero"`
	StartedBy     account.UserID     `bun:"started_by"`
	HeldBy        account.UserID     `bun:"held_by"`
	Status        tree.SessionStatus `bun:"status"`
	Outcome       tree.Outcome       `bun:"outcome,nullzero"`
	OutcomeReason string             `bun:"outcome_reason"`
	Ticket        string             `bun:"ticket"`
	ClientName    string             `bun:"client_name"`
	Subject       string             `bun:"subject"`
	StartedAt     time.Time          `bun:"started_at"`
	EndedAt       time.Time          `bun:"ended_at,nullzero"`
	ActiveSeconds int                `bun:"active_seconds"`
	LastSeq       int                `bun:"last_seq"`
	CurrentNodeID tree.NodeID        `bun:"current_node_id,nullzero"`
	CurrentTitle  string             `bun:"current_title"`
	UpdatedAt     time.Time          `bun:"updated_at"`
}

// readTreeSession is a troubleshooting session as it is read with what belongs to it.
type readTreeSession struct {
	bun.BaseModel `bun:"table:tree_sessions,alias:s"`

	AccountID     account.ID         `bun:"account_id"`
	ID            tree.SessionID     `bun:"id"`
	TreeID        tree.ID            `bun:"tree_id"`
	TreeVersion   int                `bun:"tree_version"`
	VersionTitle  string             `bun:"version_title"`
	StartedBy     account.UserID     `bun:"started_by"`
	HeldBy        account.UserID     `bun:"held_by"`
	Status        tree.SessionStatus `bun:"status"`
	Outcome       tree.Outcome       `bun:"outcome"`
	OutcomeReason string             `bun:"outcome_reason"`
	Ticket        string             `bun:"ticket"`
	ClientName    string             `bun:"client_name"`
	Subject       string             `bun:"subject"`
	StartedAt     time.Time          `bun:"started_at"`
	EndedAt       time.Time          `bun:"ended_at"`
	ActiveSeconds int                `bun:"active_seconds"`
	LastSeq       int                `bun:"last_seq"`
	CurrentNodeID tree.NodeID        `bun:"current_node_id"`
	CurrentTitle  string             `bun:"current_title"`
	UpdatedAt     time.Time          `bun:"updated_at"`

	Starter     personRow       `bun:"embed:starter__"`
	Holder      personRow       `bun:"embed:holder__"`
	CurrentNode json.RawMessage `bun:"current_node"`
	Graph       json.RawMessage `bun:"graph"`
	Total       int             `bun:"total"`
}

func (r *readTreeSession) session() (*tree.Session, error) {
	s := &tree.Session{
		AccountID:    r.AccountID,
		ID:           r.ID,
		TreeID:       r.TreeID,
		Starter:      r.Starter.user(),
		Holder:       r.Holder.user(),
		Ticket:       r.Ticket,
		Client:       r.ClientName,
		Subject:      r.Subject,
		StartedAt:    r.StartedAt,
		CurrentTitle: r.CurrentTitle,
		State: tree.State{
			Status:        r.Status,
			Outcome:       r.Outcome,
			Reason:        r.OutcomeReason,
			EndedAt:       r.EndedAt,
			LastSeq:       r.LastSeq,
			CurrentNodeID: r.CurrentNodeID,
			UpdatedAt:     r.UpdatedAt,
			Active:        time.Duration(r.ActiveSeconds) * time.Second,
		},
	}
	s.Starter.AccountID, s.Starter.ID = r.AccountID, r.StartedBy
	s.Holder.AccountID, s.Holder.ID = r.AccountID, r.HeldBy
	if r.TreeVersion != 0 {
		s.Version = &tree.Version{AccountID: r.AccountID, TreeID: r.TreeID, Number: r.TreeVersion, Title: r.VersionTitle}
	}
	var err error
	if r.Graph != nil {
		if s.Version.Graph, err = tree.DecodeGraph(r.Graph); err != nil {
			return nil, fmt.Errorf("read tree session %s: %w", r.ID, err)
		}
		s.CurrentNode = s.Version.Graph.Node(r.CurrentNodeID)
	}
	if r.CurrentNode != nil {
		if s.CurrentNode, err = tree.DecodeNode(r.CurrentNode); err != nil {
			return nil, fmt.Errorf("read tree session %s: %w", r.ID, err)
		}
	}
	return s, nil
}

// sessionColumns are the columns of tree_sessions that each field needs.
var sessionColumns = []struct {
	field   tree.SessionFields
	columns string
}{
	{tree.SessionTree | tree.SessionGraph | tree.SessionLog, "s.tree_id, s.tree_version"},
	{tree.SessionSubject, "s.ticket, s.client_name, s.subject"},
	{tree.SessionTimes | tree.SessionLog, "s.started_at, s.updated_at, s.ended_at, s.active_seconds"},
	{tree.SessionResult | tree.SessionLog, "s.outcome, s.outcome_reason"},
	{tree.SessionPosition | tree.SessionLog | tree.SessionGraph, "s.last_seq, s.current_node_id, s.current_title"},
}

// selectTreeSession names the columns that the fields need, and no others.
func selectTreeSession(q *bun.SelectQuery, fields tree.SessionFields) *bun.SelectQuery {
	q = q.ColumnExpr("s.account_id, s.id, s.status, s.started_by, s.held_by")
	for _, c := range sessionColumns {
		if fields.Any(c.field) {
			q = q.ColumnExpr(c.columns)
		}
	}
	if fields.Any(tree.SessionTree | tree.SessionCurrentNode | tree.SessionGraph) {
		q = q.Join("LEFT JOIN tree_versions AS v ON v.account_id = s.account_id AND v.tree_id = s.tree_id AND v.number = s.tree_version")
	}
	if fields.Has(tree.SessionTree) {
		q = q.ColumnExpr("v.title AS version_title")
	}
	switch {
	case fields.Has(tree.SessionGraph): // it holds the current node
		q = q.ColumnExpr("v.graph AS graph")
	case fields.Has(tree.SessionCurrentNode): // taken out of the graph by the database, so that the rest need not travel
		q = q.ColumnExpr("jsonb_path_query_first(v.graph, ?, jsonb_build_object('id', s.current_node_id)) AS current_node", "$.nodes[*] ? (@.id == $id)")
	}
	if fields.Has(tree.SessionStarter) {
		q = joinPerson(q, "starter", "s.account_id", "s.started_by")
	}
	if fields.Has(tree.SessionHolder) {
		q = joinPerson(q, "holder", "s.account_id", "s.held_by")
	}
	return q
}

// Session reads one troubleshooting session in one statement, and its log, if
// asked for, in a second.
func (s *Trees) Session(ctx context.Context, accountID account.ID, id tree.SessionID, fields tree.SessionFields) (*tree.Session, error) {
	row := new(readTreeSession)
	err := selectTreeSession(s.db.NewSelect().Model(row), fields).
		Where("s.account_id = ?", accountID).
		Where("s.id = ?", id).
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "troubleshooting session")
	}
	session, err := row.session()
	if err == nil && fields.Has(tree.SessionLog) {
		err = readLogs(ctx, s.db, accountID, session)
	}
	return session, err
}

// Sessions reads a page of troubleshooting sessions in one statement, and their
// logs, if asked for, in a second.
func (s *Trees) Sessions(ctx context.Context, accountID account.ID, userID account.UserID, query tree.SessionQuery, span tree.Span) (tree.Connection[*tree.Session], error) {
	page := tree.Connection[*tree.Session]{Total: -1}
	filter := func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("s.account_id = ?", accountID)
		if query.Filter.Scope != tree.Team {
			q = q.Where("(s.held_by = ? OR s.started_by = ?)", userID, userID)
		}
		if len(query.Filter.Status) > 0 {
			q = q.Where("s.status IN (?)", bun.List(query.Filter.Status))
		}
		if !query.Filter.Tree.IsZero() {
			q = q.Where("s.tree_id = ?", query.Filter.Tree)
		}
		return q
	}
	count := func() *bun.SelectQuery {
		return filter(s.db.NewSelect().TableExpr("tree_sessions AS s").ColumnExpr("count(*)"))
	}

	var rows []readTreeSession
	q := s.db.NewSelect().Model(&rows)
	if query.Total {
		q = q.ColumnExpr("(?) AS total", count())
	}
	order := key{column: "s.started_at", desc: true}
	q = order.page(filter(selectTreeSession(q, query.Fields|tree.SessionTimes)), "s.id", span, true)
	if err := q.Scan(ctx); err != nil {
		return page, fmt.Errorf("list tree sessions: %w", err)
	}

	if query.Total {
		switch {
		case len(rows) > 0:
			page.Total = rows[0].Total
		case span.From == nil:
			page.Total = 0
		default: // a cursor behind the last one: rare enough for a statement of its own
			if err := count().Scan(ctx, &page.Total); err != nil {
				return page, fmt.Errorf("count tree sessions: %w", err)
			}
		}
	}
	var sessions []*tree.Session
	err := fill(&page, rows, span, func(r *readTreeSession) (tree.Edge[*tree.Session], error) {
		session, err := r.session()
		sessions = append(sessions, session)
		return tree.Edge[*tree.Session]{Cursor: tree.TimeCursor(tree.SessionOrder, r.StartedAt, r.ID.UUID()).String(), Node: session}, err
	})
	if err == nil && query.Fields.Has(tree.SessionLog) {
		err = readLogs(ctx, s.db, accountID, sessions...)
	}
	return page, err
}

// LockSession reads a troubleshooting session with everything and locks its row.
// What is joined hangs on columns that never change, but for the holder: where
// that changed while the row was waited for, only the id is sure to be there.
func (s treeTx) LockSession(ctx context.Context, accountID account.ID, id tree.SessionID) (*tree.Session, error) {
	row := new(readTreeSession)
	err := selectTreeSession(s.tx.NewSelect().Model(row), tree.AllSessionFields).
		Where("s.account_id = ?", accountID).
		Where("s.id = ?", id).
		For("UPDATE OF s").
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "troubleshooting session")
	}
	session, err := row.session()
	if err != nil {
		return nil, err
	}
	return session, readLogs(ctx, s.tx, accountID, session)
}

// InsertSession adds a troubleshooting session without entries.
func (s treeTx) InsertSession(ctx context.Context, session *tree.Session) error {
	_, err := s.tx.NewInsert().
		Model(newTreeSessionRow(session)).
		Exec(ctx)
	return pgFault(err, "troubleshooting session")
}

func newTreeSessionRow(s *tree.Session) *treeSessionRow {
	row := &treeSessionRow{
		AccountID:     s.AccountID,
		ID:            s.ID,
		TreeID:        s.TreeID,
		StartedBy:     s.Starter.ID,
		HeldBy:        s.Holder.ID,
		Status:        s.Status,
		Outcome:       s.Outcome,
		OutcomeReason: s.Reason,
		Ticket:        s.Ticket,
		ClientName:    s.Client,
		Subject:       s.Subject,
		StartedAt:     s.StartedAt,
		EndedAt:       s.EndedAt,
		ActiveSeconds: int(s.Active / time.Second),
		LastSeq:       s.LastSeq,
		CurrentNodeID: s.CurrentNodeID,
		CurrentTitle:  s.CurrentTitle,
		UpdatedAt:     s.UpdatedAt,
	}
	if s.Version != nil {
		row.TreeVersion = s.Version.Number
	}
	return row
}
