package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// Analytics works out figures about the walks through a tree. It counts over the
// log itself, by indexes that hold all it needs: there is no second record of the
// same that could differ. docs/analytics.md says what each figure is.
func (s *Trees) Analytics(ctx context.Context, accountID account.ID, q tree.AnalyticsQuery) (*tree.Analytics, error) {
	a := &tree.Analytics{From: q.From, To: q.To}
	if q.Sessions {
		if err := s.sessionFigures(ctx, accountID, q, a); err != nil {
			return nil, fmt.Errorf("count the sessions of tree %s: %w", q.Tree, err)
		}
	}
	if q.Nodes {
		if err := s.nodeFigures(ctx, accountID, q, a); err != nil {
			return nil, fmt.Errorf("count the visits to tree %s: %w", q.Tree, err)
		}
	}
	return a, nil
}

type sessionFiguresRow struct {
	Version      int      `bun:"version"`
	Started      int      `bun:"started"`
	InProgress   int      `bun:"in_progress"`
	Completed    int      `bun:"completed"`
	EndedEarly   int      `bun:"ended_early"`
	Abandoned    int      `bun:"abandoned"`
	Resolved     int      `bun:"resolved"`
	Escalated    int      `bun:"escalated"`
	Unresolved   int      `bun:"unresolved"`
	MedianTime   *float64 `bun:"median_time"`
	MedianActive *int     `bun:"median_active"`
}

func (s *Trees) sessionFigures(ctx context.Context, accountID account.ID, q tree.AnalyticsQuery, a *tree.Analytics) error {
	var rows []sessionFiguresRow
	version, groups := bun.Safe(""), bun.Safe("GROUPING SETS ((s.tree_version), ())")
	if q.Version != 0 { // it is all together
		version, groups = bun.Safe(fmt.Sprintf("AND s.tree_version = %d", q.Version)), bun.Safe("s.tree_version")
	}
	// A reason is what only an end before a solution has.
	err := s.db.NewRaw(`
		SELECT coalesce(s.tree_version, 0) AS version, count(*) AS started,
		  count(*) FILTER (WHERE s.status = 'IN_PROGRESS') AS in_progress,
		  count(*) FILTER (WHERE s.status = 'COMPLETED') AS completed,
		  count(*) FILTER (WHERE s.status = 'COMPLETED' AND s.outcome_reason <> '') AS ended_early,
		  count(*) FILTER (WHERE s.status = 'ABANDONED') AS abandoned,
		  count(*) FILTER (WHERE s.outcome = 'RESOLVED') AS resolved,
		  count(*) FILTER (WHERE s.outcome = 'ESCALATED') AS escalated,
		  count(*) FILTER (WHERE s.outcome = 'UNRESOLVED') AS unresolved,
		  percentile_disc(0.5) WITHIN GROUP (ORDER BY date_part('epoch', s.ended_at - s.started_at)) FILTER (WHERE s.status = 'COMPLETED') AS median_time,
		  percentile_disc(0.5) WITHIN GROUP (ORDER BY s.active_seconds) FILTER (WHERE s.status = 'COMPLETED') AS median_active
		FROM tree_sessions AS s
		WHERE s.account_id = ? AND s.tree_id = ? AND s.started_at >= ? AND s.started_at < ? ?
		GROUP BY ?
		ORDER BY version DESC`, accountID, q.Tree, q.From, q.To, version, groups).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		f := tree.SessionFigures{
			Version: r.Version, Started: r.Started, InProgress: r.InProgress, Completed: r.Completed, EndedEarly: r.EndedEarly, Abandoned: r.Abandoned,
			Resolved: r.Resolved, Escalated: r.Escalated, Unresolved: r.Unresolved, MedianTime: seconds(r.MedianTime),
		}
		if r.MedianActive != nil {
			f.MedianActive = time.Duration(*r.MedianActive) * time.Second
		}
		if f.Version == 0 || f.Version == q.Version {
			a.Sessions = f
			a.Sessions.Version = q.Version
		}
		if f.Version != 0 {
			a.Versions = append(a.Versions, f)
		}
	}
	a.Sessions.Version = q.Version
	return nil
}

// seconds reads a span that PostgreSQL worked out, right to the microsecond that
// it keeps of a time.
func seconds(n *float64) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(math.Round(*n*1e6)) * time.Microsecond
}

type nodeFiguresRow struct {
	NodeID     tree.NodeID     `bun:"node_id"`
	Node       json.RawMessage `bun:"node"`
	Visits     int             `bun:"visits"`
	Standing   int             `bun:"standing"`
	DropOffs   int             `bun:"drop_offs"`
	OwnSteps   int             `bun:"own_steps"`
	MedianTime *float64        `bun:"median_time"`
	Options    json.RawMessage `bun:"options"`
}

