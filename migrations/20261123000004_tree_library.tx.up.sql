-- "Still right": who last confirmed a tree; what is due for review; what is used most.

ALTER TABLE trees
  ADD COLUMN confirmed_at timestamptz,
  ADD COLUMN confirmed_by uuid,
  ADD FOREIGN KEY (account_id, confirmed_by) REFERENCES users (account_id, id),
  ADD CONSTRAINT trees_confirmed CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL));

-- Trees without a review date come after all dates.
CREATE INDEX trees_by_review ON trees (account_id, (coalesce(review_by, 'infinity'::date)), id);
CREATE INDEX trees_by_owner ON trees (account_id, owner_id, updated_at DESC, id DESC);

-- Counts the sessions of the last months without reading them.
CREATE INDEX tree_sessions_by_use ON tree_sessions (account_id, started_at) INCLUDE (tree_id);
