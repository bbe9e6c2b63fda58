package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// suggestionJSON is an open suggestion as it is kept in its session's row.
type suggestionJSON struct {
	Number      int           `json:"number"`
	Text        string        `json:"text"`
	NodeID      tree.NodeID   `json:"node,omitempty"`
	NodeTitle   string        `json:"title,omitempty"`
	OptionID    tree.OptionID `json:"option,omitempty"`
	OptionLabel string        `json:"label,omitempty"`
	At          time.Time     `json:"at"`
	By          uuid.UUID     `json:"by"`
}

// suggesterJSON is a user who made one.
type suggesterJSON struct {
	ID           uuid.UUID    `json:"id"`
	Email        string       `json:"email"`
	Name         string       `json:"name"`
	Role         account.Role `json:"role"`
	TokenVersion int          `json:"token_version"`
	CreatedAt    time.Time    `json:"created_at"`
	LastLoginAt  time.Time    `json:"last_login_at"`
	DisabledAt   time.Time    `json:"disabled_at"`
}

// suggesters is who made a session's open suggestions. It is a subquery and not a
// join, for there may be several.
var suggesters = bun.Safe(`(SELECT jsonb_agg(jsonb_build_object('id', u.id, 'email', u.email, 'name', u.name, 'role', u.role,
	'token_version', u.token_version, 'created_at', u.created_at, 'last_login_at', u.last_login_at, 'disabled_at', u.disabled_at))
	FROM users AS u
	WHERE u.account_id = s.account_id AND u.id IN (SELECT (g ->> 'by')::uuid FROM jsonb_array_elements(s.suggestions) AS g))`)

// help reads into a session who is asked for help, what is suggested, and who had
// a part in it.
func (r *readTreeSession) help(s *tree.Session) error {
	for _, text := range r.People {
		var person account.UserID
		if err := person.Scan(text); err != nil {
			return fmt.Errorf("read who had a part: %w", err)
		}
		s.People = append(s.People, person)
	}
	if r.EscalationSeq != 0 { // whoever has the session made it: it ends when that changes
		s.Escalation = &tree.Escalation{Seq: r.EscalationSeq, Urgency: r.EscalationUrgency, Reason: r.EscalationReason, At: r.EscalatedAt, By: s.Holder}
	}
	suggestions, err := read[[]suggestionJSON](r.Suggestions)
	if err != nil {
		return fmt.Errorf("read what is suggested: %w", err)
	}
	users, err := read[[]suggesterJSON](r.Suggesters)
	if err != nil {
		return fmt.Errorf("read who suggests: %w", err)
	}
	s.SuggestionCount = r.SuggestionCount
	for _, g := range suggestions {
		suggestion := tree.Suggestion{Number: g.Number, Text: g.Text, NodeID: g.NodeID, NodeTitle: g.NodeTitle, OptionID: g.OptionID, OptionLabel: g.OptionLabel, At: g.At}
		suggestion.By.AccountID = r.AccountID
		if err := suggestion.By.ID.Scan(g.By.String()); err != nil {
			return fmt.Errorf("read who suggests: %w", err)
		}
		for _, u := range users {
			if u.ID == g.By {
				suggestion.By = account.User{
					AccountID: r.AccountID, ID: suggestion.By.ID, Email: u.Email, Name: u.Name, Role: u.Role, TokenVersion: u.TokenVersion,
					CreatedAt: u.CreatedAt, LastLoginAt: u.LastLoginAt, DisabledAt: u.DisabledAt,
				}
			}
		}
		s.Suggestions = append(s.Suggestions, suggestion)
	}
	return nil
}

// nameSuggesters reads who made suggestions while a session's row was waited for.
// The row came back new, but what a subquery reads is as it was before.
func (s treeTx) nameSuggesters(ctx context.Context, session *tree.Session) error {
	for i := range session.Suggestions {
		g := &session.Suggestions[i]
		if g.By.Name != "" {
			continue
		}
		var err error
		if g.By, err = s.Colleague(ctx, session.AccountID, g.By.ID); err != nil {
			return err
		}
	}
	return nil
}

