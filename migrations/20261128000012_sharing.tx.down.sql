DROP TABLE tree_session_shares;
DROP TRIGGER raise_revision ON tree_sessions;
CREATE TRIGGER raise_revision BEFORE UPDATE ON tree_sessions
  FOR EACH ROW EXECUTE FUNCTION raise_revision();
ALTER TABLE tree_sessions DROP CONSTRAINT tree_sessions_scratchpad_check, DROP COLUMN scratchpad_revision;
