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

// treeSessionStepRow is an entry of a troubleshooting session's log.
type treeSessionStepRow struct {
	bun.BaseModel `bun:"table:tree_session_steps,alias:e"`

	AccountID   account.ID      `bun:"account_id"`
	SessionID   tree.SessionID  `bun:"session_id"`
	Seq         int             `bun:"seq"`
	Kind        tree.EntryKind  `bun:"kind"`
	TreeID      tree.ID         `bun:"tree_id"`
	TreeVersion int             `bun:"tree_version,nullzero"`
	NodeID      tree.NodeID     `bun:"node_id,nullzero"`
	NodeKind    tree.Kind       `bun:"node_kind,nullzero"`
	Title       string          `bun:"title"`
	Text        string          `bun:"text"`
	OptionID    tree.OptionID   `bun:"option_id,nullzero"`
	OptionLabel string          `bun:"option_label,nullzero"`
	ToNodeID    tree.NodeID     `bun:"to_node_id,nullzero"`
	Outcome     tree.Outcome    `bun:"outcome,nullzero"`
	Reason      string          `bun:"reason"`
	TargetSeq   int             `bun:"target_seq,nullzero"`
	Note        string          `bun:"note"`
	Output      string          `bun:"output"`
	Details     json.RawMessage `bun:"details,type:jsonb"`
	EnteredAt   time.Time       `bun:"entered_at"`
	At          time.Time       `bun:"at"`
	ByUserID    account.UserID  `bun:"by_user_id"`
	ToUserID    account.UserID  `bun:"to_user_id"`
	Urgency     tree.Urgency    `bun:"urgency,nullzero"`
	KeepsOpen   bool            `bun:"keeps_open"`
	Accepted    *bool           `bun:"accepted"`
}

// readTreeSessionStep is an entry as it is read with who made it.
type readTreeSessionStep struct {
	bun.BaseModel `bun:"table:tree_session_steps,alias:e"`
	treeSessionStepRow
	By     personRow `bun:"embed:maker__"`
	Person personRow `bun:"embed:person__"`
}

func (r *readTreeSessionStep) entry() (tree.Entry, error) {
	details, err := read[stepDetails](r.Details)
	if err != nil {
		return tree.Entry{}, fmt.Errorf("read the details of entry %d of tree session %s: %w", r.Seq, r.SessionID, err)
	}
	shown, err := facts(details.Facts)
	if err != nil {
		return tree.Entry{}, fmt.Errorf("read the details of entry %d of tree session %s: %w", r.Seq, r.SessionID, err)
	}
	return tree.Entry{
		Seq:         r.Seq,
		Kind:        r.Kind,
		TreeID:      r.TreeID,
		Version:     r.TreeVersion,
		NodeID:      r.NodeID,
		NodeKind:    r.NodeKind,
		NodeTitle:   r.Title,
		NodeText:    r.Text,
		OptionID:    r.OptionID,
		OptionLabel: r.OptionLabel,
		To:          r.ToNodeID,
		Target:      r.TargetSeq,
		Values:      values(details.Values),
		Cleared:     details.Cleared,
		Facts:       shown,
		Places:      places(details.Places),
		Links:       links(details.Links),
		Internal:    details.Internal,
		Note:        r.Note,
		Output:      r.Output,
		Outcome:     r.Outcome,
		Reason:      r.Reason,
		Person:      r.Person.user(),
		Urgency:     r.Urgency,
		KeepsOpen:   r.KeepsOpen,
		Accepted:    r.Accepted != nil && *r.Accepted,
		EnteredAt:   r.EnteredAt,
		At:          r.At,
		By:          r.By.user(),
	}, nil
}

