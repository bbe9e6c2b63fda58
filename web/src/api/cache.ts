// How the cache knows what is the same thing.
import type { CacheExchangeOpts } from '@urql/exchange-graphcache';
import { embeddedTypes, possibleTypes } from '../gql/cache';

export const cacheOptions: Partial<CacheExchangeOpts> = {
  // Without the schema the cache cannot know that a fragment on another type has
  // nothing to write, and warns of each, while developing.
  logger: (level, message) => {
    if (!message.startsWith('Invalid undefined')) console[level](message);
  },
  possibleTypes,
  keys: Object.fromEntries(embeddedTypes.map((type) => [type, () => null])),
  resolvers: {
    Query: {
      tree: (_, args) => ({ __typename: 'Tree', id: args.id as string }),
      session: (_, args) => ({ __typename: 'TreeSession', id: args.id as string }),
    },
  },
};
