// The words of the audit log: what each kind of entry is, and what its details mean.
import type { AuditAction } from '../gql/graphql';

/** What happened, in two or three words. */
export const kindWords: Record<AuditAction, string> = {
  ACCOUNT_REGISTERED: 'Account opened',
  SIGNED_IN: 'Signed in',
  SIGN_IN_FAILED: 'Sign-in failed',
  SIGN_IN_LIMITED: 'Sign-ins slowed down',
  SIGNED_OUT: 'Signed out',
  REAUTHENTICATED: 'Password confirmed',
  REAUTHENTICATION_FAILED: 'Password not confirmed',
  REFRESH_TOKEN_REUSED: 'Copied login ended',
  LOGIN_SESSION_EXPIRED: 'Login ran out',
  LOGIN_SESSIONS_REVOKED: 'Logins ended',
  LOGIN_SESSION_LIMIT_REACHED: 'Too many devices',
  SESSION_POLICY_CHANGED: 'Policy changed',
  PASSWORD_CHANGED: 'Password changed',
  USER_INVITED: 'Invited',
  INVITATION_WITHDRAWN: 'Invitation withdrawn',
  INVITATION_ACCEPTED: 'Invitation accepted',
  USER_ROLE_CHANGED: 'Role changed',
  USER_DISABLED: 'Person disabled',
  USER_ENABLED: 'Person enabled',
  AUDIT_LOG_EXPORTED: 'Audit log exported',
  TREE_PUBLISHED: 'Tree published',
  TREE_ARCHIVED: 'Tree archived',
  TREE_UNARCHIVED: 'Tree back from the archive',
  TREE_DELETED: 'Tree deleted',
  TREE_VERSION_RESTORED: 'Earlier version restored',
  TREE_CONFIRMED: 'Tree confirmed',
  TREE_OWNER_CHANGED: 'Tree has another owner',
  TREE_SESSION_SHARED: 'Session shared',
  TREE_SESSION_SHARE_REVOKED: 'Link taken back',
  TREE_SESSION_SHARE_OPENED: 'Link opened',
  CLIENTS_MERGED: 'Clients merged',
  CLIENT_DELETED: 'Client deleted',
  TREE_SESSION_ESCALATED: 'Help asked for',
  TREE_SESSION_CLAIMED: 'Session taken over',
  ESCALATION_ANSWERED: 'Hint given',
  ESCALATION_TAKEN_BACK: 'Request taken back',
};

/** The kinds in the order in which somebody looks for them. Each is in one group. */
export const kindGroups: readonly { name: string; kinds: readonly AuditAction[] }[] = [
  { name: 'Signing in', kinds: ['SIGNED_IN', 'SIGN_IN_FAILED', 'SIGN_IN_LIMITED', 'SIGNED_OUT', 'REAUTHENTICATED', 'REAUTHENTICATION_FAILED', 'PASSWORD_CHANGED'] },
  { name: 'Logins', kinds: ['LOGIN_SESSIONS_REVOKED', 'LOGIN_SESSION_EXPIRED', 'LOGIN_SESSION_LIMIT_REACHED', 'REFRESH_TOKEN_REUSED', 'SESSION_POLICY_CHANGED'] },
  { name: 'People', kinds: ['USER_INVITED', 'INVITATION_ACCEPTED', 'INVITATION_WITHDRAWN', 'USER_ROLE_CHANGED', 'USER_DISABLED', 'USER_ENABLED'] },
  { name: 'Account', kinds: ['ACCOUNT_REGISTERED', 'AUDIT_LOG_EXPORTED'] },
  { name: 'Trees', kinds: ['TREE_PUBLISHED', 'TREE_VERSION_RESTORED', 'TREE_CONFIRMED', 'TREE_OWNER_CHANGED', 'TREE_ARCHIVED', 'TREE_UNARCHIVED', 'TREE_DELETED'] },
  { name: 'Sessions and help', kinds: ['TREE_SESSION_SHARED', 'TREE_SESSION_SHARE_OPENED', 'TREE_SESSION_SHARE_REVOKED', 'TREE_SESSION_ESCALATED', 'TREE_SESSION_CLAIMED', 'ESCALATION_ANSWERED', 'ESCALATION_TAKEN_BACK'] },
  { name: 'Clients', kinds: ['CLIENTS_MERGED', 'CLIENT_DELETED'] },
];

