DROP INDEX tree_session_steps_escalations;
DROP INDEX tree_session_steps_ends;
DROP INDEX tree_sessions_by_people;
ALTER TABLE tree_session_steps DROP CONSTRAINT tree_session_steps_help, DROP COLUMN urgency, DROP COLUMN keeps_open, DROP COLUMN accepted;
UPDATE tree_sessions SET escalated_at = NULL, escalation_urgency = NULL, escalation_reason = '' WHERE escalated_at IS NOT NULL;
ALTER TABLE tree_sessions DROP CONSTRAINT tree_sessions_escalation, DROP CONSTRAINT tree_sessions_suggestions,
  DROP COLUMN escalation_seq, DROP COLUMN people, DROP COLUMN suggestions, DROP COLUMN suggestion_count;
