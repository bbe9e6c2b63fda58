-- Changes that troubleshooting sessions offer to trees, and trees drafted from them.

-- A step that a tree does not have, in words that its draft may get.
CREATE TABLE tree_offers (
  account_id       uuid        NOT NULL REFERENCES accounts (id),
  id               uuid        NOT NULL,
  tree_id          uuid        NOT NULL,
  node_id          text        NOT NULL CHECK (node_id <> ''), -- where the step was taken
  node_title       text        NOT NULL, -- in the version that was walked
  words_hash       bytea       NOT NULL CHECK (octet_length(words_hash) = 32), -- equal where words are
  title            text        NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
  answer           text        NOT NULL CHECK (char_length(answer) <= 1000),
  note             text        NOT NULL CHECK (char_length(note) <= 10000),
  status           text        NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'ACCEPTED', 'DISMISSED')),
  offered_by       uuid        NOT NULL,
  offered_at       timestamptz NOT NULL,
  decided_by       uuid,
  decided_at       timestamptz,
  reason           text        NOT NULL DEFAULT '' CHECK (char_length(reason) <= 1000), -- why it was dismissed
  accepted_node_id text, -- the draft's node that it became
  PRIMARY KEY (account_id, id),
  -- Equal words at one node are counted, not repeated.
  UNIQUE (account_id, tree_id, node_id, words_hash),
  FOREIGN KEY (account_id, tree_id) REFERENCES trees (account_id, id) ON DELETE CASCADE,
  FOREIGN KEY (account_id, offered_by) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, decided_by) REFERENCES users (account_id, id),
  CHECK ((status = 'OPEN') = (decided_by IS NULL)),
  CHECK ((status = 'OPEN') = (decided_at IS NULL)),
  CHECK ((status = 'ACCEPTED') = (accepted_node_id IS NOT NULL))
);
CREATE INDEX tree_offers_by_time ON tree_offers (account_id, status, offered_at DESC, id DESC);

-- The evidence: lines of sessions' logs. A line is evidence once, however often its
-- session ends; it goes when the step does not stand any more at a later end. An
-- open offer without any does not count.
CREATE TABLE tree_offer_steps (
  account_id uuid    NOT NULL,
  session_id uuid    NOT NULL,
  seq        integer NOT NULL,
  offer_id   uuid    NOT NULL,
  PRIMARY KEY (account_id, session_id, seq),
  FOREIGN KEY (account_id, session_id, seq) REFERENCES tree_session_steps (account_id, session_id, seq),
  FOREIGN KEY (account_id, offer_id) REFERENCES tree_offers (account_id, id) ON DELETE CASCADE
);
CREATE INDEX tree_offer_steps_by_offer ON tree_offer_steps (account_id, offer_id);

-- What clients asked to be drafted from sessions, by the key that they chose: a
-- repeat returns the first result. Kept for a day.
CREATE TABLE tree_session_drafts (
  account_id      uuid        NOT NULL,
  user_id         uuid        NOT NULL,
  idempotency_key text        NOT NULL CHECK (idempotency_key <> ''),
  request_hash    bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
  session_id      uuid        NOT NULL,
  tree_id         uuid        NOT NULL,
  at              timestamptz NOT NULL,
  PRIMARY KEY (account_id, user_id, idempotency_key),
  FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
  FOREIGN KEY (account_id, session_id) REFERENCES tree_sessions (account_id, id),
  -- Checked at the end: the key is claimed before the tree is made, so that of two
  -- requests with one key the second waits for the first.
  FOREIGN KEY (account_id, tree_id) REFERENCES trees (account_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX tree_session_drafts_at ON tree_session_drafts (at);
