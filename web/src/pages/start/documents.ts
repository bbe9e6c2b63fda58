import { gql } from '../../gql';

gql(`
  fragment Choice on Tree {
    id
    title
    description
    nodeCount
    publishedVersion
    category { id name }
  }
`);

export const ReadStartLink = gql(`
  query ReadStartLink($input: StartLinkInput!) {
    startLink(input: $input) {
      tree { ...Choice }
      client { id name ticketKey }
      openSessions { sessionId title heldBy { id name } isMine startedAt updatedAt }
      values { name label text isAskedFor refusal }
      problems { field message }
    }
  }
`);

/** Trees to choose from before anything was typed. */
export const MostUsed = gql(`
  query MostUsed {
    trees(filter: { status: [PUBLISHED] }, orderBy: { field: MOST_USED, direction: DESC }, first: 5) {
      nodes { ...Choice }
    }
  }
`);

export const FindPublished = gql(`
  query FindPublished($query: String!) {
    searchTrees(query: $query, filter: { status: [PUBLISHED] }, first: 5) {
      edges {
        node { ...Choice }
        matchingNodeTitle
      }
    }
  }
`);
