import { gql } from '../gql';

/** Whom somebody may mean who types, and whom the whole text means. */
export const ClientsLike = gql(`
  query ClientsLike($query: String, $name: StartLinkInput!) {
    clients(query: $query, first: 8) {
      nodes { id name aliases ticketKey }
    }
    startLink(input: $name) {
      client { id name ticketKey }
      problems { field message }
    }
  }
`);

gql(`
  fragment Seen on SeenSession {
    sessionId
    isReadable
    title
    subject
    clientName
    status
    outcome
    solution
    solutionText
    heldBy { id name }
    startedAt
    endedAt
  }
`);

export const SeenBeforeQuery = gql(`
  query SeenBefore($input: SeenBeforeInput!) {
    seenBefore(input: $input) {
      sameClient { ...Seen }
      similar { ...Seen }
    }
  }
`);
