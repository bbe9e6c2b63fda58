-- Walks through several trees: subtrees, and trees that a session switches to.

-- What each version's subtrees lead to, through however many trees: a walk reads
-- all the graphs that it may come to in one statement. Publishing writes it.
CREATE TABLE tree_version_pins (
  account_id     uuid    NOT NULL,
  tree_id        uuid    NOT NULL,
  number         integer NOT NULL,
  pinned_tree_id uuid    NOT NULL,
  pinned_number  integer NOT NULL,
  PRIMARY KEY (account_id, tree_id, number, pinned_tree_id, pinned_number),
  FOREIGN KEY (account_id, tree_id, number) REFERENCES tree_versions (account_id, tree_id, number) ON DELETE CASCADE,
  -- A tree that another one's version leads to cannot be deleted.
  FOREIGN KEY (account_id, pinned_tree_id, pinned_number) REFERENCES tree_versions (account_id, tree_id, number),
  CHECK (pinned_tree_id <> tree_id) -- it would lead round in a circle
);
CREATE INDEX tree_version_pins_by_pinned ON tree_version_pins (account_id, pinned_tree_id, pinned_number);
CREATE TRIGGER written_once BEFORE UPDATE ON tree_version_pins
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE tree_sessions
  -- Where it began and where it stands, the innermost place last. An empty list
  -- is one place: the tree and version that it began with, as of most sessions.
  ADD COLUMN start_places jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(start_places) = 'array'),
  ADD COLUMN places       jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(places) = 'array'),
  -- The version of the innermost place, where places is not empty; NULL outside
  -- any tree. It keeps the tree from being deleted.
  ADD COLUMN place_tree_id uuid,
  ADD COLUMN place_version integer,
  -- What was written down, derived from the log, so that a node can be shown
  -- without reading it.
  ADD COLUMN known_values jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(known_values) = 'array'),
  ADD FOREIGN KEY (account_id, place_tree_id, place_version) REFERENCES tree_versions (account_id, tree_id, number),
  ADD CHECK ((place_tree_id IS NULL) = (place_version IS NULL));

ALTER TABLE tree_session_steps
  ADD COLUMN to_user_id uuid, -- who has the session from here on
  ADD FOREIGN KEY (account_id, to_user_id) REFERENCES users (account_id, id),
  ADD CHECK (octet_length(output) <= 65536);
