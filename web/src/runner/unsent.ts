// What somebody did in a walk and the server has not answered yet. It is kept on this
// device, sent one after the other, and sent again where no answer came: each has a
// key of its own, so the server does it once. On a train that means that answers,
// notes and going back work in a tunnel too.
import type { Client, CombinedError } from '@urql/core';
import { useSyncExternalStore } from 'react';
import { type Failure, failureOf } from '../api/errors';
import { onReturn } from '../api/socket';
import { random } from '../auth/shared';
import { getAuth, onAuth } from '../auth/store';
import type { WalkFragment } from '../gql/graphql';
import { AddNote, Advance, GoBack, ReturnToTree, WalkQuery } from './documents';
import { draftsOf, readDraft, writeDraft } from './drafts';
import type { Step } from './model';

export type Deed =
  | { what: 'advance'; optionId: string | null; values: { name: string; text: string }[]; note: string; output: string; to: string | undefined } // to: the node that it leads to, where the page can know
  | { what: 'note'; text: string; output: string }
  | { what: 'back'; toStep: number | null }
  | { what: 'return' };

export interface Sent {
  key: string;
  on: number; // the session's step that it builds on
  said: string; // in words, for the case that it is not taken
  deed: Deed;
}

/** What of a walk waits. */
export interface Unsent {
  list: readonly Sent[];
  stood: string; // where the walk stood when the first of them was done
  stuck: boolean; // no answer came to the first of them; it is sent again
  refused: Failure | undefined; // the server took none of them, and said why
}

const nothing: Unsent = { list: [], stood: '', stuck: false, refused: undefined };

/** After how long it is sent again, where nothing says that the connection is back. */
const retryAfter = 10_000; // ms

const suffix = '.unsent';
const about = (walkId: string) => `${walkId}${suffix}`;
const walks = new Map<string, Unsent>(); // by draft, as read from this device
const listeners = new Set<() => void>();

function read(userId: string, walkId: string): Unsent {
  const key = `${userId} ${walkId}`;
  let unsent = walks.get(key);
  if (!unsent) {
    unsent = nothing;
    try {
      unsent = { ...nothing, ...(JSON.parse(readDraft(userId, about(walkId)) || '{}') as Partial<Unsent>) };
    } catch {
      // It holds something else: nothing waits.
    }
    walks.set(key, unsent);
  }
  return unsent;
}

function write(userId: string, walkId: string, unsent: Unsent): void {
  walks.set(`${userId} ${walkId}`, unsent);
  writeDraft(userId, about(walkId), unsent.list.length > 0 ? JSON.stringify({ list: unsent.list, stood: unsent.stood, refused: unsent.refused }) : '');
  for (const listener of listeners) listener();
}

// What is kept on this device stays, where somebody did not sign out on purpose.
onAuth(() => {
  if (getAuth().state === 'in') return;
  walks.clear();
  for (const listener of listeners) listener();
});

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What of a walk waits to be sent. */
export const useUnsent = (userId: string, walkId: string): Unsent => useSyncExternalStore(listen, () => read(userId, walkId));

/** Where a walk stands, so that what only happened beside it is told from a step. */
export const standing = (walk: Pick<WalkFragment, 'steps' | 'currentNode' | 'heldBy' | 'status'>): string =>
  JSON.stringify([walk.status, walk.heldBy.id, walk.currentNode?.nodeId, walk.steps.map((s) => [s.step, s.undone])]);

/** Keeps what somebody did on top of what waits, and sends it. */
export function enqueue(userId: string, walk: WalkFragment, deed: Deed, said: string): void {
  const { list, stood, stuck } = read(userId, walk.id);
  const last = list.at(-1);
  write(userId, walk.id, {
    list: [...list, { key: random(), on: Math.max(walk.step, last ? last.on + 1 : 0), said, deed }],
    stood: last ? stood : standing(walk),
    stuck,
    refused: undefined,
  });
  void send(walk.id);
}

/** Forgets what was refused, once the page has taken it back. */
export const takeBack = (userId: string, walkId: string): void => write(userId, walkId, nothing);

/** Whose things are sent now, and how. */
let sender: { client: Client; userId: string } | undefined;
const sending = new Set<string>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();

/**
 * Sends what waits of all walks of somebody who is signed in: at once, and whenever the
 * connection is back, until the returned function is called. `onRefused` hears of a walk
 * of which the server did not take what was done.
 */
export function sendUnsent(client: Client, userId: string, onRefused: (walkId: string) => void): () => void {
  const mine = { client, userId };
  sender = mine;
  const all = () => {
    for (const draft of draftsOf(userId)) if (draft.endsWith(suffix)) void send(draft.slice(0, -suffix.length), onRefused);
  };
  all();
  const stop = onReturn(all);
  addEventListener('online', all);
  return () => {
    stop();
    removeEventListener('online', all);
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
    if (sender === mine) sender = undefined;
  };
}

