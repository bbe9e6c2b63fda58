// The GraphQL client: a normalised cache, the access token, and subscriptions over
// the one socket.
import { Client, fetchExchange, makeOperation, mapExchange, type Operation, subscriptionExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { cacheExchange } from '@urql/exchange-graphcache';
import { giveUpAfter } from '../auth/shared';
import { getAuth } from '../auth/store';
import { accessToken, presentToken, refresh, tokenIsStale } from '../auth/token';
import { cacheOptions } from './cache';
import { socket } from './socket';

/** Reasons for which a refused token is worth renewing; any other means: sign in. */
const renewable = new Set(['TOKEN_EXPIRED', 'STALE_TOKEN', 'NOT_SIGNED_IN', 'INVALID_TOKEN']);

/** A request that nobody answers is over at some time: on a bad line it would hang for minutes, and a button with it. */
const ask: typeof fetch = (url, init) => {
  const late = AbortSignal.timeout(giveUpAfter);
  return fetch(url, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, late]) : late });
};

export interface Asking {
  client: Client;
  /** Asks once more for all that is on the page: after the connection was lost it may be old. */
  askAgain: () => void;
}

/** A client with an empty cache: what one person saw is not for the next one. */
export function newClient(): Asking {
  const shown = new Map<number, Operation>(); // the queries of what is on the page
  const client = new Client({
    url: '/graphql',
    fetch: ask,
    requestPolicy: 'cache-and-network',
    preferGetMethod: false,
    fetchOptions: { headers: { accept: 'application/graphql-response+json' } },
    exchanges: [
      mapExchange({
        onOperation(operation) {
          if (operation.kind === 'query' && !shown.has(operation.key)) shown.set(operation.key, operation);
          else if (operation.kind === 'teardown') shown.delete(operation.key);
        },
      }),
      cacheExchange(cacheOptions),
      mapExchange({
        // The login session was ended, and the socket may be slower to say so.
        onError(error) {
          const first = error.graphQLErrors[0]?.extensions;
          if (first?.code === 'UNAUTHENTICATED' && String(first.reason).startsWith('SESSION_')) refresh(true, presentToken()).catch(() => {});
        },
      }),
      authExchange(async (utils) => {
        let sent: string | undefined;
        return {
          addAuthToOperation(operation) {
            sent = presentToken();
            return sent ? utils.appendHeaders(operation, { authorization: `Bearer ${sent}` }) : operation;
          },
          willAuthError: () => getAuth().state === 'in' && tokenIsStale(),
          didAuthError: (error) =>
            getAuth().state === 'in' &&
            error.graphQLErrors.some((e) => e.extensions?.code === 'UNAUTHENTICATED' && renewable.has(String(e.extensions.reason))),
          async refreshAuth() {
            // Where the server is away the request itself says so.
            await (tokenIsStale() ? accessToken() : refresh(true, sent)).catch(() => {});
          },
        };
      }),
      subscriptionExchange({
        forwardSubscription(request, operation) {
          return {
            subscribe: (sink) => ({
              unsubscribe: socket().subscribe(
                { query: request.query ?? '', variables: request.variables, operationName: operationName(operation) },
                sink as Parameters<ReturnType<typeof socket>['subscribe']>[1],
              ),
            }),
          };
        },
      }),
      fetchExchange,
    ],
  });
  return {
    client,
    askAgain: () => {
      for (const query of shown.values()) client.reexecuteOperation(makeOperation('query', query, { ...query.context, requestPolicy: 'network-only' }));
    },
  };
}

function operationName(operation: { query: { definitions: readonly { kind: string }[] } }): string | undefined {
  const definition = operation.query.definitions.find((d) => d.kind === 'OperationDefinition') as { name?: { value: string } } | undefined;
  return definition?.name?.value;
}
