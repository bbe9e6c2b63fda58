-- How often somebody may try to sign in, and which transaction wrote each line of
-- the audit log.

-- Tokens that are taken before a password is hashed (GCRA: one moment per key). All
-- processes share it. It is the second exception beside user_directory from the rule
-- that keys begin with an account: whoever tries is nobody yet. A key is a hash, so
-- neither names nor addresses stand here. Nothing of it matters after a crash of the
-- database: whoever guesses gains one more burst, and nobody loses anything.
CREATE UNLOGGED TABLE sign_in_limits (
  key         bytea       NOT NULL PRIMARY KEY CHECK (octet_length(key) = 16),
  -- When all tokens are back; the next one is there earlier.
  full_at     timestamptz NOT NULL,
  -- Of a name from a network: when it was last tried, or first made to wait.
  since       timestamptz NOT NULL,
  -- Of a name from a network: until when the network is known to be the person's own.
  known_until timestamptz,
  -- When the row says nothing any more.
  forget_at   timestamptz NOT NULL
);
CREATE INDEX sign_in_limits_forget_at ON sign_in_limits (forget_at);

-- The transaction that wrote a line, so that who watches the log finds it, however
-- late it commits. Lines that are older than this column are NULL: everybody saw them.
ALTER TABLE audit_log ADD COLUMN xid xid8;
ALTER TABLE audit_log ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
CREATE INDEX audit_log_by_xid ON audit_log (account_id, xid) WHERE xid IS NOT NULL;