/** What an owner may want to look into. It has a sign of its own. */
export const remarkable: ReadonlySet<AuditAction> = new Set(['SIGN_IN_FAILED', 'SIGN_IN_LIMITED', 'REAUTHENTICATION_FAILED', 'REFRESH_TOKEN_REUSED']);

/** What a detail is, by the last part of its name. */
export const detailWords: Readonly<Record<string, string>> = {
  absoluteMinutes: 'In any case',
  actions: 'Kinds',
  applyNow: 'Held at once',
  atSessionLimit: 'One device more',
  client: 'Client',
  count: 'Logins ended',
  email: 'E-mail',
  ended: 'Logins ended',
  expiresAt: 'Opens until',
  from: 'From',
  idleMinutes: 'Without activity',
  invitedBy: 'Invited by',
  maxSessionsPerUser: 'Devices a person',
  merged: 'Became a part of it',
  operator: 'Command',
  preset: 'Limits',
  quietMinutes: 'Not listed again for',
  reason: 'Why',
  reviewBy: 'To be looked at by',
  role: 'Role',
  scope: 'Whose',
  session: 'Session',
  share: 'Link',
  shorter: 'Logins made shorter',
  ticket: 'Ticket',
  title: 'Title',
  to: 'To',
  tree: 'Tree',
  urgency: 'Urgency',
  user: 'Person',
  version: 'Version',
};

/** What parts a detail from its like. */
export const detailParts: Readonly<Record<string, string>> = { admins: 'owners and admins' };

/** Values that the API writes in capitals, in words. */
export const valueWords: Readonly<Record<string, string>> = {
  true: 'yes',
  false: 'no',
  WRONG_PASSWORD: 'the password was wrong',
  USER_DISABLED: 'the person is disabled',
  SESSION_LIMIT: 'there are as many devices as allowed',
  EXPIRED_IDLE: 'nobody used it for too long',
  EXPIRED_ABSOLUTE: 'it reached its longest time',
  REVOKED_BY_OWNER: 'an owner ended it',
  REVOKED_BY_SELF: 'its owner ended it',
  ALL: 'everybody’s',
  ALL_EXCEPT_ME: 'everybody else’s',
  USER: 'one person’s',
  MY_OTHERS: 'their own on other devices',
  DISABLED_USER: 'those of who was disabled',
  NEW_PASSWORD: 'those with the old password',
  STRICT: 'Strict',
  STANDARD: 'Standard',
  CUSTOM: 'Custom',
  END_LEAST_RECENTLY_ACTIVE: 'ends the login that was idle longest',
  REFUSE: 'is refused',
  OWNER: 'Owner',
  ADMIN: 'Admin',
  ENGINEER: 'Engineer',
  VIEWER: 'Viewer',
  LOW: 'low',
  NORMAL: 'normal',
  HIGH: 'high',
  CRITICAL: 'critical',
};

export const auditWords = {
  title: 'Audit log',
  lead: 'Who signed in, who did what to whom, and what was changed. Entries are written down for ever; nobody can change one.',
  brokeOff: 'The download broke off, so nothing was saved. Check the connection and try again.',
  saved: 'Audit log downloaded',
  any: { kind: 'All kinds', person: 'Everybody', time: 'Any time' },
  times: { today: 'Today', '7d': 'The last 7 days', '30d': 'The last 30 days', '90d': 'The last 90 days', days: 'From one day to another' },
  backwards: 'The last day is before the first one.',
  nobody: 'Nobody signed in',
  aRule: 'a rule, or the operator',
} as const;
