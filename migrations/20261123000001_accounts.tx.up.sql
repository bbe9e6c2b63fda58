-- Accounts, their people, their policies, their login sessions and their audit log.
--
-- Every table is keyed by account first: a stranger's id is not found, and the
-- schema can be distributed by account on a sharded PostgreSQL unchanged. The
-- one exception is user_directory, which leads from an e-mail address to its
-- account.

CREATE TABLE accounts (
  id          uuid        NOT NULL PRIMARY KEY,
  name        text        NOT NULL CHECK (name <> ''),
  created_at  timestamptz NOT NULL,
  -- How many login sessions a user may have at once; NULL is no limit.
  session_cap integer     CHECK (session_cap BETWEEN 1 AND 1000),
  at_session_cap text     NOT NULL DEFAULT 'END_LEAST_RECENTLY_ACTIVE'
              CHECK (at_session_cap IN ('END_LEAST_RECENTLY_ACTIVE', 'REFUSE'))
);

CREATE TABLE users (
  account_id         uuid        NOT NULL REFERENCES accounts (id),
  id                 uuid        NOT NULL,
  email              text        NOT NULL CHECK (email = lower(email) AND email <> ''),
  name               text        NOT NULL CHECK (name <> ''),
  role               text        NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'ENGINEER', 'VIEWER')),
  password_hash      text        NOT NULL, -- a PHC string
  created_at         timestamptz NOT NULL,
  last_login_at      timestamptz,
  disabled_at        timestamptz,
  -- Rises when the role or the password changes or the user is disabled. The
  -- transaction id lets every process find the change, however late it commits.
  token_version      integer     NOT NULL DEFAULT 1 CHECK (token_version >= 1),
  version_changed_at timestamptz,
  version_xid        xid8,
  PRIMARY KEY (account_id, id),
  CHECK ((version_xid IS NULL) = (version_changed_at IS NULL))
);
CREATE UNIQUE INDEX users_email ON users (account_id, email);
CREATE INDEX users_version_xid ON users (version_xid) WHERE version_xid IS NOT NULL;
CREATE INDEX users_version_changed_at ON users (version_changed_at) WHERE version_changed_at IS NOT NULL;

-- E-mail addresses are unique in the installation: one user belongs to one account.
CREATE TABLE user_directory (
  email      text NOT NULL PRIMARY KEY CHECK (email = lower(email)),
  account_id uuid NOT NULL,
  user_id    uuid NOT NULL,
  FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);

-- An account keeps at least one owner who can sign in. The account's row is
-- locked before the count, so that of two owners who remove each other at the
-- same moment the second one waits, sees the first one's work, and is refused.
-- (A deferred trigger without the lock was seen to leave an account without any.)
CREATE FUNCTION keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM accounts WHERE id = OLD.account_id FOR NO KEY UPDATE;
  IF NOT EXISTS (
    SELECT FROM users
    WHERE account_id = OLD.account_id AND role = 'OWNER' AND disabled_at IS NULL
  ) THEN
    RAISE EXCEPTION 'account % would be left without an owner', OLD.account_id
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'keep_an_owner';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER keep_an_owner_on_update AFTER UPDATE OF role, disabled_at ON users
  FOR EACH ROW
  WHEN (OLD.role = 'OWNER' AND OLD.disabled_at IS NULL AND (NEW.role <> 'OWNER' OR NEW.disabled_at IS NOT NULL))
  EXECUTE FUNCTION keep_an_owner();
CREATE TRIGGER keep_an_owner_on_delete AFTER DELETE ON users
  FOR EACH ROW
  WHEN (OLD.role = 'OWNER' AND OLD.disabled_at IS NULL)
  EXECUTE FUNCTION keep_an_owner();

CREATE TABLE invitations (
  account_id  uuid        NOT NULL REFERENCES accounts (id),
  id          uuid        NOT NULL,
  email       text        NOT NULL CHECK (email = lower(email) AND email <> ''),
  role        text        NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'ENGINEER', 'VIEWER')),
  secret_hash bytea       NOT NULL CHECK (octet_length(secret_hash) = 32), -- SHA-256
  invited_by  uuid        NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  accepted_at timestamptz,
  accepted_by uuid,
  revoked_at  timestamptz,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, invited_by) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, accepted_by) REFERENCES users (account_id, id),
  CHECK (created_at < expires_at),
  CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
  CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);

