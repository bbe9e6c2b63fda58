-- Trees, their frozen versions, and troubleshooting sessions with their log.

CREATE TABLE tree_categories (
  account_id uuid    NOT NULL REFERENCES accounts (id),
  id         uuid    NOT NULL,
  name       text    NOT NULL CHECK (name <> ''),
  position   integer NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX tree_categories_name ON tree_categories (account_id, lower(name));

CREATE TABLE clients (
  account_id uuid        NOT NULL REFERENCES accounts (id),
  id         uuid        NOT NULL,
  name       text        NOT NULL CHECK (name <> ''),
  aliases    text[]      NOT NULL DEFAULT '{}',
  ticket_key text, -- the client's key in the ticket system
  facts      jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object'),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX clients_name ON clients (account_id, lower(name));

CREATE TABLE trees (
  account_id        uuid        NOT NULL REFERENCES accounts (id),
  id                uuid        NOT NULL,
  title             text        NOT NULL,
  description       text        NOT NULL DEFAULT '',
  category_id       uuid,
  tags              text[]      NOT NULL DEFAULT '{}',
  status            text        NOT NULL CHECK (status IN ('DRAFT', 'PUBLISHED', 'ARCHIVED')),
  author_id         uuid        NOT NULL,
  owner_id          uuid        NOT NULL,
  review_by         date,
  -- The draft's graph. The node count is kept beside it so that a list need not read it.
  draft             jsonb       NOT NULL,
  draft_node_count  integer     NOT NULL CHECK (draft_node_count >= 0),
  revision          integer     NOT NULL DEFAULT 1 CHECK (revision >= 1), -- for optimistic locking
  saved_by          uuid        NOT NULL,
  published_version integer,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, category_id) REFERENCES tree_categories (account_id, id),
  FOREIGN KEY (account_id, author_id) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, owner_id) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, saved_by) REFERENCES users (account_id, id),
  CHECK (status <> 'PUBLISHED' OR published_version IS NOT NULL),
  CHECK (created_at <= updated_at)
);
CREATE INDEX trees_by_update ON trees (account_id, updated_at DESC, id DESC);
CREATE INDEX trees_by_title ON trees (account_id, lower(title), id);
CREATE INDEX trees_by_category ON trees (account_id, category_id, updated_at DESC, id DESC);

CREATE TABLE tree_versions (
  account_id   uuid        NOT NULL,
  tree_id      uuid        NOT NULL,
  number       integer     NOT NULL CHECK (number >= 1),
  title        text        NOT NULL CHECK (title <> ''),
  description  text        NOT NULL DEFAULT '',
  graph        jsonb       NOT NULL,
  node_count   integer     NOT NULL CHECK (node_count >= 1),
  change_note  text        NOT NULL DEFAULT '',
  published_by uuid        NOT NULL,
  published_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, tree_id, number),
  FOREIGN KEY (account_id, tree_id) REFERENCES trees (account_id, id) ON DELETE CASCADE,
  FOREIGN KEY (account_id, published_by) REFERENCES users (account_id, id)
);
-- A published version is frozen: running sessions keep it for ever.
CREATE TRIGGER written_once BEFORE UPDATE ON tree_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE trees ADD CONSTRAINT trees_published_version_fkey
  FOREIGN KEY (account_id, id, published_version) REFERENCES tree_versions (account_id, tree_id, number)
  DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE tree_sessions (
  account_id        uuid        NOT NULL REFERENCES accounts (id),
  id                uuid        NOT NULL,
  -- NULL for a session that no tree fitted.
  tree_id           uuid,
  tree_version      integer,
  started_by        uuid        NOT NULL,
  held_by           uuid        NOT NULL, -- who has the session: the starter, or who took it over
  status            text        NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'ABANDONED')),
  outcome           text        CHECK (outcome IN ('RESOLVED', 'ESCALATED', 'UNRESOLVED')),
  outcome_reason    text        NOT NULL DEFAULT '', -- why it ended early
  ticket            text        NOT NULL DEFAULT '',
  client_id         uuid,
  client_name       text        NOT NULL DEFAULT '', -- as typed, where no client record was chosen
  subject           text        NOT NULL DEFAULT '',
  started_at        timestamptz NOT NULL,
  ended_at          timestamptz, -- completed or abandoned
  active_seconds    integer     NOT NULL DEFAULT 0 CHECK (active_seconds >= 0),
  last_seq          integer     NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
  -- Derived from the log, kept so that a list need not read it.
  current_node_id   text,
  current_title     text        NOT NULL DEFAULT '',
  scratchpad        text        NOT NULL DEFAULT '',
  -- An open escalation: since when, how urgent, why.
  escalated_at      timestamptz,
  escalation_urgency text       CHECK (escalation_urgency IN ('LOW', 'NORMAL', 'HIGH', 'CRITICAL')),
  escalation_reason text        NOT NULL DEFAULT '',
  updated_at        timestamptz NOT NULL,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, tree_id) REFERENCES trees (account_id, id),
  FOREIGN KEY (account_id, tree_id, tree_version) REFERENCES tree_versions (account_id, tree_id, number),
  FOREIGN KEY (account_id, started_by) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, held_by) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, client_id) REFERENCES clients (account_id, id),
  CHECK ((tree_id IS NULL) = (tree_version IS NULL)),
  CHECK ((status = 'IN_PROGRESS') = (ended_at IS NULL)),
  CHECK ((status = 'COMPLETED') = (outcome IS NOT NULL)),
  CHECK (started_at <= updated_at AND (ended_at IS NULL OR started_at <= ended_at)),
  CHECK ((escalated_at IS NULL) = (escalation_urgency IS NULL))
);
CREATE INDEX tree_sessions_by_holder ON tree_sessions (account_id, held_by, started_at DESC, id DESC);
CREATE INDEX tree_sessions_by_starter ON tree_sessions (account_id, started_by, started_at DESC, id DESC);
CREATE INDEX tree_sessions_by_start ON tree_sessions (account_id, started_at DESC, id DESC);
CREATE INDEX tree_sessions_by_tree ON tree_sessions (account_id, tree_id, tree_version);
CREATE INDEX tree_sessions_by_client ON tree_sessions (account_id, client_id, started_at DESC) WHERE client_id IS NOT NULL;
CREATE INDEX tree_sessions_escalated ON tree_sessions (account_id, escalated_at) WHERE escalated_at IS NOT NULL;

