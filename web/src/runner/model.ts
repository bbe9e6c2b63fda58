// What the runner works out by itself: where an answer leads, and how a walk reads.
import type { TreeOutcome, TreeTest, WalkFragment, WalkNodeFragment } from '../gql/graphql';
import { counted, messages } from '../messages/en';

export type WalkNode = WalkNodeFragment;
export type InputField = Extract<WalkNode, { __typename: 'InputNode' }>['fields'][number];

export type Step = WalkFragment['steps'][number];
export type Value = WalkFragment['values'][number];
export type Known = Pick<Value, 'name' | 'text'>;
/** What a text is filled with. */
export type Filling = Pick<WalkFragment, 'values' | 'client'>;

/** The class of a node's mark on the line: shape by kind, colour by outcome. */
export function markOf(node: { __typename: WalkNode['__typename']; outcome?: TreeOutcome }): string {
  switch (node.__typename) {
    case 'DecisionNode':
      return 'mk-d';
    case 'ActionNode':
      return 'mk-a';
    case 'InputNode':
      return 'mk-i';
    case 'SubtreeNode':
      return 'mk-t';
    case 'SolutionNode':
      return outcomeMark(node.outcome);
  }
}

export const outcomeMark = (outcome: TreeOutcome | null | undefined): string => (outcome ? { RESOLVED: 'mk-r', ESCALATED: 'mk-e', UNRESOLVED: 'mk-u' }[outcome] : 'mk-p');

/** The class of the mark of a step that was taken. */
export function stepMark(step: Pick<Step, 'kind' | 'own' | 'how'>): string {
  if (step.own) return 'mk-p';
  if (step.how === 'SWITCH' || step.how === 'RETURN') return 'mk-t';
  switch (step.kind) {
    case 'ACTION':
      return 'mk-a';
    case 'INPUT':
      return 'mk-i';
    case 'SOLUTION':
      return 'mk-p';
    default:
      return 'mk-d';
  }
}

/** The ids that a node leads to. */
export function waysOf(node: WalkNode): string[] {
  const ways = 'options' in node ? node.options.map((o) => o.target) : [];
  if ('branches' in node) ways.push(...node.branches.map((b) => b.target));
  if ('next' in node && node.next) ways.push(node.next);
  return ways.filter(Boolean);
}

const tests: Record<TreeTest, (value: string) => string> = {
  EQUALS: (value) => value,
  CONTAINS: (value) => `contains ${value}`,
  LESS: (value) => `below ${value}`,
  GREATER: (value) => `above ${value}`,
  IS_SET: () => 'is known',
};

/** What stands over each of a node's ways: its answers, what a value has to be, and what is left. `labels` are those of the tree's fields. */
export function wordsOfWays(node: WalkNode, labels: ReadonlyMap<string, string>): (string | undefined)[] {
  const answers = 'options' in node ? node.options.map((o) => o.label) : [];
  const branches = 'branches' in node ? node.branches.map((b) => `${labels.get(b.name) ?? b.name} ${tests[b.test](b.value)}`) : [];
  return [...answers, ...branches, branches.length > 0 ? 'Otherwise' : undefined];
}

/** Where an answer leads, in a few words: the solution, the action, or how many questions there are still at most. */
export function whereItLeads(nodes: Map<string, WalkNode>, target: string, known: Filling = { values: [], client: null }): { mark: string; words: string } | undefined {
  const node = nodes.get(target);
  if (!node) return undefined;
  const mark = markOf(node);
  const title = fill(node.title, known.values, known.client);
  if (node.__typename === 'SolutionNode') return { mark, words: title };
  if (node.__typename === 'DecisionNode') {
    const more = questionsFrom(nodes, target);
    return { mark, words: more > 1 ? counted(more, 'more question', 'more questions') : title };
  }
  return { mark, words: title };
}

