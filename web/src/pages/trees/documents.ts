import { gql } from '../../gql';

gql(`
  fragment TreeRow on Tree {
    id
    title
    description
    status
    nodeCount
    publishedVersion
    updatedAt
    reviewBy
    category { id name }
    owner { id name }
  }
`);

export const TreeList = gql(`
  query TreeList($filter: TreeFilter, $orderBy: TreeOrder, $first: Int, $after: String) {
    trees(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      nodes { ...TreeRow graph { root nodes { __typename nodeId ... on DecisionNode { options { target } } ... on ActionNode { next options { target } branches { target } } ... on InputNode { next branches { target } } ... on SubtreeNode { next branches { target } } ... on SolutionNode { outcome } } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export const TreeSearch = gql(`
  query TreeSearch($query: String!, $filter: TreeFilter) {
    searchTrees(query: $query, filter: $filter, first: 30) {
      match
      edges {
        title { text isMatch }
        excerpt { text isMatch }
        matchingNodeTitle
        node { ...TreeRow graph { root nodes { __typename nodeId ... on DecisionNode { options { target } } ... on ActionNode { next options { target } branches { target } } ... on InputNode { next branches { target } } ... on SubtreeNode { next branches { target } } ... on SolutionNode { outcome } } } }
      }
    }
  }
`);

export const Shelves = gql(`
  query Shelves {
    treeCategories { id name position }
  }
`);

export const RunningWalks = gql(`
  query RunningWalks {
    sessions(filter: { scope: MINE, status: [IN_PROGRESS] }, first: 3) {
      nodes {
        id
        title
        ticket
        clientName
        subject
        activeSeconds
        step
        currentNode { __typename nodeId title }
      }
      pageInfo { hasNextPage }
    }
  }
`);

export const OneTree = gql(`
  query OneTree($id: ID!) {
    tree(id: $id) {
      ...TreeRow
      tags
      revision
      confirmedAt
      author { id name }
      graph { root nodes { ...WalkNode } }
      versions(first: 10) {
        nodes { treeId number title changeNote publishedBy { id name } publishedAt }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const TreeFigures = gql(`
  query TreeFigures($treeId: ID!) {
    treeAnalytics(input: { treeId: $treeId }) {
      treeId
      sessions { started completed outcomes { outcome count share } medianActiveSeconds }
    }
  }
`);

/** What was walked through a tree last: the caller's own, or for admins and owners everybody's. */
export const RecentWalks = gql(`
  query RecentWalks($filter: TreeSessionFilter) {
    sessions(filter: $filter, first: 5) {
      nodes { id status outcome ticket clientName subject heldBy { id name } startedAt endedAt }
      pageInfo { hasNextPage }
    }
  }
`);

export const StartLinkOf = gql(`
  query StartLinkOf($treeId: ID!) {
    startLinkTemplate(treeId: $treeId) { url valueNames }
  }
`);

export const TreeVersions = gql(`
  query TreeVersions($id: ID!, $after: String) {
    tree(id: $id) {
      id
      versions(first: 50, after: $after) {
        nodes { treeId number title changeNote publishedBy { id name } publishedAt }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const ConfirmTree = gql(`
  mutation ConfirmTree($input: ConfirmTreeInput!) {
    confirmTree(input: $input) { tree { id revision reviewBy confirmedAt updatedAt } }
  }
`);

export const FirstTrees = gql(`
  query FirstTrees {
    treeTemplates { template title }
  }
`);

export const FromTemplate = gql(`
  mutation FromTemplate($input: CreateTreeFromTemplateInput!) {
    createTreeFromTemplate(input: $input) { tree { id revision } }
  }
`);

export const PublishNow = gql(`
  mutation PublishNow($input: PublishTreeInput!) {
    publishTree(input: $input) { version problems { code message } tree { id status revision publishedVersion } }
  }
`);

export const ImportTree = gql(`
  mutation ImportTree($input: ImportTreeInput!) {
    importTree(input: $input) { tree { id title } problems { code severity message line column } }
  }
`);
