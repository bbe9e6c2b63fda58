-- What the figures about walks read (internal/store/tree_analytics.go).

-- Visits to the nodes of a tree by when they ended. All that is counted of them is
-- in the index, for the log's rows are wide. The kinds are those that end a visit,
-- and steps of one's own.
CREATE INDEX tree_session_steps_visits ON tree_session_steps (account_id, tree_id, at)
  INCLUDE (tree_version, session_id, seq, kind, node_id, node_kind, option_id, target_seq, entered_at)
  WHERE kind IN ('ANSWER', 'SWITCH', 'RETURN', 'BACK', 'COMPLETE', 'ABANDON', 'OWN_STEP');

-- The few entries that change what earlier ones count for.
CREATE INDEX tree_session_steps_turns ON tree_session_steps (account_id, session_id, seq)
  INCLUDE (kind, target_seq)
  WHERE kind IN ('BACK', 'REOPEN');

-- In place of the one by version: it also serves the list of a tree's sessions.
DROP INDEX tree_sessions_by_tree;
CREATE INDEX tree_sessions_by_tree ON tree_sessions (account_id, tree_id, started_at DESC, id DESC);