func (s *Trees) nodeFigures(ctx context.Context, accountID account.ID, q tree.AnalyticsQuery, a *tree.Analytics) error {
	version := bun.Safe("")
	if q.Version != 0 {
		version = bun.Safe(fmt.Sprintf("AND e.tree_version = %d", q.Version))
	}
	var rows []nodeFiguresRow
	// An end that was reopened did not end the visit, nor did a step back over
	// steps of one's own alone. What a later step back reaches is undone: it
	// names the earliest entry that it undoes.
	err := s.db.NewRaw(`
		WITH visit AS MATERIALIZED (
		  SELECT e.session_id, e.seq, e.kind, e.tree_version, e.node_id COLLATE "C" AS node_id, e.option_id COLLATE "C" AS option_id,
		    e.kind = 'ABANDON' OR e.kind = 'COMPLETE' AND e.node_kind <> 'SOLUTION' AS dropped,
		    date_part('epoch', e.at - e.entered_at) AS took
		  FROM tree_session_steps AS e
		  WHERE e.account_id = ?0 AND e.tree_id = ?1 AND e.at >= ?2 AND e.at < ?3 ?4
		    AND e.kind IN ('ANSWER', 'SWITCH', 'RETURN', 'BACK', 'COMPLETE', 'ABANDON', 'OWN_STEP')
		    AND (e.kind NOT IN ('COMPLETE', 'ABANDON') OR NOT EXISTS (
		      SELECT FROM tree_session_steps AS r
		      WHERE r.account_id = ?0 AND r.session_id = e.session_id AND r.seq = e.seq + 1 AND r.kind = 'REOPEN'))
		    AND (e.kind <> 'BACK' OR EXISTS (
		      SELECT FROM tree_session_steps AS x
		      WHERE x.account_id = ?0 AND x.session_id = e.session_id AND x.seq >= e.target_seq AND x.seq < e.seq AND x.kind IN ('ANSWER', 'SWITCH', 'RETURN')))
		), node AS (
		  SELECT v.node_id, max(v.tree_version) AS version,
		    count(*) FILTER (WHERE v.kind <> 'OWN_STEP') AS visits,
		    count(*) FILTER (WHERE v.dropped) AS drop_offs,
		    count(*) FILTER (WHERE v.kind = 'OWN_STEP') AS own_steps,
		    percentile_disc(0.5) WITHIN GROUP (ORDER BY v.took) FILTER (WHERE v.kind <> 'OWN_STEP') AS median_time
		  FROM visit AS v
		  GROUP BY v.node_id
		), standing AS (
		  SELECT v.node_id, v.option_id, count(*) AS n
		  FROM visit AS v
		  WHERE v.kind NOT IN ('BACK', 'OWN_STEP') AND NOT EXISTS (
		    SELECT FROM tree_session_steps AS b
		    WHERE b.account_id = ?0 AND b.session_id = v.session_id AND b.seq > v.seq AND b.target_seq <= v.seq AND b.kind = 'BACK')
		  GROUP BY v.node_id, v.option_id
		), answers AS (
		  SELECT node_id, sum(n) AS n,
		    jsonb_agg(jsonb_build_object('option', option_id, 'n', n) ORDER BY n DESC, option_id) FILTER (WHERE option_id IS NOT NULL) AS options
		  FROM standing
		  GROUP BY node_id
		), shown AS (
		  SELECT v.number, n.node, (n.node ->> 'id') COLLATE "C" AS node_id
		  FROM tree_versions AS v, jsonb_array_elements(v.graph -> 'nodes') AS n (node)
		  WHERE v.account_id = ?0 AND v.tree_id = ?1 AND v.number IN (SELECT version FROM node)
		)
		SELECT node.node_id, shown.node, node.visits, coalesce(answers.n, 0) AS standing, node.drop_offs, node.own_steps, node.median_time, answers.options
		FROM node
		LEFT JOIN answers ON answers.node_id = node.node_id
		LEFT JOIN shown ON shown.number = node.version AND shown.node_id = node.node_id
		ORDER BY node.visits DESC, node.node_id
		LIMIT ?5`, accountID, q.Tree, q.From, q.To, version, tree.MaxNodeFigures).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	a.Nodes = make([]tree.NodeFigures, len(rows))
	for i := range rows {
		if a.Nodes[i], err = rows[i].figures(); err != nil {
			return fmt.Errorf("node %s: %w", rows[i].NodeID, err)
		}
	}
	return nil
}

func (r *nodeFiguresRow) figures() (tree.NodeFigures, error) {
	f := tree.NodeFigures{
		NodeID: r.NodeID, Visits: r.Visits, Undone: r.Visits - r.Standing, DropOffs: r.DropOffs, OwnSteps: r.OwnSteps, MedianTime: seconds(r.MedianTime),
	}
	node := new(tree.Node)
	if r.Node != nil {
		var err error
		if node, err = tree.DecodeNode(r.Node); err != nil {
			return f, err
		}
	}
	f.Kind, f.Title = node.Kind, node.Title
	chosen, err := read[[]struct {
		Option tree.OptionID `json:"option"`
		N      int           `json:"n"`
	}](r.Options)
	for _, c := range chosen {
		o := tree.OptionFigures{OptionID: c.Option, Chosen: c.N}
		if option := node.Option(c.Option); option != nil {
			o.Label = option.Label
		}
		f.Options = append(f.Options, o)
	}
	return f, err
}

