//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/id"
	"github.com/branchline/branchline/internal/login"
)

// The tree that is walked: questions in a row, each with an option that leads to
// the next one and an option that leads to the one solution.
const (
	questions  = 12
	stepsEach  = 10 // of a walk, so that its log has 4.5 entries on average when it is read
	optionOn   = "on"
	optionStop = "stop"
	labelOn    = "It does not help"
	labelStop  = "It helps"
)

func questionID(i int) string { return "question" + strconv.Itoa(i) }

func questionTitle(i int) string { return fmt.Sprintf("Does step %d of the runbook help?", i) }

type walkKind struct{}

// Prefix implements id.Kind.
func (walkKind) Prefix() string { return "tses" }

// Noun implements id.Kind.
func (walkKind) Noun() string { return "troubleshooting session" }

// person is what the product reads of a user who is joined.
const person = `%[1]s.account_id, %[1]s.id, %[1]s.email, %[1]s.name, %[1]s.role, %[1]s.token_version, %[1]s.created_at, %[1]s.last_login_at, %[1]s.disabled_at`

// The product's statements for one step of a walk, between BEGIN and COMMIT. The
// product sends those together that do not wait for each other's answers.
var (
	lockWalk = `SELECT s.held_by, s.status, s.tree_id, s.tree_version, s.updated_at, s.last_seq, s.current_node_id,
  s.account_id, s.id, s.started_by, s.people::text[], s.escalation_seq, s.escalated_at, s.escalation_urgency, s.escalation_reason,
  v.title, s.ticket, s.subject, s.client_name, s.client_facts, s.client_id, s.started_at, s.ended_at, s.active_seconds,
  s.outcome, s.outcome_reason, s.current_title, s.places, s.start_places, s.start_values, s.known_values, s.scratchpad, s.scratchpad_revision,
  client.account_id, client.id, client.name, client.aliases, client.ticket_key, client.facts, client.revision, client.created_at, client.updated_at,
  s.suggestions, s.suggestion_count, ` + fmt.Sprintf(person, "starter") + `, ` + fmt.Sprintf(person, "holder") + `,
  (SELECT jsonb_agg(jsonb_build_object('id', u.id, 'email', u.email, 'name', u.name, 'role', u.role,
    'token_version', u.token_version, 'created_at', u.created_at, 'last_login_at', u.last_login_at, 'disabled_at', u.disabled_at))
    FROM users AS u
    WHERE u.account_id = s.account_id AND u.id IN (SELECT (g ->> 'by')::uuid FROM jsonb_array_elements(s.suggestions) AS g)),
  (SELECT h.published_at FROM tree_versions AS h WHERE h.account_id = s.account_id AND (h.tree_id, h.number) = (
    CASE WHEN s.places = '[]' THEN s.tree_id ELSE s.place_tree_id END, CASE WHEN s.places = '[]' THEN s.tree_version ELSE s.place_version END))
FROM tree_sessions AS s
LEFT JOIN tree_versions AS v ON v.account_id = s.account_id AND v.tree_id = s.tree_id AND v.number = s.tree_version
LEFT JOIN clients AS client ON client.account_id = s.account_id AND client.id = s.client_id
LEFT JOIN users AS starter ON starter.account_id = s.account_id AND starter.id = s.started_by
LEFT JOIN users AS holder ON holder.account_id = s.account_id AND holder.id = s.held_by
WHERE s.account_id = $1 AND s.id = $2 FOR UPDATE OF s`

	// What follows the seven columns that are looked at.
	lockWalkRest = 37 + 2*9 + 2

	readLog = `SELECT e.session_id, e.seq, e.kind, e.tree_id, e.tree_version, e.node_id, e.node_kind, e.title, e.text, e.option_id, e.option_label,
  e.to_node_id, e.outcome, e.reason, e.target_seq, e.note, e.output, e.details, e.entered_at, e.at, e.urgency, e.keeps_open, e.accepted, ` +
		fmt.Sprintf(person, "maker") + `, ` + fmt.Sprintf(person, "person") + `
FROM tree_session_steps AS e
LEFT JOIN users AS maker ON maker.account_id = e.account_id AND maker.id = e.by_user_id
LEFT JOIN users AS person ON person.account_id = e.account_id AND person.id = e.to_user_id
WHERE e.account_id = $1 AND e.session_id IN ($2) ORDER BY e.session_id, e.seq`
)

