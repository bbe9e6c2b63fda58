// The access token, in memory only, and how it is renewed. The refresh token is in
// a cookie that no script can read.
import { learnServerTime, serverNow } from './clock';
import { alone, attempt, forget, giveUpAfter, isYoung, markBusy, markDone, sinceRefreshedElsewhere, tokenStored } from './shared';
import { getAuth, setAuth, type Person, type SignedOut } from './store';
import { type HeldToken, onTabMessage, tell } from './tabs';

/** A token with less left than this is not sent any more. */
const spare = 10_000; // ms

let held: HeldToken | undefined;

/** The server could not be asked. What is known stays. */
export class Away extends Error {}

/** The login session is over. */
export class SessionOver extends Error {}

interface Session {
  id: string;
  user: Person;
}

/** Takes in what signing in, by whatever way, or a refresh brought. */
function hold(next: HeldToken, fromHere: boolean): void {
  held = next;
  const now = getAuth();
  const { person, loginSessionId } = next;
  if (now.state !== 'in' || now.loginSessionId !== loginSessionId || now.person.role !== person.role || now.person.name !== person.name) {
    setAuth({ state: 'in', person, loginSessionId });
  }
  if (fromHere) tell({ type: 'token', held: next });
}

/** Somebody signed in on this page. */
export function signedIn(accessToken: string, expiresAt: string, session: Session): void {
  tokenStored();
  hold(tokenOf(accessToken, expiresAt, session), true);
}

/** A new access token came outside a refresh: the old one is refused. */
export function tokenReplaced(accessToken: string, expiresAt: string): void {
  if (held) hold({ ...held, token: accessToken, expiresAt: Date.parse(expiresAt), receivedAt: Date.now() }, true);
}

function tokenOf(token: string, expiresAt: string, session: Session): HeldToken {
  const { id, name, email, role } = session.user;
  return { token, expiresAt: Date.parse(expiresAt), receivedAt: Date.now(), person: { id, name, email, role }, loginSessionId: session.id };
}

let ownEnd = 0; // until when this tab's own words about its end hold

/**
 * This tab asks for the end of its own login session and has its own words for it:
 * what the server says about that within this time is not shown.
 */
export function expectOwnEnd(ms: number): void {
  ownEnd = Date.now() + ms;
}

/** Whether this tab asked for the end itself. */
export const endsItself = (): boolean => Date.now() < ownEnd;

/** Nobody is signed in any more. The first words about it stand. */
export function signedOut(how: SignedOut, fromHere = true): void {
  // This tab's own "left" counts; what others make of the same end does not.
  if (endsItself() && (how.why !== 'left' || !fromHere)) return;
  held = undefined;
  if (fromHere) {
    forget();
    tell({ type: 'out', signedOut: how });
  }
  if (getAuth().state !== 'out') setAuth({ state: 'out', signedOut: how });
}

/**
 * The clock says that the login session is over, but nobody was told, as after
 * sleep. What was on the page is gone at once; then the server is asked, and if it
 * knows better, everything goes on.
 */
export function suspect(how: SignedOut): void {
  held = undefined;
  setAuth({ state: 'out', signedOut: how });
  refresh(true).catch(() => {});
}

onTabMessage((message) => {
  if (message.type === 'token') hold(message.held, false);
  else if (message.type === 'out') signedOut(message.signedOut, false);
  else if (message.type === 'ask' && held) tell({ type: 'token', held });
});

/** Whether there is a token to send, and it is not the one that was refused. */
const fresh = (refused?: string): boolean => held !== undefined && held.token !== refused && held.expiresAt - serverNow() > spare;

/** The access token to send; renewed first where it is about to run out. */
export async function accessToken(): Promise<string | undefined> {
  if (!fresh() && getAuth().state !== 'out') await refresh(true);
  return held?.token;
}

/** The server wants another token than this one, though its time has not run out. */
export function doubtToken(): void {
  if (held) held = { ...held, expiresAt: 0 };
}

/** The access token as it is, without asking for a new one. */
export const presentToken = (): string | undefined => held?.token;

export const tokenIsStale = (): boolean => getAuth().state === 'in' && !fresh();

