-- Clients that are found however they are spelled, what a session shows of its
-- client and is started with, and which sessions were about the same.

-- Every name, alias and ticket key of a client in the forms in which it is looked
-- for, which the program makes (internal/tree/client_name.go). An account has each
-- form once, so that no client is made twice, not even by two people at once.
CREATE TABLE client_names (
  account_id uuid NOT NULL,
  key        text COLLATE "C" NOT NULL CHECK (key <> ''),
  client_id  uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('NAME', 'ALIAS', 'TICKET_KEY')),
  PRIMARY KEY (account_id, key),
  FOREIGN KEY (account_id, client_id) REFERENCES clients (account_id, id) ON DELETE CASCADE
);
CREATE INDEX client_names_by_client ON client_names (account_id, client_id);
INSERT INTO client_names (account_id, key, client_id, kind) SELECT account_id, lower(name), id, 'NAME' FROM clients;

DROP INDEX clients_name;
ALTER TABLE clients
  ADD COLUMN sort_key text COLLATE "C" NOT NULL DEFAULT '', -- the name's first form
  ADD COLUMN revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1), -- for optimistic locking
  ADD CONSTRAINT clients_bounds CHECK (
    char_length(name) <= 200 AND cardinality(aliases) <= 20 AND char_length(ticket_key) <= 100 AND octet_length(facts::text) <= 131072
  );
UPDATE clients SET sort_key = lower(name);
CREATE INDEX clients_by_name ON clients (account_id, sort_key, id);

ALTER TABLE tree_sessions
  -- The facts of the client as nodes show them. While the session runs they follow
  -- the client's record, as client_name does; then they stay.
  ADD COLUMN client_facts jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(client_facts) = 'object'),
  -- The form of a typed client name without a record; empty with one.
  ADD COLUMN client_key text COLLATE "C" NOT NULL DEFAULT '',
  -- The values that the session was started with. They are part of the record.
  ADD COLUMN start_values jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(start_values) = 'array'),
  -- The subject's words (internal/store/tree_seen.go). NULL where nobody looked yet.
  ADD COLUMN subject_words tsvector;
UPDATE tree_sessions SET client_key = lower(client_name) WHERE client_name <> '';

DROP INDEX tree_sessions_by_client;
CREATE INDEX tree_sessions_by_client ON tree_sessions (account_id, client_id, started_at DESC, id DESC) WHERE client_id IS NOT NULL;
CREATE INDEX tree_sessions_by_typed_client ON tree_sessions (account_id, client_key, started_at DESC) WHERE client_key <> '';
CREATE INDEX tree_sessions_by_ticket ON tree_sessions (account_id, lower(ticket), started_at DESC, id DESC) WHERE ticket <> '';
CREATE INDEX tree_sessions_by_subject ON tree_sessions USING gin (subject_words) WITH (gin_pending_list_limit = 256);
-- What the program has to look for once, after this migration.
CREATE INDEX tree_sessions_subject_unknown ON tree_sessions (account_id, id) WHERE subject_words IS NULL;
