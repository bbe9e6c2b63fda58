-- Notes beside a walk that several windows write, and links by which people
-- without a sign-in read one session.

ALTER TABLE tree_sessions
  ADD COLUMN scratchpad_revision integer NOT NULL DEFAULT 0 CHECK (scratchpad_revision >= 0), -- for optimistic locking
  ADD CHECK (char_length(scratchpad) <= 20000);

-- Whoever types saves every few seconds. Lists of sessions do not show the
-- scratchpad, so that need not have them read anew; who watches the session
-- itself compares both revisions.
DROP TRIGGER raise_revision ON tree_sessions;
CREATE TRIGGER raise_revision BEFORE UPDATE ON tree_sessions
  FOR EACH ROW WHEN (NEW.scratchpad_revision = OLD.scratchpad_revision)
  EXECUTE FUNCTION raise_revision();

CREATE TABLE tree_session_shares (
  account_id      uuid        NOT NULL,
  id              uuid        NOT NULL,
  session_id      uuid        NOT NULL,
  secret_hash     bytea       NOT NULL CHECK (octet_length(secret_hash) = 32), -- SHA-256; the secret is kept nowhere
  include_notes   boolean     NOT NULL,
  include_timings boolean     NOT NULL,
  include_undone  boolean     NOT NULL,
  created_by      uuid        NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  revoked_at      timestamptz,
  opened_count    integer     NOT NULL DEFAULT 0 CHECK (opened_count >= 0),
  last_opened_at  timestamptz,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, session_id) REFERENCES tree_sessions (account_id, id),
  FOREIGN KEY (account_id, created_by) REFERENCES users (account_id, id),
  CONSTRAINT tree_session_shares_life CHECK (created_at < expires_at AND expires_at <= created_at + interval '720 hours'),
  CHECK ((opened_count = 0) = (last_opened_at IS NULL))
);
CREATE INDEX tree_session_shares_by_session ON tree_session_shares (account_id, session_id);
CREATE INDEX tree_session_shares_by_expiry ON tree_session_shares (expires_at);

-- A link never leads elsewhere, lives longer or shows more than when it was made,
-- and one that was revoked stays so.
CREATE TRIGGER written_once BEFORE UPDATE ON tree_session_shares
  FOR EACH ROW
  WHEN (OLD.revoked_at IS NOT NULL
    OR (NEW.session_id, NEW.secret_hash, NEW.expires_at, NEW.include_notes, NEW.include_timings, NEW.include_undone)
      IS DISTINCT FROM (OLD.session_id, OLD.secret_hash, OLD.expires_at, OLD.include_notes, OLD.include_timings, OLD.include_undone))
  EXECUTE FUNCTION refuse_change();
