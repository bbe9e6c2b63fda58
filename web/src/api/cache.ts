// How the cache knows what is the same thing.
import type { CacheExchangeOpts } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';

/** Types without an id of their own are part of what holds them. */
const embedded = [
  'AccountSecurity', 'ActiveUser', 'ExportedFile', 'InvitationPreview', 'PageInfo', 'ServerInfo', 'SessionLimits', 'SessionPolicy',
  'SessionPolicyBounds', 'SessionPolicyPresetLimits', 'TreeAnalytics', 'TreeBranch', 'TreeConnection', 'TreeEdge', 'TreeField', 'TreeGraph',
  'TreeHealth', 'TreeHealthFinding', 'TreeLink', 'TreeNodeFigures', 'TreeOption', 'TreeOptionFigures', 'TreeOutcomeShare', 'TreeProblem',
  'TreeSearchConnection', 'TreeSearchEdge', 'TreeSearchPiece', 'TreeSessionConnection', 'TreeSessionEdge', 'TreeSessionFigures', 'TreeSessionNote',
  'TreeSessionPlace', 'TreeSessionStep', 'TreeSessionValue', 'TreeTag', 'TreeTemplate', 'TreeVersion', 'TreeVersionConnection', 'TreeVersionEdge',
  'DecisionNode', 'ActionNode', 'InputNode', 'SubtreeNode', 'SolutionNode',
] as const;

const keys: Record<string, () => null> = Object.fromEntries(embedded.map((type) => [type, () => null]));

export const cacheOptions: Partial<CacheExchangeOpts> = {
  // A type that is in neither list is one whose id the query forgot, or new here.
  keys,
  resolvers: {
    Query: {
      trees: relayPagination(),
      sessions: relayPagination(),
      tree: (_, args) => ({ __typename: 'Tree', id: args.id as string }),
      session: (_, args) => ({ __typename: 'TreeSession', id: args.id as string }),
    },
  },
};
