-- Which login sessions are connected now: which have a socket or an event stream in
-- some process. A process is a node here. Nothing of it matters after a crash of the
-- database: the nodes notice that it is gone and write it anew.

-- The processes that serve. Each says every two seconds that it lives; one that has
-- not for ten counts as gone, and nothing that it said counts any more.
CREATE UNLOGGED TABLE nodes (
  id      uuid        NOT NULL PRIMARY KEY,
  seen_at timestamptz NOT NULL
);

-- No foreign keys: a row counts together with its node and its login session only,
-- and ten thousand that come at once should cost one look at an index each.
CREATE UNLOGGED TABLE login_connections (
  account_id       uuid NOT NULL,
  login_session_id uuid NOT NULL,
  node_id          uuid NOT NULL,
  PRIMARY KEY (account_id, login_session_id, node_id)
);
CREATE INDEX login_connections_node ON login_connections (node_id);
