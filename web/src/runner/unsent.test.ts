import { Client, CombinedError, fetchExchange } from '@urql/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { WalkFragment } from '../gql/graphql';
import { type Deed, enqueue, mayPass, type Sent, sendUnsent, shown, takeBack } from './unsent';
import { readDraft } from './drafts';

const place = { treeId: 't', treeVersion: 1, title: 'T', nodeId: null, arrival: 'START' as const };
const stepAt = (step: number, nodeId: string) => ({ step, nodeId, place, own: false, undone: false });
/** A walk that took these nodes and stands on the last one. */
const walkOn = (...ids: string[]) =>
  ({
    id: 'tses_w', status: 'IN_PROGRESS', step: ids.length - 1, heldBy: { id: 'u', name: 'U' }, places: [place],
    steps: ids.slice(0, -1).map((id, i) => stepAt(i + 1, id)), currentNode: { nodeId: ids.at(-1) },
  }) as unknown as WalkFragment;
const answer = (to: string | undefined): Deed => ({ what: 'advance', optionId: 'yes', values: [], note: '', output: '', to });
const back = (toStep: number | null = null): Deed => ({ what: 'back', toStep });
const note: Deed = { what: 'note', text: 'n', output: '' };
const waits = (from: number, ...deeds: Deed[]): Sent[] => deeds.map((deed, i) => ({ key: `k${i}`, on: from + i, said: '', deed }));

describe('what is shown ahead of the server', () => {
  const walk = walkOn('a', 'b', 'c'); // steps 1 (a) and 2 (b), now on c
  const at = (...deeds: Deed[]) => {
    const { nodeId, steps, left } = shown(walk, waits(2, ...deeds));
    return [nodeId, steps.map((s) => s.nodeId).join(''), left];
  };
  it.each<[string, Deed[], unknown[]]>([
    ['nothing', [], ['c', 'ab', 0]],
    ['an answer', [answer('d')], ['d', 'ab', 1]],
    ['an answer whose way only the server knows', [answer(undefined)], [undefined, 'ab', 1]],
    ['two answers and back', [answer('d'), answer('e'), back()], ['d', 'ab', 1]],
    ['back from where only the server knows', [answer(undefined), back()], ['c', 'ab', 0]],
    ['back', [back()], ['b', 'a', 0]],
    ['back twice, and on', [back(), back(), answer('x')], ['x', '', 1]],
    ['back to a step, over answers that wait', [answer('d'), back(1)], ['a', '', 0]],
    ['back beyond the first step', [back(), back(), back()], [undefined, '', 0]],
    ['a note', [note], ['c', 'ab', 0]],
  ])('%s', (_, deeds, want) => {
    expect(at(...deeds)).toEqual(want);
  });

  it('shows a note that waits on its step alone', () => {
    expect(shown(walk, waits(2, note)).notes).toEqual([{ text: 'n', output: '' }]);
    expect(shown(walk, waits(2, note, answer('d'))).notes).toEqual([]);
  });

  it('does nothing twice while the answer is here and the list does not know', () => {
    expect(shown(walkOn('a', 'b', 'c', 'd'), waits(2, answer('d'))).nodeId).toBe('d');
    expect(shown(walkOn('a', 'b'), waits(0, back())).nodeId).toBe('b');
  });
});

it('knows what may pass from what will not', () => {
  const answered = (code: string) => new CombinedError({ graphQLErrors: [{ message: '', extensions: { code } }] });
  const failed = (status?: number) => new CombinedError({ networkError: new Error('x'), ...(status !== undefined && { response: { status } }) });
  for (const error of [failed(), failed(200), failed(502), failed(429), answered('UNAVAILABLE'), answered('UNAUTHENTICATED')]) expect(mayPass(error)).toBe(true);
  for (const error of [failed(400), failed(413), answered('CONFLICT'), answered('BAD_USER_INPUT'), answered('INTERNAL_SERVER_ERROR')]) expect(mayPass(error)).toBe(false);
});