type unwellTreeRow struct {
	ID          tree.ID   `bun:"id"`
	Version     int       `bun:"version"`
	Title       string    `bun:"title"`
	ReviewBy    time.Time `bun:"review_by"`
	PublishedAt time.Time `bun:"published_at"`
	UsedAt      time.Time `bun:"used_at"`
	Ended       int       `bun:"ended"`
	DroppedOff  int       `bun:"dropped_off"`
	Completed   int       `bun:"completed"`
	Unresolved  int       `bun:"unresolved"`
	Owner       personRow `bun:"embed:owner__"`
}

// UnwellTrees reads the published trees that something is held against. The
// conditions are those of tree.HealthFacts.Findings; a test holds them together.
func (s *Trees) UnwellTrees(ctx context.Context, accountID account.ID, q tree.HealthQuery) ([]tree.UnwellTree, error) {
	whose := bun.Safe("")
	if !q.Owner.IsZero() {
		whose = bun.Safe("AND t.owner_id = '" + q.Owner.UUID().String() + "'")
	}
	facts := s.db.NewRaw(`
		WITH walked AS (
		  SELECT s.tree_id, s.tree_version,
		    count(*) FILTER (WHERE s.status <> 'IN_PROGRESS') AS ended,
		    count(*) FILTER (WHERE s.status = 'ABANDONED' OR s.status = 'COMPLETED' AND s.outcome_reason <> '') AS dropped_off,
		    count(*) FILTER (WHERE s.status = 'COMPLETED') AS completed,
		    count(*) FILTER (WHERE s.outcome = 'UNRESOLVED') AS unresolved
		  FROM tree_sessions AS s
		  WHERE s.account_id = ?0 AND s.started_at >= ?1 AND s.tree_id IS NOT NULL
		  GROUP BY s.tree_id, s.tree_version
		), facts AS (
		  SELECT t.id, t.owner_id, v.number AS version, v.title, t.review_by, v.published_at,
		    coalesce(w.ended, 0) AS ended, coalesce(w.dropped_off, 0) AS dropped_off, coalesce(w.completed, 0) AS completed, coalesce(w.unresolved, 0) AS unresolved,
		    greatest(
		      (SELECT max(s.started_at) FROM tree_sessions AS s WHERE s.account_id = ?0 AND s.tree_id = t.id),
		      (SELECT max(e.at) FROM tree_session_steps AS e WHERE e.account_id = ?0 AND e.tree_id = t.id
		         AND e.kind IN ('ANSWER', 'SWITCH', 'RETURN', 'BACK', 'COMPLETE', 'ABANDON', 'OWN_STEP'))) AS used_at
		  FROM trees AS t
		  JOIN tree_versions AS v ON v.account_id = ?0 AND v.tree_id = t.id AND v.number = t.published_version
		  LEFT JOIN walked AS w ON w.tree_id = t.id AND w.tree_version = t.published_version
		  WHERE t.account_id = ?0 AND t.status = 'PUBLISHED' ?2
		)
		SELECT f.*, ?0::uuid AS account_id,
		  (greatest(f.used_at, f.published_at) <= ?3)::int
		  + (f.ended >= ?4 AND f.dropped_off * 100 >= ?5 * f.ended)::int
		  + (f.completed >= ?4 AND f.unresolved * 100 >= ?6 * f.completed)::int
		  + (CASE WHEN f.review_by IS NULL THEN f.published_at <= ?7 ELSE f.review_by < ?8::date END)::int AS findings
		FROM facts AS f`,
		accountID, q.Now.Add(-tree.HealthSpan), whose, q.Now.Add(-tree.UnusedAfter), tree.HealthSessions, tree.HighDropOff, tree.HighUnresolved,
		q.Now.Add(-tree.ReviewAfter), q.Now.UTC().Format(time.DateOnly))
	var rows []unwellTreeRow
	list := s.db.NewSelect().
		TableExpr("(?) AS f", facts).
		ColumnExpr("f.id, f.version, f.title, f.review_by, f.published_at, f.used_at, f.ended, f.dropped_off, f.completed, f.unresolved").
		Where("f.findings > 0").
		OrderExpr("f.findings DESC, f.ended DESC, f.id").
		Limit(tree.MaxUnwellTrees)
	if err := joinPerson(list, "owner", "f.account_id", "f.owner_id").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look for trees that are not well: %w", err)
	}
	trees := make([]tree.UnwellTree, len(rows))
	for i, r := range rows {
		trees[i] = tree.UnwellTree{
			ID: r.ID, Version: r.Version, Title: r.Title, Owner: r.Owner.user(),
			Facts: tree.HealthFacts{
				PublishedAt: r.PublishedAt, UsedAt: r.UsedAt, ReviewBy: r.ReviewBy,
				Ended: r.Ended, DroppedOff: r.DroppedOff, Completed: r.Completed, Unresolved: r.Unresolved,
			},
		}
	}
	return trees, nil
}