/** Sends what waits of a walk, in order, until there is nothing more, no answer comes, or the server refuses. */
async function send(walkId: string, onRefused?: (walkId: string) => void): Promise<void> {
  if (sending.has(walkId)) return;
  sending.add(walkId);
  clearTimeout(timers.get(walkId));
  try {
    for (let by = sender; by && sender === by; ) {
      const { list, refused } = read(by.userId, walkId);
      const first = list[0];
      if (!first || refused) return;
      const { session, error } = await ask(by.client, walkId, first);
      const now = read(by.userId, walkId);
      if (now.list[0]?.key !== first.key) return; // somebody signed out on purpose
      if (session) {
        // After an answer that was lost, others may have gone on: what comes next then does not build on it.
        write(by.userId, walkId, { ...now, list: now.list.slice(1), stood: session.step === first.on + 1 ? standing(session) : '', stuck: false });
      } else if (error && mayPass(error)) {
        write(by.userId, walkId, { ...now, stuck: true });
        timers.set(
          walkId,
          setTimeout(() => void send(walkId, onRefused), retryAfter),
        );
        return;
      } else if (!(await buildAnew(by, walkId, first, error))) {
        write(by.userId, walkId, { ...read(by.userId, walkId), stuck: false, refused: failureOf(error) });
        onRefused?.(walkId);
        return;
      }
    }
  } finally {
    sending.delete(walkId);
  }
}

async function ask(client: Client, walkId: string, { key, on, deed }: Sent): Promise<{ session: WalkFragment | undefined; error: CombinedError | undefined }> {
  const guard = { sessionId: walkId, expectedStep: on, idempotencyKey: key };
  switch (deed.what) {
    case 'advance': {
      const { optionId, values, note, output } = deed;
      const { data, error } = await client.mutation(Advance, { input: { ...guard, optionId, values, note, output } }).toPromise();
      return { session: data?.advanceSession.session, error };
    }
    case 'note': {
      const { data, error } = await client.mutation(AddNote, { input: { ...guard, text: deed.text, output: deed.output } }).toPromise();
      return { session: data?.addNote.session, error };
    }
    case 'back': {
      const { data, error } = await client.mutation(GoBack, { input: { ...guard, toStep: deed.toStep } }).toPromise();
      return { session: data?.goBack.session, error };
    }
    case 'return': {
      const { data, error } = await client.mutation(ReturnToTree, { input: guard }).toPromise();
      return { session: data?.returnToTree.session, error };
    }
  }
}

/** Whether the same may succeed later: nobody answered, or nobody who knows. */
export function mayPass(error: CombinedError): boolean {
  if (error.networkError) {
    const status = (error.response as Response | undefined)?.status ?? 0;
    return status < 400 || status >= 500 || status === 408 || status === 429;
  }
  return ['UNAVAILABLE', 'UNAUTHENTICATED', 'RATE_LIMITED'].includes(String(error.graphQLErrors[0]?.extensions?.code));
}

/**
 * Builds what waits on the session's present record, where that grew without a step, as
 * by a colleague's hint. Where somebody took a step, it cannot.
 */
async function buildAnew({ client, userId }: NonNullable<typeof sender>, walkId: string, first: Sent, error: CombinedError | undefined): Promise<boolean> {
  if (error?.graphQLErrors[0]?.extensions?.code !== 'CONFLICT') return false;
  const { data } = await client.query(WalkQuery, { id: walkId }, { requestPolicy: 'network-only' }).toPromise();
  const walk = data?.session;
  const now = read(userId, walkId);
  if (!walk || walk.step <= first.on || standing(walk) !== now.stood) return false;
  const by = walk.step - first.on;
  write(userId, walkId, { ...now, list: now.list.map((s) => ({ ...s, on: s.on + by })) });
  return true;
}

/** What the page shows of a walk: as it is, and what waits done on top. */
export interface Shown {
  steps: Step[]; // those that stand
  nodeId: string | null | undefined; // undefined where only the server knows
  left: number; // answers that wait
  moved: boolean; // it is not the step on which the walk stands
  notes: { text: string; output: string }[]; // that wait, on the step that is shown
}

/** Does in front of the eye what the server will do with what waits. */
export function shown(walk: Pick<WalkFragment, 'step' | 'steps' | 'currentNode' | 'places'>, list: readonly Sent[]): Shown {
  let steps = walk.steps.filter((s) => !s.undone);
  let nodeId: Shown['nodeId'] = walk.currentNode?.nodeId ?? null;
  let notes: Shown['notes'] = [];
  let moved = false;
  const left: Shown['nodeId'][] = [];
  const place = walk.places.at(-1);
  const nodeOf = (step: Step | undefined) => (step && !step.own && step.place.treeId === place?.treeId && step.place.treeVersion === place?.treeVersion ? (step.nodeId ?? undefined) : undefined);
  for (const { on, deed } of list) {
    if (on < walk.step) continue; // the answer is here, and about to be taken off the list
    if (deed.what === 'note') {
      notes = [...notes, { text: deed.text, output: deed.output }];
      continue;
    }
    notes = [];
    moved = true;
    if (deed.what === 'advance') {
      left.push(nodeId);
      nodeId = deed.to;
    } else if (deed.what === 'return') {
      nodeId = undefined;
    } else if (deed.toStep === null && left.length > 0) {
      nodeId = left.pop();
    } else {
      left.length = 0;
      const to = deed.toStep === null ? steps.length - 1 : steps.findIndex((s) => s.step === deed.toStep);
      nodeId = nodeOf(steps[to]);
      steps = steps.slice(0, Math.max(0, to));
    }
  }
  return { steps, nodeId, left: left.length, moved, notes };
}