/** A server with one walk, as far as a queue meets it: guards, keys, and a line that may be cut. */
function server(first: WalkFragment) {
  const state = { walk: first, line: 'up' as 'up' | 'down' | 'lost answers', done: [] as string[], keys: new Map<string, number>() };
  const moved = (nodeId: string): WalkFragment => ({ ...state.walk, step: state.walk.step + 1, steps: [...state.walk.steps, stepAt(state.walk.step + 1, state.walk.currentNode?.nodeId ?? '')], currentNode: { nodeId } }) as unknown as WalkFragment;
  const mutate = (input: { expectedStep: number; idempotencyKey: string }, name: string) => {
    if (state.line === 'down') throw new TypeError('no line');
    if (!state.keys.has(input.idempotencyKey)) {
      if (input.expectedStep !== state.walk.step) return { errors: [{ message: 'It moved on.', extensions: { code: 'CONFLICT' } }] };
      state.walk = name === 'addNote' ? { ...state.walk, step: state.walk.step + 1 } : moved(`n${state.walk.step + 1}`);
      state.keys.set(input.idempotencyKey, state.walk.step);
      state.done.push(name);
    }
    if (state.line === 'lost answers') throw new TypeError('the answer was lost');
    return { data: { [name]: { session: state.walk } } };
  };
  const client = new Client({
    url: 'http://localhost/graphql',
    preferGetMethod: false,
    exchanges: [fetchExchange],
    fetch: async (_, init) => {
      const { query, variables } = JSON.parse(String(init?.body)) as { query: string; variables: { input: { expectedStep: number; idempotencyKey: string } } };
      const name = /(advanceSession|addNote|goBack)\(/.exec(query)?.[1];
      const json = name ? mutate(variables.input, name) : { data: { session: state.walk } };
      return new Response(JSON.stringify(json), { headers: { 'content-type': 'application/json' } });
    },
  });
  return { state, client, colleague: (what: 'step' | 'hint') => (state.walk = what === 'hint' ? { ...state.walk, step: state.walk.step + 1 } : moved('elsewhere')) };
}

const kept = () => JSON.parse(readDraft('u', 'tses_w.unsent') || '{"list":[]}') as { list: Sent[]; refused?: { message: string } };
const settled = () => vi.waitFor(() => expect(kept().list.length === 0 || kept().refused).toBeTruthy());

describe('sending', () => {
  beforeEach(() => {
    localStorage.clear();
    takeBack('u', 'tses_w');
  });

  it('sends in order, once the line is there, each once', async () => {
    const { state, client } = server(walkOn('a'));
    state.line = 'down';
    const stop = sendUnsent(client, 'u', () => {});
    for (const deed of [answer('b'), note, back()]) enqueue('u', state.walk, deed, '');
    await vi.waitFor(() => expect(kept().list).toHaveLength(3));
    state.line = 'up';
    dispatchEvent(new Event('online'));
    await settled();
    expect(state.done).toEqual(['advanceSession', 'addNote', 'goBack']);
    stop();
  });

  it('does nothing twice where the answers were lost, and outlives the page', async () => {
    const { state, client } = server(walkOn('a'));
    state.line = 'lost answers';
    const stop = sendUnsent(client, 'u', () => {});
    enqueue('u', state.walk, answer('b'), '');
    enqueue('u', state.walk, answer('c'), '');
    await vi.waitFor(() => expect(state.done).toHaveLength(1));
    stop();
    expect(kept().list).toHaveLength(2);
    state.line = 'up';
    sendUnsent(client, 'u', () => {})(); // a page that is left at once sends nothing more than what it began
    const stopAgain = sendUnsent(client, 'u', () => {});
    await vi.waitFor(() => {
      dispatchEvent(new Event('online'));
      expect(kept().list).toHaveLength(0);
    });
    expect(state.done).toEqual(['advanceSession', 'advanceSession']);
    stopAgain();
  });

  it('goes on after a colleague’s hint, which is no step', async () => {
    const { state, client, colleague } = server(walkOn('a'));
    const stop = sendUnsent(client, 'u', () => {});
    const before = state.walk;
    colleague('hint');
    enqueue('u', before, answer('b'), '');
    enqueue('u', before, note, '');
    await settled();
    expect(kept().refused).toBeUndefined();
    expect(state.done).toEqual(['advanceSession', 'addNote']);
    stop();
  });

  it('takes nothing of what was done where a colleague took a step, and keeps it for the page to say so', async () => {
    const { state, client, colleague } = server(walkOn('a'));
    const refused = vi.fn();
    const stop = sendUnsent(client, 'u', refused);
    const before = state.walk;
    colleague('step');
    enqueue('u', before, answer('b'), 'Yes');
    enqueue('u', before, note, 'a note');
    await vi.waitFor(() => expect(kept().refused?.message).toBe('It moved on.'));
    expect(kept().list.map((s) => s.said)).toEqual(['Yes', 'a note']);
    expect(state.done).toEqual([]);
    stop();
  });

  it('builds nothing on a colleague’s step that came after an answer which was lost', async () => {
    const { state, client, colleague } = server(walkOn('a'));
    state.line = 'lost answers';
    const stop = sendUnsent(client, 'u', () => {});
    enqueue('u', state.walk, answer('b'), 'Yes');
    enqueue('u', state.walk, answer('c'), 'No');
    await vi.waitFor(() => expect(state.done).toHaveLength(1));
    colleague('step');
    state.line = 'up';
    await vi.waitFor(() => {
      dispatchEvent(new Event('online'));
      expect(kept().refused).toBeTruthy();
    });
    expect(kept().list.map((s) => s.said)).toEqual(['No']);
    expect(state.done).toEqual(['advanceSession']);
    stop();
  });
});