let running: { passive: boolean; done: Promise<void> } | undefined;

/**
 * Renews the access token. Passive: nothing that a person did. Active: somebody did
 * something, which puts the idle deadline off; within half a minute of the last one
 * it does nothing. A refused token is one that the server does not take any more,
 * though its time has not run out. Away where the server cannot be asked, SessionOver where the login
 * session has ended, which everything on the page then knows already.
 */
export async function refresh(passive: boolean, refused?: string): Promise<void> {
  while (running) {
    const { passive: other, done } = running;
    if (!passive && other) await done.catch(() => {});
    else return done;
  }
  if (!passive && isYoung()) return;
  const done = alone(() => once(passive, refused));
  running = { passive, done };
  try {
    await done;
  } finally {
    running = undefined;
  }
}

const document = `mutation Refresh($input: RefreshInput!) {
  refresh(input: $input) { accessToken accessTokenExpiresAt loginSession { id user { id name email role } } }
}`;

async function once(passive: boolean, refused?: string): Promise<void> {
  if (passive && fresh(refused)) return; // another tab was quicker
  if (sinceRefreshedElsewhere() < tellsWithin && (await fromAnotherTab(refused))) return; // its token is on its way here
  markBusy();
  let answered = false;
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query: document, variables: { input: { attemptId: attempt(), passive } } }),
      signal: AbortSignal.timeout(giveUpAfter),
    });
    const answer = (await response.json()) as Answer;
    answered = true;
    const date = response.headers.get('date');
    // To the second only, so it counts where the clock is far off, or nothing is known.
    if (date && (getAuth().state === 'unknown' || Math.abs(Date.parse(date) - serverNow()) > 2000)) learnServerTime(date);
    take(answer, passive);
  } catch (error) {
    if (error instanceof SessionOver) throw error;
    throw new Away('the server cannot be reached', { cause: error });
  } finally {
    markDone(answered);
  }
}

interface Answer {
  data?: { refresh?: { accessToken: string; accessTokenExpiresAt: string; loginSession: Session } | null } | null;
  errors?: { message: string; extensions?: { code?: string; reason?: string } }[];
}

function take(answer: Answer, passive: boolean): void {
  const refreshed = answer.data?.refresh;
  if (refreshed) {
    if (!passive) tokenStored();
    hold(tokenOf(refreshed.accessToken, refreshed.accessTokenExpiresAt, refreshed.loginSession), true);
    return;
  }
  const { code, reason } = answer.errors?.[0]?.extensions ?? {};
  if (code !== 'UNAUTHENTICATED' || reason === 'CANNOT_VERIFY') throw new Away(answer.errors?.[0]?.message);
  const at = serverNow();
  const known = getAuth().state !== 'unknown' && getAuth().state !== 'away';
  switch (reason) {
    case 'SESSION_EXPIRED_IDLE':
      signedOut({ why: 'expired', reason: 'IDLE', at });
      break;
    case 'SESSION_EXPIRED_ABSOLUTE':
      signedOut({ why: 'expired', reason: 'ABSOLUTE', at });
      break;
    case 'SESSION_REVOKED':
      signedOut({ why: 'revoked', reason, at, by: undefined });
      break;
    default: // no cookie, or none that this server made
      if (known) signedOut({ why: 'expired', reason: undefined, at });
      else setAuth({ state: 'out', signedOut: undefined });
  }
  throw new SessionOver();
}

/** How long a tab may take to tell the others its new token: on a busy machine it took over two seconds. */
const tellsWithin = 5000;

/** Asks the other tabs for their token and waits a moment for it. */
function fromAnotherTab(refused?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (found: boolean) => {
      clearTimeout(timer);
      stop();
      resolve(found);
    };
    const stop = onTabMessage((message) => {
      if (message.type === 'token' && fresh(refused)) end(true); // it was taken in before
    });
    const timer = setTimeout(() => end(false), tellsWithin);
    tell({ type: 'ask' });
  });
}

/** Finds out, when the page opens, whether somebody is signed in. */
export async function start(): Promise<void> {
  try {
    await refresh(true);
  } catch (error) {
    if (error instanceof Away) setAuth({ state: 'away' });
  }
}
