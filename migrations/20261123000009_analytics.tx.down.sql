DROP INDEX tree_session_steps_visits;
DROP INDEX tree_session_steps_turns;
DROP INDEX tree_sessions_by_tree;
CREATE INDEX tree_sessions_by_tree ON tree_sessions (account_id, tree_id, tree_version);
