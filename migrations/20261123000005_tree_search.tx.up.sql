-- Finding trees: the words of each tree, and the words that a typing error may be of.

-- A row for the draft, which exists always, and one for the latest version. It
-- is written in the transaction that writes the tree (internal/store/tree_index.go).
CREATE TABLE tree_search (
  account_id uuid     NOT NULL,
  tree_id    uuid     NOT NULL,
  form       smallint NOT NULL CHECK (form IN (0, 1)), -- 0 the draft, 1 the latest version
  status     text     NOT NULL CHECK (status IN ('DRAFT', 'PUBLISHED', 'ARCHIVED')), -- the tree's
  rules      smallint NOT NULL, -- by which the words were found; older ones are made anew after a migration
  -- Each word has a prefix for its account and form, so that the index finds one
  -- account's trees without passing by those of others.
  words      tsvector NOT NULL,
  PRIMARY KEY (account_id, tree_id, form),
  FOREIGN KEY (account_id, tree_id) REFERENCES trees (account_id, id) ON DELETE CASCADE
);
-- A search passes by what was written since the index was last tidied: little.
CREATE INDEX tree_search_words ON tree_search USING gin (words) WITH (gin_pending_list_limit = 256);

-- Every word that a tree of the account has or had.
CREATE TABLE tree_words (
  account_id uuid     NOT NULL REFERENCES accounts (id),
  form       smallint NOT NULL CHECK (form IN (0, 1)),
  word       text     COLLATE "C" NOT NULL,
  near_keys  text[]   COLLATE "C" NOT NULL, -- of words with a typing error in common, with the prefix of account and form
  PRIMARY KEY (account_id, form, word)
);
CREATE INDEX tree_words_near ON tree_words USING gin (near_keys) WITH (gin_pending_list_limit = 256);