// setHelp writes the same into a row.
func (r *treeSessionRow) setHelp(s *tree.Session) {
	if e := s.Escalation; e != nil {
		r.EscalationSeq, r.EscalatedAt, r.EscalationUrgency, r.EscalationReason = e.Seq, e.At, e.Urgency, e.Reason
	}
	r.People = make([]string, len(s.People))
	for i, person := range s.People {
		r.People[i] = person.UUID().String()
	}
	suggestions := make([]suggestionJSON, len(s.Suggestions))
	for i, g := range s.Suggestions {
		suggestions[i] = suggestionJSON{g.Number, g.Text, g.NodeID, g.NodeTitle, g.OptionID, g.OptionLabel, g.At, g.By.ID.UUID()}
	}
	r.Suggestions, r.SuggestionCount = asJSON(suggestions), s.SuggestionCount
}

// Escalations reads the sessions with an open escalation in one statement, and
// their logs, if asked for, in a second.
func (s *Trees) Escalations(ctx context.Context, accountID account.ID, fields tree.SessionFields, limit int) (tree.EscalationQueue, error) {
	var rows []readTreeSession
	err := selectTreeSession(s.db.NewSelect().Model(&rows), fields).
		Where("s.account_id = ?", accountID).
		Where("s.escalated_at IS NOT NULL").
		OrderExpr("array_position(?::text[], s.escalation_urgency), s.escalated_at, s.id", pgdialect.Array(tree.Urgencies())).
		Limit(int64(limit) + 1).
		Scan(ctx)
	if err != nil {
		return tree.EscalationQueue{}, fmt.Errorf("list escalations: %w", err)
	}
	queue := tree.EscalationQueue{More: len(rows) > limit}
	rows = rows[:min(len(rows), limit)]
	read := make([]*readTreeSession, len(rows))
	queue.Sessions = make([]*tree.Session, len(rows))
	for i := range rows {
		read[i] = &rows[i]
		if queue.Sessions[i], err = rows[i].session(); err != nil {
			return tree.EscalationQueue{}, err
		}
	}
	if fields.Has(tree.SessionLog) {
		err = s.readLogs(ctx, accountID, read, queue.Sessions)
	}
	return queue, err
}

// escalationEnd is the first entry of a session's log after the escalation a that
// ended it: the conditions are those of (*tree.Session).escalationEnd.
const escalationEnd = `LATERAL (
	SELECT e.kind, e.at, e.by_user_id
	FROM tree_session_steps AS e
	WHERE e.account_id = a.account_id AND e.session_id = a.session_id AND e.seq > a.seq
	  AND (e.kind IN ('CLAIM', 'TAKE_BACK', 'HANDOVER', 'COMPLETE', 'ABANDON') OR e.kind = 'HINT' AND NOT e.keeps_open)
	ORDER BY e.seq
	LIMIT 1)`

// EscalationEnds says in one statement how escalations ended.
func (s *Trees) EscalationEnds(ctx context.Context, accountID account.ID, asked map[tree.SessionID]int) (map[tree.SessionID]tree.EscalationEnd, error) {
	sessions, seqs := make([]string, 0, len(asked)), make([]int, 0, len(asked))
	for session, seq := range asked {
		sessions, seqs = append(sessions, session.UUID().String()), append(seqs, seq)
	}
	var rows []struct {
		SessionID tree.SessionID `bun:"session_id"`
		Seq       int            `bun:"seq"`
		Kind      tree.EntryKind `bun:"kind"`
		Person    personRow      `bun:"embed:person__"`
	}
	q := s.db.NewSelect().
		With("a", s.db.NewRaw("SELECT ?::uuid AS account_id, k.session_id, k.seq FROM unnest(?::uuid[], ?::integer[]) AS k (session_id, seq)", accountID, pgdialect.Array(sessions), pgdialect.Array(seqs))).
		TableExpr("a").
		Join("JOIN ? AS e ON true", bun.Safe(escalationEnd)).
		ColumnExpr("a.session_id, a.seq, e.kind")
	if err := joinPerson(q, "person", "a.account_id", "e.by_user_id").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look how escalations ended: %w", err)
	}
	ends := make(map[tree.SessionID]tree.EscalationEnd, len(rows))
	for i := range rows {
		r := &rows[i]
		ends[r.SessionID] = tree.EscalationEnd{Session: r.SessionID, Escalation: r.Seq, Kind: r.Kind, By: r.Person.user()}
	}
	return ends, nil
}

