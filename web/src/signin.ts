// Who is signed in, for the explorer. The access token stays in memory; the
// refresh token is in a cookie that no script can read, and that the app shares,
// so whoever is signed in there is signed in here. Sharing the token, it keeps to the
// same rules about refreshing.
import { alone, attempt, giveUpAfter, markBusy, markDone, tokenStored } from './auth/shared';

/** A fresh access token is asked for when the present one has less left. */
const spare = 15_000; // ms

interface Held {
  token: string;
  expiresAt: number; // ms since 1970, by this machine's clock
  who: string;
}

let held: Held | undefined;
let refreshing: Promise<void> | undefined;
const listeners = new Set<() => void>();

function hold(next: Held | undefined): void {
  held = next;
  for (const listener of listeners) listener();
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The name of whoever is signed in. */
export const signedInAs = (): string | undefined => held?.who;

const refreshDocument = `mutation Refresh($input: RefreshInput!) {
  refresh(input: $input) { accessToken accessTokenExpiresAt loginSession { user { name } } }
}`;

/**
 * Gets an access token for the login session of the cookie. It is passive: what
 * the explorer does by itself keeps nobody signed in.
 */
export function refresh(): Promise<void> {
  refreshing ??= alone(async () => {
    markBusy();
    try {
      const response = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ query: refreshDocument, variables: { input: { attemptId: attempt(), passive: true } } }),
        signal: AbortSignal.timeout(giveUpAfter),
      });
      learn(await response.json(), response);
    } catch {
      // The server is away: the next request says so.
    } finally {
      markDone(false); // the app's tabs get no token from here
      refreshing = undefined;
    }
  });
  return refreshing;
}

/** The access token to send, or undefined when nobody is signed in. */
export async function accessToken(): Promise<string | undefined> {
  if (held && held.expiresAt - Date.now() < spare) {
    const stale = held;
    await refresh();
    if (held === stale) hold(undefined); // the login session has ended
  }
  return held?.token;
}

/** When a moment of the server's clock comes on this machine's, which may be wrong by hours. */
function here(serverTime: string, response: Response): number {
  const sent = Date.parse(response.headers.get('date') ?? '');
  return Date.parse(serverTime) + (Number.isNaN(sent) ? 0 : Date.now() - sent);
}

/** Takes the tokens out of an answer of register, login, refresh or logout. */
function learn(answer: unknown, response: Response): void {
  const data = (answer as { data?: Record<string, unknown> | null } | null)?.data;
  if (!data || typeof data !== 'object') return;
  for (const [field, value] of Object.entries(data)) {
    if (!value || typeof value !== 'object') continue;
    const { accessToken, accessTokenExpiresAt, user, loginSession } = value as {
      accessToken?: string;
      accessTokenExpiresAt?: string;
      user?: { name?: string };
      loginSession?: { user?: { name?: string } };
    };
    if (typeof accessToken === 'string') {
      const expiresAt = accessTokenExpiresAt ? here(accessTokenExpiresAt, response) : Date.now() + 60_000;
      hold({ token: accessToken, expiresAt, who: user?.name ?? loginSession?.user?.name ?? held?.who ?? 'somebody' });
    } else if (field === 'logout') {
      hold(undefined);
    }
  }
}

/** fetch with the access token, where the request has none of its own. */
export const signedFetch: typeof fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  if (!headers.has('authorization')) {
    const token = await accessToken();
    if (token) headers.set('authorization', `Bearer ${token}`);
  }
  const response = await fetch(input, { ...init, headers });
  if (/json/.test(response.headers.get('content-type') ?? '')) {
    response
      .clone()
      .json()
      .then((answer) => {
        learn(answer, response);
        // Somebody signed in: the cookie has another token, with an attempt id of its own.
        if (/\bCOOKIE\b/.test(String(init?.body)) && (answer as { data?: unknown } | null)?.data) tokenStored();
      }, () => {
        // Not JSON after all: the explorer shows what it is.
      });
  }
  return response;
};
