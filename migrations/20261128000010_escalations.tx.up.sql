-- Asking the team for help, suggestions beside a walk, and who had a part in one.

ALTER TABLE tree_sessions
  -- The entry that asked for help, while nobody has helped.
  ADD COLUMN escalation_seq integer,
  -- Whoever the record names beside the starter, and who suggested something: they
  -- may go on reading.
  ADD COLUMN people uuid[] NOT NULL DEFAULT '{}',
  -- What colleagues suggest, until whoever has the session decides. It stands in
  -- the session's own row, so that whoever locks that has it, and it stays few.
  ADD COLUMN suggestions jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN suggestion_count integer NOT NULL DEFAULT 0, -- made so far: the latest one's number
  ADD CONSTRAINT tree_sessions_escalation CHECK (
    (escalation_seq IS NULL) = (escalated_at IS NULL)
    AND (escalation_seq IS NULL OR status = 'IN_PROGRESS' AND escalation_seq <= last_seq)
  ),
  ADD CONSTRAINT tree_sessions_suggestions CHECK (
    CASE jsonb_typeof(suggestions) WHEN 'array' THEN jsonb_array_length(suggestions) <= least(5, suggestion_count) ELSE false END
  );

UPDATE tree_sessions AS s SET people = p.people
FROM (
  SELECT x.account_id, x.session_id, array_agg(x.user_id) AS people
  FROM (
    SELECT account_id, session_id, by_user_id AS user_id FROM tree_session_steps
    UNION
    SELECT account_id, session_id, to_user_id FROM tree_session_steps WHERE to_user_id IS NOT NULL
  ) AS x
  JOIN tree_sessions AS o ON o.account_id = x.account_id AND o.id = x.session_id AND o.started_by <> x.user_id
  GROUP BY x.account_id, x.session_id
) AS p
WHERE s.account_id = p.account_id AND s.id = p.session_id;
-- Few sessions have any. An account's users have ids of their own, so the account
-- is no part of the key.
CREATE INDEX tree_sessions_by_people ON tree_sessions USING gin (people) WHERE people <> '{}';

ALTER TABLE tree_session_steps
  ADD COLUMN urgency    text    CHECK (urgency IN ('LOW', 'NORMAL', 'HIGH', 'CRITICAL')), -- of ESCALATE
  ADD COLUMN keeps_open boolean NOT NULL DEFAULT false, -- of HINT: the escalation goes on
  ADD COLUMN accepted   boolean, -- of SUGGESTION
  ADD CONSTRAINT tree_session_steps_help CHECK (
    (kind = 'ESCALATE' OR urgency IS NULL)
    AND (kind = 'SUGGESTION' OR accepted IS NULL)
    AND (kind = 'HINT' OR NOT keeps_open)
    -- They say which escalation they are about.
    AND (kind NOT IN ('TAKE_BACK', 'CLAIM', 'HINT') OR target_seq IS NOT NULL)
  );

-- An escalation ends once.
CREATE UNIQUE INDEX tree_session_steps_ends ON tree_session_steps (account_id, session_id, target_seq)
  WHERE kind IN ('TAKE_BACK', 'CLAIM') OR kind = 'HINT' AND NOT keeps_open;

-- Escalations by when they were asked, for the figures about them.
CREATE INDEX tree_session_steps_escalations ON tree_session_steps (account_id, at)
  INCLUDE (session_id, seq, urgency)
  WHERE kind = 'ESCALATE';
