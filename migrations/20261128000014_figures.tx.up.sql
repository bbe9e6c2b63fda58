-- Figures about walks, added up beforehand (internal/store/tree_counts.go).

-- Whether a session, as it is now, is in the counts below. Sessions that are there
-- already are counted by and by; until then they are read one by one, as those that
-- run are.
ALTER TABLE tree_sessions ADD COLUMN counted boolean NOT NULL DEFAULT false;
CREATE INDEX tree_sessions_uncounted ON tree_sessions (account_id, id) WHERE NOT counted;

-- The sessions that began with a version in a block of hours, and the visits to a
-- node that ended in one. Blocks have 1, 16 and 256 hours (levels 0, 1 and 2) and are
-- numbered from 1970 on, so a span of time is a few of them. Times are pairs of a
-- time, in tenths of a second to two digits, and how often it was taken.
CREATE TABLE tree_session_counts (
  account_id   uuid      NOT NULL,
  tree_id      uuid      NOT NULL,
  level        smallint  NOT NULL CHECK (level IN (0, 1, 2)),
  block        integer   NOT NULL,
  tree_version integer   NOT NULL,
  started      integer   NOT NULL,
  in_progress  integer   NOT NULL,
  completed    integer   NOT NULL,
  ended_early  integer   NOT NULL,
  abandoned    integer   NOT NULL,
  resolved     integer   NOT NULL,
  escalated    integer   NOT NULL,
  unresolved   integer   NOT NULL,
  took         integer[] NOT NULL,
  active       integer[] NOT NULL,
  PRIMARY KEY (account_id, tree_id, level, block, tree_version),
  FOREIGN KEY (account_id, tree_id) REFERENCES trees (account_id, id) ON DELETE CASCADE
) WITH (fillfactor = 70);

CREATE TABLE tree_visit_counts (
  account_id   uuid      NOT NULL,
  tree_id      uuid      NOT NULL,
  level        smallint  NOT NULL CHECK (level IN (0, 1, 2)),
  block        integer   NOT NULL,
  tree_version integer   NOT NULL,
  node_id      text      COLLATE "C" NOT NULL,
  visits       integer   NOT NULL,
  undone       integer   NOT NULL,
  drop_offs    integer   NOT NULL,
  own_steps    integer   NOT NULL,
  chosen       jsonb     NOT NULL CHECK (jsonb_typeof(chosen) = 'object'), -- how often each option was, in answers that stand
  took         integer[] NOT NULL,
  PRIMARY KEY (account_id, tree_id, level, block, tree_version, node_id),
  FOREIGN KEY (account_id, tree_id) REFERENCES trees (account_id, id) ON DELETE CASCADE
) WITH (fillfactor = 70);

-- A span in tenths of a second, to two digits; six years are the most. It is one
-- expression, so that it is put in place and not called.
CREATE FUNCTION two_digits(span interval) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT round(least(floor(extract(epoch FROM span) * 10), 1900000000), least(0, 2 - length(least(floor(extract(epoch FROM span) * 10), 1900000000)::text)))::integer
$$;

CREATE FUNCTION add_times(a integer[], b integer[]) RETURNS integer[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(ARRAY[time, n] ORDER BY time), '{}')
  FROM (
    SELECT of.pairs[i][1] AS time, sum(of.pairs[i][2])::integer AS n
    FROM (VALUES (a), (b)) AS of (pairs), generate_subscripts(of.pairs, 1) AS i
    GROUP BY 1
    HAVING sum(of.pairs[i][2]) <> 0
  ) AS pairs
$$;

CREATE FUNCTION add_chosen(a jsonb, b jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_object_agg(option, n), '{}')
  FROM (
    SELECT key AS option, sum(value::integer) AS n
    FROM (SELECT * FROM jsonb_each_text(a) UNION ALL SELECT * FROM jsonb_each_text(b)) AS both_of
    GROUP BY key
    HAVING sum(value::integer) <> 0
  ) AS chosen
$$;

-- What a session counts for.
CREATE VIEW tree_session_facts AS
SELECT s.account_id, s.id AS session_id, s.counted, s.tree_id, s.tree_version, s.started_at,
  (s.status = 'IN_PROGRESS')::integer AS in_progress,
  (s.status = 'COMPLETED')::integer AS completed,
  (s.status = 'COMPLETED' AND s.outcome_reason <> '')::integer AS ended_early, -- a reason is what only an end before a solution has
  (s.status = 'ABANDONED')::integer AS abandoned,
  coalesce(s.outcome = 'RESOLVED', false)::integer AS resolved,
  coalesce(s.outcome = 'ESCALATED', false)::integer AS escalated,
  coalesce(s.outcome = 'UNRESOLVED', false)::integer AS unresolved,
  CASE WHEN s.status = 'COMPLETED' THEN two_digits(s.ended_at - s.started_at) END AS took,
  CASE WHEN s.status = 'COMPLETED' THEN two_digits(s.active_seconds * interval '1 second') END AS active
FROM tree_sessions AS s
WHERE s.tree_id IS NOT NULL;

