DROP INDEX tree_sessions_by_ticket;
DROP INDEX tree_sessions_by_client;
CREATE INDEX tree_sessions_by_client ON tree_sessions (account_id, client_id, started_at DESC) WHERE client_id IS NOT NULL;
ALTER TABLE tree_sessions DROP COLUMN client_facts, DROP COLUMN client_key, DROP COLUMN start_values, DROP COLUMN subject_words;
DROP INDEX clients_by_name;
ALTER TABLE clients DROP CONSTRAINT clients_bounds, DROP COLUMN sort_key, DROP COLUMN revision;
CREATE UNIQUE INDEX clients_name ON clients (account_id, lower(name));
DROP TABLE client_names;
