package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// Analytics works out figures about the walks through a tree. It adds up counts that
// were made beforehand, a few for each node, and what the sessions show that are not
// counted yet; see tree_counts.go. docs/analytics.md says what each figure is.
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
	Version    int    `bun:"version"`
	Started    int    `bun:"started"`
	InProgress int    `bun:"in_progress"`
	Completed  int    `bun:"completed"`
	EndedEarly int    `bun:"ended_early"`
	Abandoned  int    `bun:"abandoned"`
	Resolved   int    `bun:"resolved"`
	Escalated  int    `bun:"escalated"`
	Unresolved int    `bun:"unresolved"`
	Took       string `bun:"took"`
	Active     string `bun:"active"`
}

func (r *sessionFiguresRow) figures() tree.SessionFigures {
	return tree.SessionFigures{
		Version: r.Version, Started: r.Started, InProgress: r.InProgress, Completed: r.Completed, EndedEarly: r.EndedEarly, Abandoned: r.Abandoned,
		Resolved: r.Resolved, Escalated: r.Escalated, Unresolved: r.Unresolved, MedianTime: median(r.Took), MedianActive: median(r.Active),
	}
}

// add adds what began with another version.
func (r *sessionFiguresRow) add(o *sessionFiguresRow) {
	r.Started += o.Started
	r.InProgress += o.InProgress
	r.Completed += o.Completed
	r.EndedEarly += o.EndedEarly
	r.Abandoned += o.Abandoned
	r.Resolved += o.Resolved
	r.Escalated += o.Escalated
	r.Unresolved += o.Unresolved
	r.Took += o.Took
	r.Active += o.Active
}

func (s *Trees) sessionFigures(ctx context.Context, accountID account.ID, q tree.AnalyticsQuery, a *tree.Analytics) error {
	var rows []sessionFiguresRow
	err := s.db.NewRaw(`
		WITH part AS (
		  SELECT c.tree_version, c.started, c.in_progress, c.completed, c.ended_early, c.abandoned, c.resolved, c.escalated, c.unresolved, c.took::text, c.active::text
		  FROM tree_session_counts AS c
		  WHERE c.account_id = ?0 AND c.tree_id = ?1 AND ?3 ?2
		  UNION ALL
		  SELECT c.tree_version, 1, c.in_progress, c.completed, c.ended_early, c.abandoned, c.resolved, c.escalated, c.unresolved, ARRAY[c.took, 1]::text, ARRAY[c.active, 1]::text
		  FROM tree_session_facts AS c
		  WHERE c.account_id = ?0 AND NOT c.counted AND c.tree_id = ?1 AND c.started_at >= ?4 AND c.started_at < ?5 ?2
		)
		SELECT tree_version AS version, sum(started) AS started, sum(in_progress) AS in_progress, sum(completed) AS completed, sum(ended_early) AS ended_early,
		  sum(abandoned) AS abandoned, sum(resolved) AS resolved, sum(escalated) AS escalated, sum(unresolved) AS unresolved,
		  coalesce(string_agg(took, '') FILTER (WHERE completed > 0), '') AS took, coalesce(string_agg(active, '') FILTER (WHERE completed > 0), '') AS active
		FROM part
		GROUP BY tree_version
		HAVING sum(started) > 0
		ORDER BY tree_version DESC`, accountID, q.Tree, ofVersion(q.Version), hours(q.From, q.To), q.From, q.To).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	var all sessionFiguresRow
	for i := range rows {
		all.add(&rows[i])
		a.Versions = append(a.Versions, rows[i].figures())
	}
	all.Version = q.Version
	a.Sessions = all.figures()
	return nil
}

// ofVersion compares the version of what is counted, called c; 0 is all.
func ofVersion(version int) bun.Safe {
	if version == 0 {
		return ""
	}
	return bun.Safe(fmt.Sprintf("AND c.tree_version = %d", version))
}

type nodeFiguresRow struct {
	NodeID   tree.NodeID     `bun:"node_id"`
	Node     json.RawMessage `bun:"node"`
	Visits   int             `bun:"visits"`
	Undone   int             `bun:"undone"`
	DropOffs int             `bun:"drop_offs"`
	OwnSteps int             `bun:"own_steps"`
	Chosen   string          `bun:"chosen"`
	Took     string          `bun:"took"`
}