-- What happened in a session, in order. Nothing is changed or taken away: going
-- back is an entry too. Each entry keeps the words as they were shown.
CREATE TABLE tree_session_steps (
  account_id    uuid        NOT NULL,
  session_id    uuid        NOT NULL,
  seq           integer     NOT NULL CHECK (seq >= 1),
  kind          text        NOT NULL CHECK (kind <> ''),
  -- The tree and version the entry belongs to; NULL for one outside any tree.
  tree_id       uuid,
  tree_version  integer,
  node_id       text,
  node_kind     text,
  title         text        NOT NULL DEFAULT '',
  text          text        NOT NULL DEFAULT '',
  option_id     text,
  option_label  text,
  to_node_id    text, -- where the session stood afterwards
  outcome       text        CHECK (outcome IN ('RESOLVED', 'ESCALATED', 'UNRESOLVED')),
  reason        text        NOT NULL DEFAULT '', -- why it ended before a solution
  target_seq    integer, -- the entry that a note or a step back is about
  note          text        NOT NULL DEFAULT '',
  output        text        NOT NULL DEFAULT '', -- pasted command output, verbatim
  -- "values" as recorded by inputs; details of kinds that need more.
  details       jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
  entered_at    timestamptz NOT NULL,
  at            timestamptz NOT NULL,
  by_user_id    uuid        NOT NULL,
  PRIMARY KEY (account_id, session_id, seq),
  FOREIGN KEY (account_id, session_id) REFERENCES tree_sessions (account_id, id),
  FOREIGN KEY (account_id, tree_id, tree_version) REFERENCES tree_versions (account_id, tree_id, number),
  FOREIGN KEY (account_id, by_user_id) REFERENCES users (account_id, id),
  CHECK (entered_at <= at),
  CHECK (target_seq < seq)
);
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON tree_session_steps
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a client has asked already, by the key that it chose: a repeat returns
-- the first result. Kept for a day.
CREATE TABLE tree_session_requests (
  account_id      uuid        NOT NULL,
  session_id      uuid        NOT NULL,
  idempotency_key text        NOT NULL CHECK (idempotency_key <> ''),
  request_hash    bytea       NOT NULL CHECK (octet_length(request_hash) = 32), -- a key used for something else is a mistake
  seq             integer     NOT NULL, -- the last entry after the first request
  at              timestamptz NOT NULL,
  PRIMARY KEY (account_id, session_id, idempotency_key),
  FOREIGN KEY (account_id, session_id) REFERENCES tree_sessions (account_id, id)
);

-- The same for starting a session, where there is no session yet: by user.
CREATE TABLE tree_session_starts (
  account_id      uuid        NOT NULL,
  user_id         uuid        NOT NULL,
  idempotency_key text        NOT NULL CHECK (idempotency_key <> ''),
  request_hash    bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
  session_id      uuid        NOT NULL,
  at              timestamptz NOT NULL,
  PRIMARY KEY (account_id, user_id, idempotency_key),
  FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
  -- Checked at the end: the key is claimed before the session is made, so that
  -- of two requests with one key the second waits for the first.
  FOREIGN KEY (account_id, session_id) REFERENCES tree_sessions (account_id, id) DEFERRABLE INITIALLY DEFERRED
);

-- Both are forgotten after a day.
CREATE INDEX tree_session_requests_at ON tree_session_requests (at);
CREATE INDEX tree_session_starts_at ON tree_session_starts (at);
