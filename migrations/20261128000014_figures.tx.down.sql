DROP INDEX tree_session_steps_by_tree;
CREATE INDEX tree_session_steps_visits ON tree_session_steps (account_id, tree_id, at)
  INCLUDE (tree_version, session_id, seq, kind, node_id, node_kind, option_id, target_seq, entered_at)
  WHERE kind IN ('ANSWER', 'SWITCH', 'RETURN', 'BACK', 'COMPLETE', 'ABANDON', 'OWN_STEP');
DROP TRIGGER raise_revision ON tree_sessions;
CREATE TRIGGER raise_revision BEFORE UPDATE ON tree_sessions
  FOR EACH ROW WHEN (NEW.scratchpad_revision = OLD.scratchpad_revision)
  EXECUTE FUNCTION raise_revision();
DROP TRIGGER take_out_of_counts ON tree_sessions;
DROP FUNCTION take_out_of_counts();
DROP FUNCTION count_tree_sessions(uuid, uuid[], integer);
DROP VIEW tree_visits;
DROP VIEW tree_session_facts;
DROP FUNCTION add_chosen(jsonb, jsonb);
DROP FUNCTION add_times(integer[], integer[]);
DROP FUNCTION two_digits(interval);
DROP TABLE tree_visit_counts;
DROP TABLE tree_session_counts;
ALTER TABLE tree_sessions DROP COLUMN counted;
