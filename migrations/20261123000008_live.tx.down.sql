DROP TABLE tree_session_watchers;
DROP INDEX tree_sessions_running;
DROP TRIGGER raise_revision ON tree_sessions;
DROP FUNCTION raise_revision();
ALTER TABLE tree_sessions DROP COLUMN revision;
