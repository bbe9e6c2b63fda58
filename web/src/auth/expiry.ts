// How long this login session lasts, as the server tells it: one subscription is
// the only source. Nothing here asks the server again and again.
import { useSyncExternalStore } from 'react';
import { learnServerTime, serverNow } from './clock';
import { isYoung, sinceStored } from './shared';
import { getAuth, onAuth } from './store';
import { onTabMessage, tell } from './tabs';
import { endsItself, presentToken, refresh, signedOut, suspect } from './token';

export type ExpiryLevel = 'NONE' | 'NOTICE' | 'SOON' | 'NOW';
export type ExpiryReason = 'IDLE' | 'ABSOLUTE';

export interface Expiry {
  idleAt: number; // by the server's clock, ms since 1970
  absoluteAt: number;
  level: ExpiryLevel;
  reason: ExpiryReason; // which of the two is nearer
}

const document = `  subscription SessionExpiry {
    sessionExpiry {
      __typename
      ... on SessionState { serverTime loginSessionId idleExpiresAt absoluteExpiresAt level expiryReason }
      ... on SessionExtended { serverTime idleExpiresAt absoluteExpiresAt level expiryReason }
      ... on SessionExpiryWarning { serverTime level expiryReason expiresAt }
      ... on SessionExpired { serverTime expiryReason }
      ... on ForcedLogout { serverTime logoutReason endedByUserId endedAt }
    }
  }
`;

type Event =
  | { __typename: 'SessionState' | 'SessionExtended'; serverTime: string; idleExpiresAt: string; absoluteExpiresAt: string; level: ExpiryLevel; expiryReason: ExpiryReason }
  | { __typename: 'SessionExpiryWarning'; serverTime: string; level: ExpiryLevel; expiryReason: ExpiryReason; expiresAt: string }
  | { __typename: 'SessionExpired'; serverTime: string; expiryReason: ExpiryReason }
  | { __typename: 'ForcedLogout'; serverTime: string; logoutReason: string; endedByUserId: string | null; endedAt: string };

let expiry: Expiry | undefined;
let dismissed: number | undefined; // the deadline whose notice was put away, here or in another tab
let snapshot: { expiry: Expiry | undefined; dismissed: number | undefined } = { expiry, dismissed };
const listeners = new Set<() => void>();

function changed(): void {
  snapshot = { expiry, dismissed };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The deadlines and how near they are, and the deadline whose notice was put away. */
export const useExpiry = (): typeof snapshot => useSyncExternalStore(subscribe, () => snapshot);

/** The nearer deadline, by the server's clock. */
export const endsAt = (e: Expiry): number => Math.min(e.idleAt, e.absoluteAt);

/** Puts the notice about this deadline away, in all tabs. Another deadline has its own. */
export function dismiss(deadline: number): void {
  dismissed = deadline;
  changed();
  tell({ type: 'dismissed', deadline });
}

onTabMessage((message) => {
  if (message.type !== 'dismissed') return;
  dismissed = message.deadline;
  changed();
});

function receive(event: Event): void {
  learnServerTime(event.serverTime);
  switch (event.__typename) {
    case 'SessionState':
    case 'SessionExtended':
      expiry = { idleAt: Date.parse(event.idleExpiresAt), absoluteAt: Date.parse(event.absoluteExpiresAt), level: event.level, reason: event.expiryReason };
      break;
    case 'SessionExpiryWarning': {
      if (!expiry) return;
      const at = Date.parse(event.expiresAt);
      expiry = { ...expiry, level: event.level, reason: event.expiryReason, ...(event.expiryReason === 'IDLE' ? { idleAt: at } : { absoluteAt: at }) };
      break;
    }
    case 'SessionExpired':
      signedOut({ why: 'expired', reason: event.expiryReason, at: Date.parse(event.serverTime) });
      return;
    case 'ForcedLogout':
      if (event.logoutReason === 'REVOKED_BY_SELF') {
        if (!endsItself()) signedOut({ why: 'left' });
        return;
      }
      signedOut({ why: 'revoked', reason: event.logoutReason, at: Date.parse(event.endedAt), by: event.endedByUserId ?? undefined });
      return;
  }
  changed();
  watchDeadline();
}

let timer: ReturnType<typeof setTimeout> | undefined;

/** Looks again at the deadline itself, where the push about it may be late. */
function watchDeadline(): void {
  clearTimeout(timer);
  if (!expiry || getAuth().state !== 'in') return;
  const left = endsAt(expiry) - serverNow();
  if (left <= 0) {
    suspect({ why: 'expired', reason: expiry.idleAt < expiry.absoluteAt ? 'IDLE' : 'ABSOLUTE', at: endsAt(expiry) });
    return;
  }
  timer = setTimeout(watchDeadline, Math.min(left, 2 ** 31 - 1)); // a longer one would fire at once
}

let stop: (() => void) | undefined;

/** The socket's code comes with the first sign-in: the login page needs none. */
let loaded: typeof import('../api/socket') | undefined;

async function begin(): Promise<void> {
  if (stop) return;
  let over = false;
  stop = () => {
    over = true;
  };
  const live = (loaded ??= await import('../api/socket'));
  if (over) return;
  const listen = () =>
    live.socket().subscribe<{ sessionExpiry: Event }>(
      { query: document, operationName: 'SessionExpiry' },
      {
        next: ({ data }) => data && receive(data.sessionExpiry),
        error: () => again(),
        complete: () => again(),
      },
    );
  // It ends by itself only with the login session, or where the server refused it
  // once; then asking for a token says what is true.
  const again = () => {
    if (over) return;
    setTimeout(() => {
      if (!over && getAuth().state === 'in') {
        refresh(true, presentToken()).catch(() => {}).then(() => {
          if (!over && getAuth().state === 'in') unsubscribe = listen();
        });
      }
    }, 1000);
  };
  let unsubscribe = listen();
  stop = () => {
    over = true;
    unsubscribe();
  };
}

function end(): void {
  stop?.();
  stop = undefined;
  clearTimeout(timer);
  expiry = undefined;
  changed();
  loaded?.closeSocket();
}

/** How old the last active refresh is when a person's doing is worth another one. */
const worthAfter = 60_000; // ms

/** Somebody did something: the idle deadline moves, to the minute. */
function active(event: globalThis.Event): void {
  if (getAuth().state !== 'in' || !expiry || isYoung()) return;
  if (event.target instanceof Element && event.target.closest('[data-not-activity]')) return;
  // Where the idle window is short, sooner: a fifteenth of it.
  if (sinceStored() < Math.min(worthAfter, Math.max(0, expiry.idleAt - serverNow()) / 15)) return;
  refresh(false).catch(() => {}); // the next one tries again
}

/** Follows the login session of whoever is signed in. Called once, when the page opens. */
export function followLoginSession(): void {
  const look = () => (getAuth().state === 'in' ? void begin() : end());
  onAuth(look);
  look();
  // Text comes without keys where it is spoken, or written by an on-screen keyboard.
  for (const type of ['keydown', 'pointerdown', 'input'] as const) addEventListener(type, active, { capture: true, passive: true });
  // After sleep, timers are late by as long as it lasted.
  for (const type of ['visibilitychange', 'pageshow', 'focus', 'online'] as const) {
    (type === 'visibilitychange' ? window.document : window).addEventListener(type, watchDeadline, { capture: true });
  }
}
