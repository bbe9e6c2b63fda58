package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
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
	ClientID      tree.ClientID      `bun:"client_id"`
	ClientName    string             `bun:"client_name"`
	ClientKey     string             `bun:"client_key"`
	ClientFacts   json.RawMessage    `bun:"client_facts,type:jsonb"`
	Subject       string             `bun:"subject"`
	SubjectWords  string             `bun:"subject_words,type:tsvector"`
	StartValues   json.RawMessage    `bun:"start_values,type:jsonb"`
	StartedAt     time.Time          `bun:"started_at"`
	EndedAt       time.Time          `bun:"ended_at,nullzero"`
	ActiveSeconds int                `bun:"active_seconds"`
	LastSeq       int                `bun:"last_seq"`
	CurrentNodeID tree.NodeID        `bun:"current_node_id,nullzero"`
	CurrentTitle  string             `bun:"current_title"`
	StartPlaces   json.RawMessage    `bun:"start_places,type:jsonb"`
	Places        json.RawMessage    `bun:"places,type:jsonb"`
	PlaceTreeID   tree.ID            `bun:"place_tree_id"`
	PlaceVersion  int                `bun:"place_version,nullzero"`
	KnownValues   json.RawMessage    `bun:"known_values,type:jsonb"`
	UpdatedAt     time.Time          `bun:"updated_at"`

	EscalationSeq     int             `bun:"escalation_seq,nullzero"`
	EscalatedAt       time.Time       `bun:"escalated_at,nullzero"`
	EscalationUrgency tree.Urgency    `bun:"escalation_urgency,nullzero"`
	EscalationReason  string          `bun:"escalation_reason"`
	People            []string        `bun:"people,array"`
	Suggestions       json.RawMessage `bun:"suggestions,type:jsonb"`
	SuggestionCount   int             `bun:"suggestion_count"`
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
	ClientID      tree.ClientID      `bun:"client_id"`
	ClientName    string             `bun:"client_name"`
	ClientFacts   json.RawMessage    `bun:"client_facts"`
	Subject       string             `bun:"subject"`
	StartValues   json.RawMessage    `bun:"start_values"`
	StartedAt     time.Time          `bun:"started_at"`
	EndedAt       time.Time          `bun:"ended_at"`
	ActiveSeconds int                `bun:"active_seconds"`
	LastSeq       int                `bun:"last_seq"`
	CurrentNodeID tree.NodeID        `bun:"current_node_id"`
	CurrentTitle  string             `bun:"current_title"`
	StartPlaces   json.RawMessage    `bun:"start_places"`
	Places        json.RawMessage    `bun:"places"`
	KnownValues   json.RawMessage    `bun:"known_values"`
	UpdatedAt     time.Time          `bun:"updated_at"`

	Scratchpad         string `bun:"scratchpad"`
	ScratchpadRevision int    `bun:"scratchpad_revision"`

	EscalationSeq     int             `bun:"escalation_seq"`
	EscalatedAt       time.Time       `bun:"escalated_at"`
	EscalationUrgency tree.Urgency    `bun:"escalation_urgency"`
	EscalationReason  string          `bun:"escalation_reason"`
	People            []string        `bun:"people,array"`
	Suggestions       json.RawMessage `bun:"suggestions"`
	SuggestionCount   int             `bun:"suggestion_count"`
	Suggesters        json.RawMessage `bun:"suggesters"`

	Starter     personRow       `bun:"embed:starter__"`
	Holder      personRow       `bun:"embed:holder__"`
	Record      clientRow       `bun:"embed:client__"`
	CurrentNode json.RawMessage `bun:"current_node"`
	Graph       json.RawMessage `bun:"graph"` // of the version where it began
	Shares      json.RawMessage `bun:"shares"`
	PlaceAt     time.Time       `bun:"place_at"` // when the version where it stands was published
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
		Scratchpad:   r.Scratchpad,
		ClientID:     r.ClientID,
		StartedAt:    r.StartedAt,
		CurrentTitle: r.CurrentTitle,

		ScratchpadRevision: r.ScratchpadRevision,
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
	if s.Facts, err = facts(r.ClientFacts); err != nil {
		return nil, fmt.Errorf("read what tree session %s shows of its client: %w", r.ID, err)
	}
	if !r.Record.ID.IsZero() {
		if s.Record, err = r.Record.client(); err != nil {
			return nil, err
		}
	}
	known, err := read[[]valueJSON](r.KnownValues)
	if err != nil {
		return nil, fmt.Errorf("read the values of tree session %s: %w", r.ID, err)
	}
	stands, err := read[[]placeJSON](r.Places)
	if err != nil {
		return nil, fmt.Errorf("read where tree session %s stands: %w", r.ID, err)
	}
	if err := r.help(s); err != nil {
		return nil, fmt.Errorf("read tree session %s: %w", r.ID, err)
	}
	s.Values, s.State.Places = values(known), places(stands)
	if s.Given, err = r.given(); err != nil {
		return nil, err
	}
	if r.Places != nil && len(stands) == 0 {
		s.State.Places = r.began(r.CurrentNodeID)
	}
	if s.Shares, err = r.shares(); err != nil {
		return nil, err
	}
	if r.Graph != nil {
		if s.Version.Graph, err = tree.DecodeGraph(r.Graph); err != nil {
			return nil, fmt.Errorf("read tree session %s: %w", r.ID, err)
		}
	}
	if r.CurrentNode != nil {
		if s.CurrentNode, err = tree.DecodeNode(r.CurrentNode); err != nil {
			return nil, fmt.Errorf("read tree session %s: %w", r.ID, err)
		}
	}
	return s, nil
}

