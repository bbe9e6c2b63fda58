DROP INDEX audit_log_by_xid;
ALTER TABLE audit_log DROP COLUMN xid;
DROP TABLE sign_in_limits;