// readLog begins the statement that reads the entries of logs with who made them.
var readLog = `SELECT e.session_id, e.seq, e.kind, e.tree_id, e.tree_version, e.node_id, e.node_kind, e.title, e.text, e.option_id, e.option_label, e.to_node_id, e.outcome, e.reason, e.target_seq, e.note, e.output, e.details, e.entered_at, e.at, e.urgency, e.keeps_open, e.accepted` +
	personColumns("maker") + personColumns("person") + `
FROM tree_session_steps AS e
LEFT JOIN users AS maker ON maker.account_id = e.account_id AND maker.id = e.by_user_id
LEFT JOIN users AS person ON person.account_id = e.account_id AND person.id = e.to_user_id
WHERE e.account_id = ? AND e.session_id IN (?`

// selectLogs adds the statement that reads the logs of sessions to an empty one.
func selectLogs(q *statement, accountID account.ID, first tree.SessionID, more ...tree.SessionID) {
	q.add(readLog, uuidOf(accountID.UUID()), uuidOf(first.UUID()))
	for _, id := range more {
		q.add(", ?", uuidOf(id.UUID()))
	}
	q.add(") ORDER BY e.session_id, e.seq")
}

// readLogs reads the logs of sessions in one statement and works out where they stand.
func (s *Trees) readLogs(ctx context.Context, accountID account.ID, read []*readTreeSession, sessions []*tree.Session) error {
	if len(sessions) == 0 {
		return nil
	}
	q, ids := newStatement(), make([]tree.SessionID, len(sessions))
	for i := range sessions {
		ids[i] = sessions[i].ID
	}
	selectLogs(q, accountID, ids[0], ids[1:]...)
	logs := make(map[tree.SessionID][]tree.Entry, len(sessions))
	row := new(readTreeSessionStep)
	err := s.db.read(ctx, q, row, func() error {
		e, err := row.entry()
		logs[row.SessionID] = append(logs[row.SessionID], e)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the log of a tree session: %w", err)
	}
	for i, session := range sessions {
		if err := read[i].setLog(session, logs[session.ID]); err != nil {
			return err
		}
	}
	return nil
}

// setLog gives a session its log and works out where it stands. The log may be longer
// than the row says, by an entry that was committed between the two statements. What
// the row says holds.
func (r *readTreeSession) setLog(s *tree.Session, log []tree.Entry) error {
	log = log[:min(len(log), s.LastSeq)]
	start, err := r.startOf(log)
	if err != nil {
		return err
	}
	state, err := tree.Fold(start, s.Given, s.StartedAt, log)
	if err != nil {
		return fmt.Errorf("read tree session %s: %w", s.ID, err)
	}
	s.Log, s.State = log, state
	return nil
}

// Append writes one entry, the state after it, and the request that caused it: with the
// end of the transaction where that is InSession's.
func (s treeTx) Append(ctx context.Context, session *tree.Session, e tree.Entry, r tree.Request) error {
	details := stepDetails{Values: newValues(e.Values), Cleared: e.Cleared, Places: newPlaces(e.Places), Links: newLinks(e.Links), Internal: e.Internal}
	if len(e.Facts) > 0 {
		details.Facts = factsJSON(e.Facts)
	}
	row := &treeSessionStepRow{
		AccountID:   session.AccountID,
		SessionID:   session.ID,
		Seq:         e.Seq,
		Kind:        e.Kind,
		TreeID:      e.TreeID,
		TreeVersion: e.Version,
		NodeID:      e.NodeID,
		NodeKind:    e.NodeKind,
		Title:       e.NodeTitle,
		Text:        e.NodeText,
		OptionID:    e.OptionID,
		OptionLabel: e.OptionLabel,
		ToNodeID:    e.To,
		Outcome:     e.Outcome,
		Reason:      e.Reason,
		TargetSeq:   e.Target,
		Note:        e.Note,
		Output:      e.Output,
		Details:     asJSON(details),
		ToUserID:    e.Person.ID,
		Urgency:     e.Urgency,
		KeepsOpen:   e.KeepsOpen,
		EnteredAt:   e.EnteredAt,
		At:          e.At,
		ByUserID:    e.By.ID,
	}
	if e.Kind == tree.Suggested {
		row.Accepted = &e.Accepted
	}
	add, save := newStatement(), newStatement()
	add.insert(row)
	save.update(newTreeSessionRow(session), "status", "outcome", "outcome_reason", "ended_at", "active_seconds", "last_seq", "current_node_id", "current_title",
		"held_by", "places", "place_tree_id", "place_version", "known_values", "updated_at",
		"escalation_seq", "escalated_at", "escalation_urgency", "escalation_reason", "people", "suggestions", "suggestion_count")
	save.add(" WHERE s.account_id = ? AND s.id = ?", uuidOf(session.AccountID.UUID()), uuidOf(session.ID.UUID()))
	statements := []*statement{add, save}
	if r.Key != "" {
		keep := newStatement()
		keep.insert(&treeSessionRequestRow{AccountID: session.AccountID, SessionID: session.ID, Key: r.Key, Hash: r.Hash[:], Seq: r.Seq, At: e.At})
		statements = append(statements, keep)
	}
	return wrap(write(ctx, s.conn, s.last, statements...), "append to a tree session")
}

type treeSessionRequestRow struct {
	bun.BaseModel `bun:"table:tree_session_requests,alias:r"`

	AccountID account.ID     `bun:"account_id"`
	SessionID tree.SessionID `bun:"session_id"`
	Key       string         `bun:"idempotency_key"`
	Hash      []byte         `bun:"request_hash"`
	Seq       int            `bun:"seq"`
	At        time.Time      `bun:"at"`
}

// readRequest adds the statement to a batch that finds what was asked of a session with
// this key before.
func readRequest(b *batch, accountID account.ID, id tree.SessionID, key string, found **tree.Request) {
	q, row := newStatement(), new(treeSessionRequestRow)
	q.add("SELECT r.request_hash, r.seq FROM tree_session_requests AS r WHERE r.account_id = ? AND r.session_id = ? AND r.idempotency_key = ?",
		uuidOf(accountID.UUID()), uuidOf(id.UUID()), key)
	b.each(q, row, func() error {
		*found = &tree.Request{Key: key, Hash: [32]byte(row.Hash), Seq: row.Seq}
		return nil
	})
}

type treeSessionStartRow struct {
	bun.BaseModel `bun:"table:tree_session_starts,alias:r"`

	AccountID account.ID     `bun:"account_id"`
	UserID    account.UserID `bun:"user_id"`
	Key       string         `bun:"idempotency_key"`
	Hash      []byte         `bun:"request_hash"`
	SessionID tree.SessionID `bun:"session_id"`
	At        time.Time      `bun:"at"`
}

// ClaimStart records a request to start a session. Of two at once with one key,
// the second waits for the first one's end.
func (s treeTx) ClaimStart(ctx context.Context, r tree.StartRequest) (*tree.StartRequest, error) {
	row := &treeSessionStartRow{AccountID: r.AccountID, UserID: r.UserID, Key: r.Key, Hash: r.Hash[:], SessionID: r.SessionID, At: r.At}
	result, err := s.tx.NewInsert().
		Model(row).
		On("CONFLICT (account_id, user_id, idempotency_key) DO NOTHING").
		Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("keep a request to start a tree session: %w", err)
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
		return nil, fmt.Errorf("look for a request to start a tree session: %w", err)
	}
	earlier := &tree.StartRequest{AccountID: row.AccountID, UserID: row.UserID, Key: row.Key, SessionID: row.SessionID, At: row.At}
	copy(earlier.Hash[:], row.Hash)
	return earlier, nil
}

// ForgetRequests forgets which requests were asked before a moment, so that their
// keys may be used again. It goes by time, over all accounts.
func (t *Trees) ForgetRequests(ctx context.Context, before time.Time) error {
	for _, model := range []any{(*treeSessionRequestRow)(nil), (*treeSessionStartRow)(nil), (*treeSessionDraftRow)(nil)} {
		_, err := t.db.NewDelete().
			Model(model).
			Where("r.at < ?", before).
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("forget old requests: %w", err)
		}
	}
	return nil
}
