import { describe, expect, it } from 'vitest';
import { answerKeys, answerOf, fill, secondsOpen, type Step, undoneByGoingBackTo, type Value, type WalkNode, whereItLeads, wordsOfWays } from './model';

const option = (target: string, key = '') => ({ optionId: target, label: target, key, target });
const decision = (nodeId: string, ...targets: string[]): WalkNode => ({ __typename: 'DecisionNode', nodeId, title: `Is it ${nodeId}?`, text: '', links: [], options: targets.map((t) => option(t)) });
const solution = (nodeId: string): WalkNode => ({ __typename: 'SolutionNode', nodeId, title: `It was ${nodeId}`, text: '', links: [], outcome: 'ESCALATED', followUps: [], continue: false });
const nodes = (...list: WalkNode[]) => new Map(list.map((n) => [n.nodeId, n]));
const value = (name: string, text: string): Value => ({ name, label: name, type: 'TEXT', text, sensitive: false });
const step = (n: number, more: Partial<Step> = {}): Step => ({
  step: n, how: 'ANSWER', own: false, place: { treeId: null, treeVersion: null, title: '', nodeId: null, arrival: 'START' }, nodeId: 'a', kind: 'DECISION', title: 'Q', text: '',
  answer: 'Yes', values: [], output: '', notes: [], enteredAt: '2026-11-23T14:00:00Z', leftAt: '2026-11-23T14:01:00Z', by: { id: 'u', name: 'U' }, undone: false, ...more,
});

describe('where an answer leads', () => {
  const graph = nodes(decision('a', 'b', 'end'), decision('b', 'c', 'end'), decision('c', 'end', 'a'), solution('end'));
  it('names a solution', () => {
    expect(whereItLeads(graph, 'end')).toEqual({ mark: 'mk-e', words: 'It was end' });
  });
  it('counts the questions that follow, and goes round no circle', () => {
    expect(whereItLeads(graph, 'b')?.words).toBe('3 more questions');
  });
  it('names a last question', () => {
    expect(whereItLeads(nodes(decision('x', 'end'), solution('end')), 'x')?.words).toBe('Is it x?');
  });
  it('knows nothing of what is not there', () => {
    expect(whereItLeads(graph, 'gone')).toBeUndefined();
  });
});

it('fills in values that are known and leaves others as they are', () => {
  expect(fill('Ping {{gateway}} from {{ site }}', [value('gateway', '10.0.0.1')])).toBe('Ping 10.0.0.1 from {{ site }}');
});

it('fills in facts of the client, and leaves standing what it does not know of it', () => {
  const client = { id: 'c', name: 'Brink', ticketKey: null, facts: [{ name: 'vpn', text: 'vpn-2' }] };
  expect(fill('{{client.name}} by {{ client.vpn }}, {{client.gateway}}, {{vpn}}', [], client)).toBe('Brink by vpn-2, {{client.gateway}}, {{vpn}}');
  expect(fill('{{client.name}}', [value('name', 'x')])).toBe('{{client.name}}');
});

it('gives digits to answers whose author chose no key, around those that are taken', () => {
  expect(answerKeys([option('a'), option('b', '2'), option('c'), option('d', 'y')])).toEqual(['1', '2', '3', 'y']);
});

it('says over each way what leads there', () => {
  const input: WalkNode = { __typename: 'InputNode', nodeId: 'i', title: 'Ping it', text: '', links: [], fields: [], branches: [{ name: 'ping', test: 'EQUALS', value: 'yes', target: 'a' }, { name: 'ms', test: 'GREATER', value: '20', target: 'b' }], next: 'c' };
  expect(wordsOfWays(input, new Map([['ping', 'Does it answer?']]))).toEqual(['Does it answer? yes', 'ms above 20', 'Otherwise']);
  expect(wordsOfWays(decision('a', 'b'), new Map())).toEqual(['b', undefined]);
});

it('gives all answers digits where one has the key of a tool', () => {
  expect(answerKeys([option('a', 'y'), option('b', 'n')])).toEqual(['1', '2']);
});

it('has no key for the tenth answer', () => {
  expect(answerKeys(Array.from({ length: 10 }, (_, i) => option(String(i)))).at(-1)).toBe('');
});

it.each([
  [step(1), 'Yes'],
  [step(1, { answer: null, values: [value('a', '1'), value('b', '2')] }), '1, 2'],
  [step(1, { answer: null }), 'Done'],
  [step(1, { how: 'SWITCH', answer: 'Slow Wi-Fi' }), 'Switched to Slow Wi-Fi'],
  [step(1, { how: 'SWITCH', answer: null }), 'Went on without a tree'],
])('a step says what was answered', (s, words) => {
  expect(answerOf(s)).toBe(words);
});

it('counts what going back undoes', () => {
  expect(undoneByGoingBackTo([step(1), step(2, { undone: true }), step(4), step(5)], 4)).toBe(2);
});

describe('time open', () => {
  const walk = { activeSeconds: 60, status: 'IN_PROGRESS' as const, startedAt: '2026-11-23T14:00:00Z', steps: [step(1)], currentNotes: [] };
  it('runs on from the last entry', () => {
    expect(secondsOpen(walk, Date.parse('2026-11-23T14:01:30Z'))).toBe(90);
  });
  it('counts half an hour of a longer pause', () => {
    expect(secondsOpen(walk, Date.parse('2026-11-23T18:00:00Z'))).toBe(60 + 1800);
  });
  it('stands still at the end', () => {
    expect(secondsOpen({ ...walk, status: 'COMPLETED' }, Date.parse('2026-11-23T18:00:00Z'))).toBe(60);
  });
});
