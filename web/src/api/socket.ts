// The one socket of this tab, on which all subscriptions run, and how it is.
import { type Client, createClient } from 'graphql-ws';
import { useSyncExternalStore } from 'react';
import { accessToken, Away, doubtToken, presentToken, refresh, SessionOver } from '../auth/token';

/** How often the socket asks whether the server is still there, and how long it waits for the answer. */
const pingEvery = 10_000; // ms
const pongWithin = 5_000; // ms
/** How long it waits at most before it tries to come back: after an hour's outage too. */
const longestWait = 30_000; // ms

export type Connection = { state: 'idle' | 'live' } | { state: 'lost'; since: number };

let connection: Connection = { state: 'idle' };
const listeners = new Set<() => void>();

function setConnection(next: Connection): void {
  if (next.state === connection.state) return; // since when it is lost stands
  connection = next;
  for (const listener of listeners) listener();
}

export const getConnection = (): Connection => connection;

export function onConnection(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useConnection = (): Connection => useSyncExternalStore(onConnection, getConnection);

/** Calls listener each time the connection comes back after it was lost, until the returned function is called. */
export function onReturn(listener: () => void): () => void {
  let lost = connection.state === 'lost';
  return onConnection(() => {
    const returned = lost && connection.state === 'live';
    lost = connection.state === 'lost';
    if (returned) listener();
  });
}

let client: Client | undefined;

/** Returns the socket of whoever is signed in, made when it is first asked for. */
export function socket(): Client {
  client ??= make();
  return client;
}

/** Closes the socket: nobody is signed in any more. */
export function closeSocket(): void {
  const old = client;
  client = undefined;
  void old?.dispose();
  setConnection({ state: 'idle' });
}

/** How long to wait before another try, in ms: longer each time, up to a bound, and not quite as long as others do. */
export const waitBefore = (tries: number): number => Math.min(1000 * 2 ** tries, longestWait) + 300 + 2700 * Math.random();

/** Waits before another try, or until the browser is online again. */
function comeback(tries: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, waitBefore(tries));
    addEventListener('online', done);
  });
}

// A socket notices by its pings, which takes a quarter of a minute; the browser may know at once.
addEventListener('offline', () => client?.terminate());

function make(): Client {
  let pong: ReturnType<typeof setTimeout> | undefined;
  const made: Client = createClient({
    url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
    lazy: true,
    keepAlive: pingEvery,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => client === made,
    retryWait: comeback,
    // Asked at every connection: a token that ran out while the tab only watched is
    // renewed passively, so that nothing a person did not do keeps them signed in.
    connectionParams: async () => {
      const token = await accessToken();
      return token ? { authorization: `Bearer ${token}` } : {};
    },
    on: {
      connected: () => setConnection({ state: 'live' }),
      // A socket that died while the computer slept closes by itself never.
      ping: (received) => {
        if (!received) pong = setTimeout(() => client === made && made.terminate(), pongWithin);
      },
      pong: (received) => {
        if (received) clearTimeout(pong);
      },
      closed: (event) => {
        clearTimeout(pong);
        if (client !== made) return;
        const code = (event as CloseEvent).code;
        if (code !== 1000) setConnection({ state: 'lost', since: Date.now() });
        // The role changed, or the socket grew old: it comes back with another token.
        if (code === 4403) doubtToken();
        // Somebody ended the login session, and this tab may not have been told why. Its
        // token's time has not run out, so that one is asked about.
        if (code === 4401) refresh(true, presentToken()).catch(() => {});
      },
      error: (error) => {
        if (client === made && !(error instanceof SessionOver) && error instanceof Away) setConnection({ state: 'lost', since: Date.now() });
      },
    },
  });
  return made;
}