const (
	addStep = `INSERT INTO tree_session_steps (account_id, session_id, seq, kind, tree_id, tree_version, node_id, node_kind, title, text,
  option_id, option_label, to_node_id, outcome, reason, target_seq, note, output, details, entered_at, at, by_user_id, to_user_id, urgency, keeps_open, accepted)
VALUES ($1, $2, $3, 'ANSWER', $4, $5, $6, 'DECISION', $7, '', $8, $9, $10, NULL, '', NULL, '', '', '{}', $11, $12, $13, NULL, NULL, false, NULL)`

	saveWalk = `UPDATE tree_sessions SET status = 'IN_PROGRESS', outcome = NULL, outcome_reason = '', ended_at = NULL, active_seconds = $3,
  last_seq = $4, current_node_id = $5, current_title = $6, held_by = $8, places = '[]', place_tree_id = NULL, place_version = NULL, known_values = '[]', updated_at = $7,
  escalation_seq = NULL, escalated_at = NULL, escalation_urgency = NULL, escalation_reason = '', people = '{}', suggestions = '[]', suggestion_count = 0
WHERE account_id = $1 AND id = $2`
)

// advance takes a step of a walk by the product's statements. It knows the tree by
// heart.
func (p *plain) advance(ctx context.Context, c login.Claims, body []byte) ([]byte, error) {
	a, err := variables(body)
	if err != nil {
		return nil, err
	}
	in := a.Variables.Input
	sessionID, err := id.Parse[walkKind](in.SessionID)
	if err != nil {
		return nil, err
	}
	account, walk, user := uuidOf(c.AccountID.UUID()), uuidOf(sessionID.UUID()), uuidOf(c.UserID.UUID())
	var next int
	err = pgx.BeginFunc(ctx, p.db, func(tx pgx.Tx) error {
		var (
			holder, treeID [16]byte
			status, node   string
			version, seq   int
			entered        time.Time
		)
		into := append([]any{&holder, &status, &treeID, &version, &entered, &seq, &node}, make([]any, lockWalkRest)...) // nil is not read
		if err := tx.QueryRow(ctx, lockWalk, account, walk).Scan(into...); err != nil {
			return err
		}
		log, err := tx.Query(ctx, readLog, account, walk)
		if err != nil {
			return err
		}
		entries := 0
		for ; log.Next(); entries++ {
			log.RawValues()
		}
		if err := log.Err(); err != nil {
			return err
		}
		present, err := strconv.Atoi(strings.TrimPrefix(node, questionID(0)[:len("question")]))
		if err != nil {
			return err
		}
		if holder != c.UserID.UUID() || status != "IN_PROGRESS" || seq != in.ExpectedStep || seq != entries || in.OptionID != optionOn {
			return errors.New("the step is not the next one")
		}
		next = present + 1
		now := time.Now()
		if _, err := tx.Exec(ctx, addStep, account, walk, seq+1, uuidOf(treeID), version, node, questionTitle(present),
			optionOn, labelOn, questionID(next), entered, now, user); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, saveWalk, account, walk, int(now.Sub(entered)/time.Second), seq+1, questionID(next), questionTitle(next), now, user)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := appendText(append(make([]byte, 0, 512), `{"data":{"advanceSession":{"session":{"id":`...), in.SessionID)
	out = fmt.Appendf(out, `,"status":"IN_PROGRESS","step":%d,"currentNode":{"__typename":"DecisionNode","nodeId":`, in.ExpectedStep+1)
	out = appendText(out, questionID(next))
	out = appendText(append(out, `,"title":`...), questionTitle(next))
	return append(out, `,"options":[{"optionId":"`+optionOn+`","label":"`+labelOn+`"},{"optionId":"`+optionStop+`","label":"`+labelStop+`"}]}}}}}`...), nil
}