-- The visits that are over, and steps of one's own. An end that was reopened did not
-- end the visit, nor did a step back over steps of one's own alone. What a later step
-- back reaches is undone: it names the earliest entry that it undoes. (OFFSET 0 has
-- that looked up once for each visit.)
CREATE VIEW tree_visits AS
SELECT e.account_id, e.session_id, e.seq, s.counted, e.tree_id, e.tree_version, e.node_id COLLATE "C" AS node_id, e.at,
  (e.kind <> 'OWN_STEP')::integer AS visits,
  (e.kind <> 'OWN_STEP' AND later.undone)::integer AS undone,
  (e.kind = 'ABANDON' OR e.kind = 'COMPLETE' AND e.node_kind <> 'SOLUTION')::integer AS drop_offs,
  (e.kind = 'OWN_STEP')::integer AS own_steps,
  CASE WHEN e.kind <> 'OWN_STEP' AND NOT later.undone THEN e.option_id END AS chosen,
  CASE WHEN e.kind <> 'OWN_STEP' THEN two_digits(e.at - e.entered_at) END AS took
FROM tree_sessions AS s
JOIN tree_session_steps AS e ON e.account_id = s.account_id AND e.session_id = s.id AND e.seq <= s.last_seq
CROSS JOIN LATERAL (
  SELECT e.kind = 'BACK' OR EXISTS (
    SELECT FROM tree_session_steps AS b
    WHERE b.account_id = s.account_id AND b.session_id = s.id AND b.seq > e.seq AND b.seq <= s.last_seq AND b.target_seq <= e.seq AND b.kind = 'BACK') AS undone
  OFFSET 0) AS later
WHERE e.tree_id IS NOT NULL
  AND e.kind IN ('ANSWER', 'SWITCH', 'RETURN', 'BACK', 'COMPLETE', 'ABANDON', 'OWN_STEP')
  AND (e.kind NOT IN ('COMPLETE', 'ABANDON') OR NOT EXISTS (
    SELECT FROM tree_session_steps AS r
    WHERE r.account_id = s.account_id AND r.session_id = s.id AND r.seq = e.seq + 1 AND r.seq <= s.last_seq AND r.kind = 'REOPEN'))
  AND (e.kind <> 'BACK' OR EXISTS (
    SELECT FROM tree_session_steps AS x
    WHERE x.account_id = s.account_id AND x.session_id = s.id AND x.seq >= e.target_seq AND x.seq < e.seq AND x.kind IN ('ANSWER', 'SWITCH', 'RETURN')));