-- The limits that an account chose, for everybody and, where it wants stricter
-- ones, for owners and admins. No row: the operator's default, as it changes.
CREATE TABLE session_policies (
  account_id    uuid        NOT NULL REFERENCES accounts (id),
  applies_to    text        NOT NULL CHECK (applies_to IN ('EVERYBODY', 'ADMINISTRATORS')),
  preset        text        NOT NULL CHECK (preset IN ('STRICT', 'STANDARD', 'CUSTOM')),
  -- Spans count only for CUSTOM; a preset's spans are the operator's.
  idle_span     interval    CHECK (idle_span > interval '0'),
  absolute_span interval    CHECK (absolute_span >= idle_span),
  updated_at    timestamptz NOT NULL,
  updated_by    uuid        NOT NULL,
  PRIMARY KEY (account_id, applies_to),
  FOREIGN KEY (account_id, updated_by) REFERENCES users (account_id, id),
  CHECK ((preset = 'CUSTOM') = (idle_span IS NOT NULL)),
  CHECK ((preset = 'CUSTOM') = (absolute_span IS NOT NULL))
);

CREATE TABLE login_sessions (
  account_id       uuid        NOT NULL,
  id               uuid        NOT NULL,
  user_id          uuid        NOT NULL,
  signed_in_at     timestamptz NOT NULL,
  last_active_at   timestamptz NOT NULL,
  authenticated_at timestamptz NOT NULL,
  -- The policy as it was at sign-in, frozen into the session.
  idle_span        interval    NOT NULL CHECK (idle_span > interval '0'),
  idle_at          timestamptz NOT NULL,
  absolute_at      timestamptz NOT NULL,
  -- The refresh token that is valid now: a counter, no token and no hash of one.
  generation       bigint      NOT NULL CHECK (generation >= 1),
  generation_at    timestamptz NOT NULL,
  salt             bytea       NOT NULL CHECK (octet_length(salt) = 16),
  attempt_hash     bytea       CHECK (octet_length(attempt_hash) = 32),
  user_agent       text        NOT NULL DEFAULT '' CHECK (octet_length(user_agent) <= 512),
  ip               text        NOT NULL DEFAULT '',
  -- Sign-in by an identity provider: its name and its own session's id.
  provider         text,
  provider_sid     text,
  ended_at         timestamptz,
  end_reason       text        CHECK (end_reason IN ('EXPIRED_IDLE', 'EXPIRED_ABSOLUTE', 'LOGGED_OUT', 'REVOKED_BY_OWNER',
                     'REVOKED_BY_SELF', 'PASSWORD_CHANGED', 'USER_DISABLED', 'TOKEN_REUSE', 'SESSION_LIMIT')),
  ended_by         uuid,
  -- The transaction that ended it, so that every process finds it, however late it commits.
  ended_xid        xid8,
  -- The transaction that last moved a deadline of it, for the same purpose.
  moved_xid        xid8,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, ended_by) REFERENCES users (account_id, id),
  CONSTRAINT login_sessions_deadlines CHECK (
    signed_in_at <= last_active_at AND last_active_at < idle_at AND idle_at <= absolute_at
  ),
  CONSTRAINT login_sessions_end CHECK (
    (ended_at IS NULL) = (end_reason IS NULL) AND (ended_at IS NULL) = (ended_xid IS NULL)
    AND (ended_by IS NULL OR ended_at IS NOT NULL)
  )
);
CREATE INDEX login_sessions_live_by_user ON login_sessions (account_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX login_sessions_due ON login_sessions (idle_at) WHERE ended_at IS NULL;
CREATE INDEX login_sessions_ended_xid ON login_sessions (ended_xid) WHERE ended_xid IS NOT NULL;
CREATE INDEX login_sessions_ended_at ON login_sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX login_sessions_moved_xid ON login_sessions (moved_xid) WHERE moved_xid IS NOT NULL AND ended_at IS NULL;

-- Whoever moves a deadline, the transaction is noted.
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.moved_xid := pg_current_xact_id();
  RETURN NEW;
END $$;

CREATE TRIGGER note_move BEFORE UPDATE OF idle_at, absolute_at, idle_span ON login_sessions
  FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND (NEW.idle_at, NEW.absolute_at, NEW.idle_span) IS DISTINCT FROM (OLD.idle_at, OLD.absolute_at, OLD.idle_span))
  EXECUTE FUNCTION note_move();

-- An ended login session never comes back.
CREATE FUNCTION keep_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'login session % has ended', OLD.id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'keep_ended';
END $$;

CREATE TRIGGER keep_ended BEFORE UPDATE ON login_sessions
  FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL)
  EXECUTE FUNCTION keep_ended();

CREATE TABLE audit_log (
  account_id      uuid        NOT NULL REFERENCES accounts (id),
  id              uuid        NOT NULL,
  at              timestamptz NOT NULL,
  action          text        NOT NULL CHECK (action <> ''),
  actor_id        uuid, -- NULL: the system, or somebody who is not signed in
  subject_user_id uuid,
  login_session_id uuid,
  ip              text        NOT NULL DEFAULT '',
  details         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, actor_id) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, subject_user_id) REFERENCES users (account_id, id)
);
CREATE INDEX audit_log_by_time ON audit_log (account_id, at DESC, id DESC);

-- Logs are written once.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the rows of % are written once and never changed', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'written_once';
END $$;

CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
