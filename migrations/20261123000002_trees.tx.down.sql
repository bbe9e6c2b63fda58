ALTER TABLE trees DROP CONSTRAINT trees_published_version_fkey;
DROP TABLE tree_session_starts, tree_session_requests, tree_session_steps, tree_sessions, tree_versions, trees, clients, tree_categories;
