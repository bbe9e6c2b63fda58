import { gql } from '../gql';

gql(`
  fragment WalkNode on TreeNode {
    __typename
    nodeId
    title
    text
    links { title url }
    ... on DecisionNode { options { optionId label key target } }
    ... on ActionNode { commands expected next options { optionId label key target } branches { name test value target } }
    ... on InputNode { next fields { name label type required pattern choices sensitive } branches { name test value target } }
    ... on SubtreeNode { treeId next branches { name test value target } }
    ... on SolutionNode { outcome followUps continue }
  }
`);

gql(`
  fragment Walk on TreeSession {
    id
    treeId
    treeVersion
    title
    status
    outcome
    ticket
    clientName
    client { id name ticketKey facts { name text } }
    subject
    scratchpad
    scratchpadRevision
    reason
    startedBy { id name }
    heldBy { id name }
    startedAt
    endedAt
    activeSeconds
    step
    places { treeId treeVersion title nodeId arrival }
    currentNode { ...WalkNode }
    values { name label type text sensitive }
    steps(includeUndone: true) {
      step
      how
      own
      place { treeId treeVersion title nodeId arrival }
      nodeId
      kind
      title
      text
      answer
      values { name label type text sensitive }
      output
      notes { text output writtenAt by { id name } }
      enteredAt
      leftAt
      by { id name }
      undone
    }
    currentNotes { text output writtenAt by { id name } }
  }
`);

export const WalkQuery = gql(`
  query Walk($id: ID!) {
    session(id: $id) { ...Walk }
  }
`);

/** The graph that is walked, to say where an answer leads before it is chosen. */
export const WalkedGraph = gql(`
  query WalkedGraph($treeId: ID!, $number: Int!) {
    treeVersion(treeId: $treeId, number: $number) {
      treeId
      number
      graph { root nodes { ...WalkNode } }
    }
  }
`);

export const WatchWalk = gql(`
  subscription WatchWalk($id: ID!) {
    treeSession(id: $id) {
      __typename
      ... on TreeSessionState { session { ...Walk } watchers { id name } }
      ... on TreeSessionProgress { session { ...Walk } watchers { id name } }
      ... on TreeSessionUnavailable { sessionId }
    }
  }
`);

export const StartWalk = gql(`
  mutation StartWalk($input: StartSessionInput!) {
    startSession(input: $input) { session { id } }
  }
`);

export const Advance = gql(`
  mutation Advance($input: AdvanceSessionInput!) {
    advanceSession(input: $input) { session { ...Walk } }
  }
`);

export const AddOwnStep = gql(`
  mutation AddOwnStep($input: AddStepInput!) {
    addStep(input: $input) { session { ...Walk } }
  }
`);

export const GoBack = gql(`
  mutation GoBack($input: GoBackInput!) {
    goBack(input: $input) { session { ...Walk } }
  }
`);

export const AddNote = gql(`
  mutation AddNote($input: AddNoteInput!) {
    addNote(input: $input) { session { ...Walk } }
  }
`);

export const Complete = gql(`
  mutation Complete($input: CompleteSessionInput!) {
    completeSession(input: $input) { session { ...Walk } }
  }
`);

export const Abandon = gql(`
  mutation Abandon($input: AbandonSessionInput!) {
    abandonSession(input: $input) { session { ...Walk } }
  }
`);

export const Reopen = gql(`
  mutation Reopen($input: ReopenSessionInput!) {
    reopenSession(input: $input) { session { ...Walk } }
  }
`);

export const UpdateWalk = gql(`
  mutation UpdateWalk($input: UpdateSessionInput!) {
    updateSession(input: $input) { session { ...Walk } }
  }
`);

export const SavePad = gql(`
  mutation SavePad($input: UpdateScratchpadInput!) {
    updateScratchpad(input: $input) { session { id scratchpad scratchpadRevision } }
  }
`);

export const ReturnToTree = gql(`
  mutation ReturnToTree($input: ReturnToTreeInput!) {
    returnToTree(input: $input) { session { ...Walk } }
  }
`);

export const ExportWalk = gql(`
  query ExportWalk($input: ExportSessionInput!) {
    exportSession(input: $input) { filename mediaType content encoding sha256 }
  }
`);
