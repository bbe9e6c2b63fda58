import { gql } from '../gql';

gql(`
  fragment Policy on SessionPolicy {
    preset
    idleMinutes
    absoluteMinutes
    admins { preset idleMinutes absoluteMinutes }
    maxSessionsPerUser
    atSessionLimit
    inherited
  }
`);

export const SecurityPolicy = gql(`
  query SecurityPolicy {
    accountSecurity {
      policy { ...Policy }
      policyBounds {
        minIdleMinutes
        maxIdleMinutes
        minAbsoluteMinutes
        maxAbsoluteMinutes
        maxSessionsPerUser
        presets { preset idleMinutes absoluteMinutes }
      }
    }
  }
`);

export const UpdatePolicy = gql(`
  mutation UpdatePolicy($input: UpdateSessionPolicyInput!) {
    updateSessionPolicy(input: $input) {
      endedCount
      accountSecurity {
        policy { ...Policy }
      }
    }
  }
`);

gql(`
  fragment SignedInDevice on LoginSession {
    id
    user { id name email role }
    device
    ip
    signedInAt
    lastActiveAt
    idleExpiresAt
    absoluteExpiresAt
    connectedNow
  }
`);

export const WatchSignedIn = gql(`
  subscription WatchSignedIn {
    activeSessions {
      __typename
      ... on ActiveSessionsState { serverTime sessions { ...SignedInDevice } more }
      ... on ActiveSessionsChange { serverTime added { ...SignedInDevice } changed { ...SignedInDevice } removedIds more }
    }
  }
`);

export const RevokeMany = gql(`
  mutation RevokeMany($input: RevokeSessionsInput!) {
    revokeSessions(input: $input) { revokedCount }
  }
`);

export const RevokeOne = gql(`
  mutation RevokeOne($input: RevokeSessionInput!) {
    revokeSession(input: $input) { revokedCount }
  }
`);