func (s *Trees) nodeFigures(ctx context.Context, accountID account.ID, q tree.AnalyticsQuery, a *tree.Analytics) error {
	var rows []nodeFiguresRow
	err := s.db.NewRaw(`
		WITH part AS (
		  SELECT c.node_id, c.tree_version, c.visits, c.undone, c.drop_offs, c.own_steps, c.chosen::text, c.took::text
		  FROM tree_visit_counts AS c
		  WHERE c.account_id = ?0 AND c.tree_id = ?1 AND ?3 ?2
		  UNION ALL
		  SELECT c.node_id, c.tree_version, c.visits, c.undone, c.drop_offs, c.own_steps,
		    CASE WHEN c.chosen IS NOT NULL THEN jsonb_build_object(c.chosen, 1)::text ELSE '' END, CASE WHEN c.own_steps = 0 THEN ARRAY[c.took, 1]::text ELSE '' END
		  FROM tree_visits AS c
		  WHERE c.account_id = ?0 AND NOT c.counted AND c.tree_id = ?1 AND c.at >= ?4 AND c.at < ?5 ?2
		), node AS (
		  SELECT node_id, max(tree_version) FILTER (WHERE visits + own_steps > 0) AS version, sum(visits) AS visits, sum(undone) AS undone,
		    sum(drop_offs) AS drop_offs, sum(own_steps) AS own_steps, string_agg(chosen, '') AS chosen, string_agg(took, '') AS took
		  FROM part
		  GROUP BY node_id
		  HAVING sum(visits) + sum(own_steps) > 0
		  ORDER BY visits DESC, node_id
		  LIMIT ?6
		), shown AS (
		  SELECT v.number, n.node, (n.node ->> 'id') COLLATE "C" AS node_id
		  FROM tree_versions AS v, jsonb_array_elements(v.graph -> 'nodes') AS n (node)
		  WHERE v.account_id = ?0 AND v.tree_id = ?1 AND v.number IN (SELECT version FROM node)
		)
		SELECT node.node_id, shown.node, node.visits, node.undone, node.drop_offs, node.own_steps, node.chosen, node.took
		FROM node
		LEFT JOIN shown ON shown.number = node.version AND shown.node_id = node.node_id
		ORDER BY node.visits DESC, node.node_id`, accountID, q.Tree, ofVersion(q.Version), hours(q.From, q.To), q.From, q.To, tree.MaxNodeFigures).Scan(ctx, &rows)
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
		NodeID: r.NodeID, Visits: r.Visits, Undone: r.Undone, DropOffs: r.DropOffs, OwnSteps: r.OwnSteps, MedianTime: median(r.Took),
	}
	node := new(tree.Node)
	var err error
	if r.Node != nil {
		if node, err = tree.DecodeNode(r.Node); err != nil {
			return f, err
		}
	}
	f.Kind, f.Title = node.Kind, node.Title
	chosen := map[tree.OptionID]int{}
	for counts := json.NewDecoder(strings.NewReader(r.Chosen)); ; {
		var part map[tree.OptionID]int
		if err := counts.Decode(&part); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return f, fmt.Errorf("read how often each option was chosen: %w", err)
		}
		for option, n := range part {
			chosen[option] += n
		}
	}
	for option, n := range chosen {
		o := tree.OptionFigures{OptionID: option, Chosen: n}
		if option := node.Option(option); option != nil {
			o.Label = option.Label
		}
		f.Options = append(f.Options, o)
	}
	slices.SortFunc(f.Options, func(a, b tree.OptionFigures) int {
		return cmp.Or(cmp.Compare(b.Chosen, a.Chosen), cmp.Compare(a.OptionID, b.OptionID))
	})
	return f, nil
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
	from := q.Now.Add(-tree.HealthSpan).Truncate(time.Hour)
	facts := s.db.NewRaw(`
		WITH part AS (
		  SELECT c.tree_id, c.tree_version, c.completed, c.ended_early, c.abandoned, c.unresolved
		  FROM trees AS t
		  JOIN tree_session_counts AS c ON c.account_id = t.account_id AND c.tree_id = t.id AND c.tree_version = t.published_version AND ?9
		  WHERE t.account_id = ?0 AND t.status = 'PUBLISHED'
		  UNION ALL
		  SELECT c.tree_id, c.tree_version, c.completed, c.ended_early, c.abandoned, c.unresolved
		  FROM tree_session_facts AS c
		  WHERE c.account_id = ?0 AND NOT c.counted AND c.started_at >= ?1
		), walked AS (
		  SELECT tree_id, tree_version, sum(completed + abandoned) AS ended, sum(abandoned + ended_early) AS dropped_off, sum(completed) AS completed, sum(unresolved) AS unresolved
		  FROM part
		  GROUP BY tree_id, tree_version
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
		accountID, from, whose, q.Now.Add(-tree.UnusedAfter), tree.HealthSessions, tree.HighDropOff, tree.HighUnresolved,
		q.Now.Add(-tree.ReviewAfter), q.Now.UTC().Format(time.DateOnly), hours(from, tree.HourAfter(q.Now)))
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
