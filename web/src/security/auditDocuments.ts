import { gql } from '../gql';

gql(`
  fragment LogEntry on AuditEntry {
    id
    happenedAt
    action
    summary
    actor { id name email }
    subject { id name email }
    loginSessionId
    device
    ip
    details { name value }
    cursor
  }
`);

/** Where the log ends now. What comes after it is told by WatchLog. */
export const LogEnd = gql(`
  query LogEnd {
    accountSecurity { auditLog(first: 1) { edges { cursor } } }
  }
`);

export const LogPage = gql(`
  query LogPage($filter: AuditLogFilter, $after: String) {
    accountSecurity {
      auditLog(first: 50, after: $after, filter: $filter) {
        nodes { ...LogEntry }
        pageInfo { hasNextPage }
      }
    }
  }
`);

export const LogCount = gql(`
  query LogCount($filter: AuditLogFilter) {
    accountSecurity { auditLog(first: 0, filter: $filter) { totalCount } }
  }
`);

export const WatchLog = gql(`
  subscription WatchLog($after: String) {
    auditLog(after: $after) { ...LogEntry }
  }
`);

export const LogPeople = gql(`
  query LogPeople {
    account { id members { id name email } }
  }
`);