// EscalationCounts counts over the log itself, in one statement: there is no
// second record that could differ. docs/analytics.md says what each count is.
func (s *Trees) EscalationCounts(ctx context.Context, accountID account.ID, from, to time.Time) (map[tree.Urgency]tree.EscalationCounts, error) {
	var rows []struct {
		Urgency      tree.Urgency `bun:"urgency"`
		Asked        int          `bun:"asked"`
		Open         int          `bun:"open"`
		Claimed      int          `bun:"claimed"`
		Answered     int          `bun:"answered"`
		TakenBack    int          `bun:"taken_back"`
		Otherwise    int          `bun:"otherwise"`
		Acted        int          `bun:"acted"`
		MedianTime   *float64     `bun:"median_time"`
		Percentile90 *float64     `bun:"percentile_90"`
	}
	err := s.db.NewRaw(`
		WITH asked AS (
		  SELECT a.urgency, e.kind AS ended, date_part('epoch', f.at - a.at) AS waited
		  FROM tree_session_steps AS a
		  LEFT JOIN ?3 AS e ON true
		  LEFT JOIN LATERAL (
		    SELECT x.at
		    FROM tree_session_steps AS x
		    WHERE x.account_id = a.account_id AND x.session_id = a.session_id AND x.seq > a.seq AND x.target_seq = a.seq AND x.kind IN ('CLAIM', 'HINT')
		    ORDER BY x.seq
		    LIMIT 1) AS f ON true
		  WHERE a.account_id = ?0 AND a.kind = 'ESCALATE' AND a.at >= ?1 AND a.at < ?2
		)
		SELECT coalesce(urgency, '') AS urgency, count(*) AS asked,
		  count(*) FILTER (WHERE ended IS NULL) AS open,
		  count(*) FILTER (WHERE ended = 'CLAIM') AS claimed,
		  count(*) FILTER (WHERE ended = 'HINT') AS answered,
		  count(*) FILTER (WHERE ended = 'TAKE_BACK') AS taken_back,
		  count(*) FILTER (WHERE ended IN ('HANDOVER', 'COMPLETE', 'ABANDON')) AS otherwise,
		  count(waited) AS acted,
		  percentile_disc(0.5) WITHIN GROUP (ORDER BY waited) AS median_time,
		  percentile_disc(0.9) WITHIN GROUP (ORDER BY waited) AS percentile_90
		FROM asked
		GROUP BY GROUPING SETS ((urgency), ())`, accountID, from, to, bun.Safe(escalationEnd)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count escalations: %w", err)
	}
	counts := make(map[tree.Urgency]tree.EscalationCounts, len(rows))
	for _, r := range rows {
		counts[r.Urgency] = tree.EscalationCounts{
			Urgency: r.Urgency, Asked: r.Asked, Open: r.Open, Claimed: r.Claimed, Answered: r.Answered, TakenBack: r.TakenBack, Otherwise: r.Otherwise,
			Acted: r.Acted, MedianTime: seconds(r.MedianTime), Percentile90: seconds(r.Percentile90),
		}
	}
	return counts, nil
}

// seconds returns a span as PostgreSQL worked it out; none is 0.
func seconds(n *float64) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(math.Round(*n*1e6)) * time.Microsecond
}