// here is the version in which a session stands. It is for a subquery and not for
// a join: a row that was locked after waiting is shown as it is by then, but
// joined with what belonged to it before.
var here = bun.Safe(`tree_versions AS h WHERE h.account_id = s.account_id AND (h.tree_id, h.number) = (
	CASE WHEN s.places = '[]' THEN s.tree_id ELSE s.place_tree_id END, CASE WHEN s.places = '[]' THEN s.tree_version ELSE s.place_version END)`)

// sessionColumns are the columns of tree_sessions that each field needs.
var sessionColumns = []struct {
	field   tree.SessionFields
	columns string
}{
	{tree.SessionTree | tree.SessionGraph | tree.SessionLog | tree.SessionPlaces, "s.tree_id, s.tree_version, v.title AS version_title"},
	{tree.SessionSubject, "s.ticket, s.subject"},
	{tree.SessionSubject | tree.SessionCurrentNode, "s.client_name"}, // a node may show it
	{tree.SessionClient | tree.SessionCurrentNode, "s.client_facts"},
	{tree.SessionClient, "s.client_id"},
	{tree.SessionTimes | tree.SessionLog, "s.started_at, s.updated_at, s.ended_at, s.active_seconds"},
	{tree.SessionResult | tree.SessionLog, "s.outcome, s.outcome_reason"},
	{tree.SessionPosition | tree.SessionLog | tree.SessionPlaces, "s.last_seq, s.current_node_id, s.current_title"},
	{tree.SessionPlaces | tree.SessionLog, "s.places"},
	{tree.SessionLog, "s.start_places"},
	{tree.SessionValues | tree.SessionLog, "s.start_values"},
	{tree.SessionValues | tree.SessionCurrentNode | tree.SessionLog, "s.known_values"},
	{tree.SessionScratchpad, "s.scratchpad, s.scratchpad_revision"},
}

// selectTreeSession names the columns that the fields need, and no others.
func selectTreeSession(q *bun.SelectQuery, fields tree.SessionFields) *bun.SelectQuery {
	q = q.ColumnExpr("s.account_id, s.id, s.status, s.started_by, s.held_by, s.people::text[], s.escalation_seq, s.escalated_at, s.escalation_urgency, s.escalation_reason")
	for _, c := range sessionColumns {
		if fields.Any(c.field) {
			q = q.ColumnExpr(c.columns)
		}
	}
	if fields.Any(tree.SessionTree | tree.SessionGraph | tree.SessionLog | tree.SessionPlaces) {
		q = q.Join("LEFT JOIN tree_versions AS v ON v.account_id = s.account_id AND v.tree_id = s.tree_id AND v.number = s.tree_version")
	}
	if fields.Has(tree.SessionGraph) {
		q = q.ColumnExpr("v.graph AS graph")
	}
	if fields.Has(tree.SessionCurrentNode) { // taken out of the graph by the database, so that the rest need not travel
		q = q.ColumnExpr("(SELECT jsonb_path_query_first(h.graph, ?, jsonb_build_object('id', s.current_node_id)) FROM ?) AS current_node", nodeByID, here)
	}
	if fields.Has(tree.SessionShares) {
		q = q.ColumnExpr("?", sharesColumn)
	}
	if fields.Has(tree.SessionClient) {
		q = joinClient(q)
	}
	if fields.Has(tree.SessionSuggestions) {
		q = q.ColumnExpr("s.suggestions, s.suggestion_count, ? AS suggesters", suggesters)
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
		err = s.readLogs(ctx, accountID, []*readTreeSession{row}, []*tree.Session{session})
	}
	return session, err
}

