-- What live subscriptions compare, and who watches.

-- Rises with every change of a session's row, whatever changes it.
ALTER TABLE tree_sessions ADD COLUMN revision bigint NOT NULL DEFAULT 1;
CREATE FUNCTION raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER raise_revision BEFORE UPDATE ON tree_sessions
  FOR EACH ROW EXECUTE FUNCTION raise_revision();

-- An account's running sessions.
CREATE INDEX tree_sessions_running ON tree_sessions (account_id, started_at DESC, id DESC) WHERE status = 'IN_PROGRESS';

-- Who watches a session, by way of which process. A process says so every ten
-- seconds; half a minute after the last time it does not count any more. Nothing
-- of it matters after a crash of the database.
CREATE UNLOGGED TABLE tree_session_watchers (
  account_id uuid        NOT NULL,
  session_id uuid        NOT NULL,
  user_id    uuid        NOT NULL,
  process_id uuid        NOT NULL,
  seen_at    timestamptz NOT NULL,
  PRIMARY KEY (account_id, session_id, user_id, process_id),
  FOREIGN KEY (account_id, session_id) REFERENCES tree_sessions (account_id, id) ON DELETE CASCADE,
  FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX tree_session_watchers_seen ON tree_session_watchers (seen_at);
