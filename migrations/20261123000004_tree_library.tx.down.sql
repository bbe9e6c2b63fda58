DROP INDEX tree_sessions_by_use;
DROP INDEX trees_by_owner;
DROP INDEX trees_by_review;
ALTER TABLE trees DROP COLUMN confirmed_by, DROP COLUMN confirmed_at;