// Sessions reads a page of troubleshooting sessions in one statement, and their
// logs, if asked for, in a second.
func (s *Trees) Sessions(ctx context.Context, accountID account.ID, userID account.UserID, query tree.SessionQuery, span tree.Span) (tree.Connection[*tree.Session], error) {
	page := tree.Connection[*tree.Session]{Total: -1}
	filter := func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("s.account_id = ?", accountID)
		switch query.Filter.Scope {
		case tree.Team:
		case tree.Involved:
			q = q.Where("(s.held_by = ? OR s.started_by = ? OR s.people @> ARRAY[?]::uuid[] AND s.people <> '{}')", userID, userID, userID)
		default:
			q = q.Where("(s.held_by = ? OR s.started_by = ?)", userID, userID)
		}
		if len(query.Filter.Status) > 0 {
			q = q.Where("s.status IN (?)", bun.List(query.Filter.Status))
		}
		if len(query.Filter.Outcome) > 0 {
			q = q.Where("s.outcome IN (?)", bun.List(query.Filter.Outcome))
		}
		if !query.Filter.From.IsZero() {
			q = q.Where("s.started_at >= ?", query.Filter.From)
		}
		if !query.Filter.To.IsZero() {
			q = q.Where("s.started_at < ?", query.Filter.To)
		}
		if !query.Filter.Tree.IsZero() {
			q = q.Where("s.tree_id = ?", query.Filter.Tree)
		}
		if !query.Filter.Client.IsZero() {
			q = q.Where("s.client_id = ?", query.Filter.Client)
		}
		if query.Filter.Ticket != "" {
			q = q.Where("s.ticket <> '' AND lower(s.ticket) = lower(?)", query.Filter.Ticket)
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
	var read []*readTreeSession
	var sessions []*tree.Session
	err := fill(&page, rows, span, func(r *readTreeSession) (tree.Edge[*tree.Session], error) {
		session, err := r.session()
		read, sessions = append(read, r), append(sessions, session)
		return tree.Edge[*tree.Session]{Cursor: tree.TimeCursor(tree.SessionOrder, r.StartedAt, r.ID.UUID()).String(), Node: session}, err
	})
	if err == nil && query.Fields.Has(tree.SessionLog) {
		err = s.readLogs(ctx, accountID, read, sessions)
	}
	return page, err
}

// lockedFields are what a change of a session needs beside the graph, and what
// its answer shows but for the links, which are asked for seldom.
const lockedFields = tree.AllSessionFields &^ (tree.SessionGraph | tree.SessionCurrentNode | tree.SessionShares)

// lockSession returns the statement that reads a session with these fields and locks
// its row. Its arguments are the account and the session.
func lockSession(db *DB) string {
	return selectTreeSession(db.NewSelect().Model((*readTreeSession)(nil)), lockedFields).
		ColumnExpr("(SELECT h.published_at FROM ?) AS place_at", here).
		Where("s.account_id = ?", bun.Safe("?")).
		Where("s.id = ?", bun.Safe("?")).
		For("UPDATE OF s").
		String()
}

// lockedSession is what is read of a session whose row is locked.
type lockedSession struct {
	found bool
	row   readTreeSession
	log   []tree.Entry
}

// read adds the statements that lock and read a session to a batch. The second one
// waits for the first one's lock, so it reads the log as it is by then.
func (l *lockedSession) read(b *batch, lock string, accountID account.ID, id tree.SessionID) {
	session, log := newStatement(), newStatement()
	session.add(lock, uuidOf(accountID.UUID()), uuidOf(id.UUID()))
	b.each(session, &l.row, func() error { l.found = true; return nil })
	selectLogs(log, accountID, id)
	entry := new(readTreeSessionStep)
	b.each(log, entry, func() error {
		e, err := entry.entry()
		l.log = append(l.log, e)
		return err
	})
}

// LockSession reads a troubleshooting session with everything and locks its row.
func (s treeTx) LockSession(ctx context.Context, accountID account.ID, id tree.SessionID) (*tree.Session, error) {
	b, locked := new(batch), new(lockedSession)
	locked.read(b, s.lock, accountID, id)
	if err := b.send(ctx, s.conn); err != nil {
		return nil, fmt.Errorf("lock a tree session: %w", err)
	}
	return s.complete(ctx, locked)
}

// complete returns a locked session with all that belongs to it.
func (s treeTx) complete(ctx context.Context, locked *lockedSession) (*tree.Session, error) {
	if !locked.found {
		return nil, fault.Missing("troubleshooting session")
	}
	row := &locked.row
	session, err := row.session()
	if err != nil {
		return nil, err
	}
	if row.Holder.ID.IsZero() {
		// It was handed over while its row was waited for: that came back new, but was
		// joined with who had it before.
		if session.Holder, err = s.Colleague(ctx, row.AccountID, row.HeldBy); err != nil {
			return nil, err
		}
	}
	if !session.ClientID.IsZero() && session.Record == nil { // and the same of the client
		if session.Record, err = s.KeepClient(ctx, row.AccountID, session.ClientID); err != nil {
			return nil, err
		}
	}
	if err := s.nameSuggesters(ctx, session); err != nil {
		return nil, err
	}
	if err := row.setLog(session, locked.log); err != nil {
		return nil, err
	}
	return session, s.stand(ctx, session, row.PlaceAt)
}

// stand puts the session at its node. The version where it stands was published at
// the moment given, which is zero where that happened while the session's row was
// waited for, and outside any tree. The version is read where it is not remembered.
func (s treeTx) stand(ctx context.Context, session *tree.Session, published time.Time) (err error) {
	session.Versions = tree.Versions{}
	place := session.Places[len(session.Places)-1]
	ref, inside := place.Ref()
	if !inside {
		return nil
	}
	if v := s.versions.get(keyOf(session.AccountID, ref, published)); v != nil {
		session.Versions[ref] = v
	} else if session.Versions, err = s.WalkedVersions(ctx, session.AccountID, ref); err != nil {
		return err
	}
	if session.Versions[ref] == nil {
		return fmt.Errorf("read tree session %s: %w", session.ID, tree.UnreadVersion(ref))
	}
	if session.Version != nil && ref == (tree.VersionRef{TreeID: session.TreeID, Number: session.Version.Number}) {
		session.Version = session.Versions[ref]
	}
	session.CurrentNode = session.Versions[ref].Graph.Node(place.NodeID)
	return nil
}

// InsertSession adds a troubleshooting session without entries.
func (s treeTx) InsertSession(ctx context.Context, session *tree.Session) error {
	row := newTreeSessionRow(session)
	row.StartPlaces, row.SubjectWords = row.Places, subjectVector(session)
	_, err := s.tx.NewInsert().
		Model(row).
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
		ClientID:      s.ClientID,
		ClientName:    s.Client,
		ClientFacts:   factsJSON(s.Facts),
		Subject:       s.Subject,
		StartValues:   asJSON(newValues(s.Given)),
		StartedAt:     s.StartedAt,
		EndedAt:       s.EndedAt,
		ActiveSeconds: int(s.Active / time.Second),
		LastSeq:       s.LastSeq,
		CurrentNodeID: s.CurrentNodeID,
		CurrentTitle:  s.CurrentTitle,
		UpdatedAt:     s.UpdatedAt,
	}
	if keys := tree.NameKeys(s.Client); s.ClientID.IsZero() && len(keys) > 0 {
		row.ClientKey = keys[0]
	}
	if s.Version != nil {
		row.TreeVersion = s.Version.Number
	}
	row.StartPlaces, row.Places, row.KnownValues = asJSON([]placeJSON{}), asJSON([]placeJSON{}), asJSON(newValues(s.Values))
	if !ordinary(s, s.Places) {
		innermost := s.Places[len(s.Places)-1]
		row.Places, row.PlaceTreeID, row.PlaceVersion = asJSON(newPlaces(s.Places)), innermost.TreeID, innermost.Version
	}
	row.setHelp(s)
	return row
}