-- Adds what sessions count for to the counts, or, with a sign of -1, takes it out.
-- Rows are written in the order of their keys, so that two who do it wait for each
-- other and do not block each other for ever.
CREATE FUNCTION count_tree_sessions(account uuid, sessions uuid[], sign integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH fact AS MATERIALIZED (
    SELECT f.*, floor(extract(epoch FROM f.started_at) / 3600)::integer AS hour
    FROM tree_session_facts AS f
    WHERE f.account_id = account AND f.session_id = ANY (sessions)
  ), facts AS MATERIALIZED (
    SELECT fact.*, l.level, fact.hour >> 4 * l.level AS block
    FROM fact, (VALUES (0::smallint), (1), (2)) AS l (level)
  ), took AS (
    SELECT t.tree_id, t.level, t.block, t.tree_version, array_agg(ARRAY[t.took, t.n] ORDER BY t.took) AS times
    FROM (SELECT f.tree_id, f.level, f.block, f.tree_version, f.took, sign * count(*)::integer AS n FROM facts AS f WHERE f.took IS NOT NULL GROUP BY 1, 2, 3, 4, 5) AS t
    GROUP BY 1, 2, 3, 4
  ), active AS (
    SELECT t.tree_id, t.level, t.block, t.tree_version, array_agg(ARRAY[t.active, t.n] ORDER BY t.active) AS times
    FROM (SELECT f.tree_id, f.level, f.block, f.tree_version, f.active, sign * count(*)::integer AS n FROM facts AS f WHERE f.active IS NOT NULL GROUP BY 1, 2, 3, 4, 5) AS t
    GROUP BY 1, 2, 3, 4
  ), sums AS (
    SELECT f.tree_id, f.level, f.block, f.tree_version, sign * count(*) AS started, sign * sum(f.in_progress) AS in_progress,
      sign * sum(f.completed) AS completed, sign * sum(f.ended_early) AS ended_early, sign * sum(f.abandoned) AS abandoned,
      sign * sum(f.resolved) AS resolved, sign * sum(f.escalated) AS escalated, sign * sum(f.unresolved) AS unresolved
    FROM facts AS f
    GROUP BY 1, 2, 3, 4
  )
  INSERT INTO tree_session_counts AS c (account_id, tree_id, level, block, tree_version, started, in_progress, completed, ended_early, abandoned, resolved, escalated, unresolved, took, active)
  SELECT account, tree_id, level, block, tree_version, started, in_progress, completed, ended_early, abandoned, resolved, escalated, unresolved,
    coalesce(took.times, '{}'), coalesce(active.times, '{}')
  FROM sums LEFT JOIN took USING (tree_id, level, block, tree_version) LEFT JOIN active USING (tree_id, level, block, tree_version)
  ORDER BY tree_id, level, block, tree_version
  ON CONFLICT (account_id, tree_id, level, block, tree_version) DO UPDATE SET
    started = c.started + excluded.started, in_progress = c.in_progress + excluded.in_progress,
    completed = c.completed + excluded.completed, ended_early = c.ended_early + excluded.ended_early, abandoned = c.abandoned + excluded.abandoned,
    resolved = c.resolved + excluded.resolved, escalated = c.escalated + excluded.escalated, unresolved = c.unresolved + excluded.unresolved,
    took = add_times(c.took, excluded.took), active = add_times(c.active, excluded.active);

  WITH visit AS MATERIALIZED (
    SELECT v.*, floor(extract(epoch FROM v.at) / 3600)::integer AS hour
    FROM tree_visits AS v
    WHERE v.account_id = account AND v.session_id = ANY (sessions)
  ), visits AS MATERIALIZED (
    SELECT visit.*, l.level, visit.hour >> 4 * l.level AS block
    FROM visit, (VALUES (0::smallint), (1), (2)) AS l (level)
  ), took AS (
    SELECT t.tree_id, t.level, t.block, t.tree_version, t.node_id, array_agg(ARRAY[t.took, t.n] ORDER BY t.took) AS times
    FROM (SELECT v.tree_id, v.level, v.block, v.tree_version, v.node_id, v.took, sign * count(*)::integer AS n FROM visits AS v WHERE v.took IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6) AS t
    GROUP BY 1, 2, 3, 4, 5
  ), chosen AS (
    SELECT t.tree_id, t.level, t.block, t.tree_version, t.node_id, jsonb_object_agg(t.chosen, t.n) AS options
    FROM (SELECT v.tree_id, v.level, v.block, v.tree_version, v.node_id, v.chosen, sign * count(*) AS n FROM visits AS v WHERE v.chosen IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6) AS t
    GROUP BY 1, 2, 3, 4, 5
  ), sums AS (
    SELECT v.tree_id, v.level, v.block, v.tree_version, v.node_id, sign * sum(v.visits) AS visits, sign * sum(v.undone) AS undone,
      sign * sum(v.drop_offs) AS drop_offs, sign * sum(v.own_steps) AS own_steps
    FROM visits AS v
    GROUP BY 1, 2, 3, 4, 5
  )
  INSERT INTO tree_visit_counts AS c (account_id, tree_id, level, block, tree_version, node_id, visits, undone, drop_offs, own_steps, chosen, took)
  SELECT account, tree_id, level, block, tree_version, node_id, visits, undone, drop_offs, own_steps, coalesce(chosen.options, '{}'), coalesce(took.times, '{}')
  FROM sums LEFT JOIN took USING (tree_id, level, block, tree_version, node_id) LEFT JOIN chosen USING (tree_id, level, block, tree_version, node_id)
  ORDER BY tree_id, level, block, tree_version, node_id
  ON CONFLICT (account_id, tree_id, level, block, tree_version, node_id) DO UPDATE SET
    visits = c.visits + excluded.visits, undone = c.undone + excluded.undone, drop_offs = c.drop_offs + excluded.drop_offs,
    own_steps = c.own_steps + excluded.own_steps, chosen = add_chosen(c.chosen, excluded.chosen), took = add_times(c.took, excluded.took);
END $$;

-- A session that goes on is taken out of the counts by the change itself, so that no
-- writer can forget it. The row here is still the one that was counted.
CREATE FUNCTION take_out_of_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM count_tree_sessions(OLD.account_id, ARRAY[OLD.id], -1);
  NEW.counted := false;
  RETURN NEW;
END $$;
CREATE TRIGGER take_out_of_counts BEFORE UPDATE ON tree_sessions
  FOR EACH ROW WHEN (OLD.counted AND NEW.counted AND
    (OLD.last_seq, OLD.status, OLD.outcome, OLD.outcome_reason, OLD.started_at, OLD.ended_at, OLD.active_seconds)
      IS DISTINCT FROM (NEW.last_seq, NEW.status, NEW.outcome, NEW.outcome_reason, NEW.started_at, NEW.ended_at, NEW.active_seconds))
  EXECUTE FUNCTION take_out_of_counts();

-- To be counted is no change that anybody watches for, as saving the scratchpad.
DROP TRIGGER raise_revision ON tree_sessions;
CREATE TRIGGER raise_revision BEFORE UPDATE ON tree_sessions
  FOR EACH ROW WHEN (NEW.scratchpad_revision = OLD.scratchpad_revision AND NEW.counted = OLD.counted)
  EXECUTE FUNCTION raise_revision();

-- When a tree was visited last is what the log's index by tree is for now, so it
-- need not hold what is counted.
DROP INDEX tree_session_steps_visits;
CREATE INDEX tree_session_steps_by_tree ON tree_session_steps (account_id, tree_id, at)
  WHERE kind IN ('ANSWER', 'SWITCH', 'RETURN', 'BACK', 'COMPLETE', 'ABANDON', 'OWN_STEP');