/** How many questions there are on the longest way from a node, itself included. Ways round in a circle are walked once. */
function questionsFrom(nodes: Map<string, WalkNode>, from: string): number {
  const known = new Map<string, number>();
  const visit = (id: string, above: Set<string>): number => {
    const done = known.get(id);
    if (done !== undefined) return done;
    const node = nodes.get(id);
    if (!node || above.has(id)) return 0;
    above.add(id);
    const below = Math.max(0, ...waysOf(node).map((way) => visit(way, above)));
    above.delete(id);
    const all = below + (node.__typename === 'DecisionNode' ? 1 : 0);
    known.set(id, all);
    return all;
  };
  return visit(from, new Set());
}

/** Fills what is known, values and facts of the client, into a text; the server does the same with what it keeps. */
export function fill(text: string, values: readonly Known[], client?: WalkFragment['client']): string {
  return text.replaceAll(/\{\{\s*(client\.)?([a-z][a-z0-9_]*)\s*\}\}/g, (whole, ofClient: string | undefined, name: string) => {
    if (!ofClient) return values.find((v) => v.name === name)?.text ?? whole;
    return (name === 'name' ? client?.name : client?.facts.find((f) => f.name === name)?.text) ?? whole;
  });
}

/** What a step's row says was answered. */
export function answerOf(step: Step): string {
  if (step.how === 'SWITCH') return step.answer ? `Switched to ${step.answer}` : 'Went on without a tree';
  if (step.how === 'RETURN') return `Back to ${step.answer}`;
  if (step.answer) return step.answer;
  if (step.values.length > 0) return step.values.map((v) => v.text).join(', ');
  if (step.how === 'ANSWER') return 'Done';
  return '';
}

/** Whether other ways led on from a step than the one taken. */
export const hadOtherWays = (step: Step): boolean => step.kind === 'DECISION' || (step.kind === 'ACTION' && step.answer !== null);

/** The letters that do something on every step, whatever its answers are. */
const toolKeys = new Set(['c', 'd', 'n', 'o', 'p', '0']);

/**
 * The keys of answers: what the author chose, and else the digits in order. Where an
 * author chose a tool's key, all the step's answers have digits: a key that was a note
 * one step ago must not answer now.
 */
export function answerKeys(given: readonly { key: string }[]): string[] {
  const options = given.some((o) => toolKeys.has(o.key)) ? given.map(() => ({ key: '' })) : given;
  const taken = new Set(options.map((o) => o.key).filter(Boolean));
  let digit = 0;
  return options.map((o) => {
    if (o.key) return o.key;
    do digit++;
    while (taken.has(String(digit)));
    return digit <= 9 ? String(digit) : '';
  });
}

/** How many of the steps that stand are undone by going back to one of them. */
export const undoneByGoingBackTo = (steps: readonly Step[], step: number): number => steps.filter((s) => !s.undone && s.step >= step).length;

/** The seconds of work so far: what the server counted, and the pause that lasts, of which half an hour counts. */
export function secondsOpen(walk: Pick<WalkFragment, 'activeSeconds' | 'status' | 'startedAt' | 'steps' | 'currentNotes'>, now: number): number {
  if (walk.status !== 'IN_PROGRESS') return walk.activeSeconds;
  const last = Math.max(
    Date.parse(walk.startedAt),
    ...walk.steps.flatMap((s) => [Date.parse(s.leftAt), ...s.notes.map((n) => Date.parse(n.writtenAt))]),
    ...walk.currentNotes.map((n) => Date.parse(n.writtenAt)),
  );
  return walk.activeSeconds + Math.min(30 * 60, Math.max(0, (now - last) / 1000));
}

export const outcomeWords = (walk: Pick<WalkFragment, 'status' | 'outcome'>): string =>
  walk.status === 'ABANDONED' ? 'Given up' : walk.outcome ? messages.outcomes[walk.outcome] : 'In progress';

/** Why a value is not one that the field takes, or undefined. The server decides; this is for the moment of typing. */
export function valueProblem(field: InputField, text: string): string | undefined {
  const value = text.trim();
  if (value === '') return field.required ? 'This is needed to go on.' : undefined;
  if (field.type === 'NUMBER' && !/^-?\d+([.,]\d+)?$/.test(value)) return 'Write a number, such as 12 or -3.5.';
  return undefined;
}
