import { buildSchema, type GraphQLEnumType } from 'graphql';
import { describe, expect, inject, it } from 'vitest';
import { kindGroups, kindWords, remarkable } from '../messages/audit';
import { byDay, dayWords, type Entry, factsOf, fileOf, filterOf, isBackwards, type Log, mostKept, passes, searchOf, withEntry, withPage, withWaiting } from './audit';

const actions = (buildSchema(inject('schema')).getType('AuditAction') as GraphQLEnumType).getValues().map((v) => v.name);

it('has words for every kind of entry that the API knows, and no others', () => {
  expect(Object.keys(kindWords).sort()).toEqual([...actions].sort());
  expect(new Set(Object.values(kindWords)).size).toBe(actions.length);
});

it('has every kind in one group', () => {
  expect(kindGroups.flatMap((g) => g.kinds).sort()).toEqual([...actions].sort());
  for (const kind of remarkable) expect(actions).toContain(kind);
});

const entry = (id: string, happenedAt: string, more: Partial<Entry> = {}): Entry =>
  ({ __typename: 'AuditEntry', id, happenedAt, action: 'SIGNED_IN', summary: `${id}.`, actor: null, subject: null, loginSessionId: null, device: null, ip: '', details: [], cursor: id, ...more }) as Entry;
const ann = { __typename: 'User', id: 'user_ann', name: 'Ann', email: 'ann@example.com' } as const;

describe('an address', () => {
  it.each([
    [{}, {}],
    [{ kind: 'SIGNED_IN,NONSENSE,SIGNED_IN,SIGNED_OUT' }, { kind: 'SIGNED_IN,SIGNED_OUT' }],
    [{ kind: 'toString' }, {}],
    [{ kind: '', person: '', time: 'constructor', from: 'yesterday', to: '2026-13-01' }, {}],
    [{ person: 'user_x', from: '2026-11-01', to: '2026-11-30' }, { person: 'user_x', from: '2026-11-01', to: '2026-11-30' }],
    [{ time: '7d', from: '2026-11-01' }, { time: '7d' }],
  ])('%j means %j', (raw, search) => {
    expect(searchOf(raw)).toEqual(search);
  });

  const now = new Date(2026, 10, 28, 14, 43).getTime();
  it('asks for whole days where the reader is, both of them in', () => {
    expect(filterOf({ from: '2026-11-01', to: '2026-11-30' }, now)).toEqual({ beginsAt: new Date(2026, 10, 1).toISOString(), endsAt: new Date(2026, 11, 1).toISOString() });
    expect(filterOf({ time: 'today' }, now)).toEqual({ beginsAt: new Date(2026, 10, 28).toISOString() });
    expect(filterOf({ time: '7d' }, now)).toEqual({ beginsAt: new Date(2026, 10, 22).toISOString() });
    expect(filterOf({ kind: 'SIGNED_IN', person: 'user_x' }, now)).toEqual({ actions: ['SIGNED_IN'], userId: 'user_x' });
    expect(filterOf({}, now)).toEqual({});
  });

  it('may be the wrong way round', () => {
    expect(isBackwards({ from: '2026-11-02', to: '2026-11-01' })).toBe(true);
    expect(isBackwards({ from: '2026-11-01', to: '2026-11-01' })).toBe(false);
    expect(isBackwards({ from: '2026-11-02' })).toBe(false);
  });

  it('has a file that says the same', () => {
    expect(fileOf({})).toBe('/audit-log.csv');
    expect(fileOf({ actions: ['SIGNED_IN', 'SIGNED_OUT'], userId: 'user_x', beginsAt: '2026-11-01T00:00:00.000Z' })).toBe('/audit-log.csv?action=SIGNED_IN&action=SIGNED_OUT&user=user_x&from=2026-11-01T00%3A00%3A00.000Z');
  });
});

it.each<[Partial<Entry>, Parameters<typeof passes>[1], boolean]>([
  [{}, {}, true],
  [{}, { actions: ['SIGNED_OUT'] }, false],
  [{}, { actions: ['SIGNED_OUT', 'SIGNED_IN'] }, true],
  [{ actor: ann }, { userId: 'user_ann' }, true],
  [{ subject: ann }, { userId: 'user_ann' }, true],
  [{}, { userId: 'user_ann' }, false],
  [{}, { beginsAt: '2026-11-28T10:00:00Z' }, true],
  [{}, { endsAt: '2026-11-28T10:00:00Z' }, false],
  [{}, { beginsAt: '2026-11-28T10:00:01Z' }, false],
])('%j passes %j: %s', (more, filter, expected) => {
  expect(passes(entry('a', '2026-11-28T10:00:00Z', more), filter)).toBe(expected);
});

describe('the log', () => {
  const ids = (list: readonly Entry[]) => list.map((e) => e.id).join(' ');
  const first: Log = withPage(undefined, [entry('c', '2026-11-28T10:00:02Z'), entry('b', '2026-11-28T10:00:01.5Z')], true);

  it('puts what is pushed in its place, once', () => {
    let log = withEntry({ ...first, total: 7 }, entry('d', '2026-11-28T10:00:03Z'), {}, false);
    log = withEntry(log, entry('x', '2026-11-28T10:00:01.51Z'), {}, false); // committed late
    log = withEntry(log, entry('d', '2026-11-28T10:00:03Z'), {}, false);
    expect(ids(log.entries)).toBe('d c x b');
    expect(log.total).toBe(9);
  });

  it('leaves to their pages what is earlier than what is there, and to others what is filtered', () => {
    expect(withEntry(first, entry('a', '2026-11-28T10:00:00Z'), {}, false)).toBe(first);
    expect(ids(withEntry({ ...first, more: false }, entry('a', '2026-11-28T10:00:00Z'), {}, false).entries)).toBe('c b a');
    expect(withEntry(first, entry('d', '2026-11-28T10:00:03Z'), { actions: ['SIGNED_OUT'] }, false)).toBe(first);
  });

  it('keeps what comes while somebody reads until they ask for it', () => {
    let log = withEntry(first, entry('d', '2026-11-28T10:00:03Z'), {}, true);
    log = withEntry(log, entry('e', '2026-11-28T10:00:04Z'), {}, true);
    log = withEntry(log, entry('e', '2026-11-28T10:00:04Z'), {}, true);
    expect([ids(log.entries), ids(log.waiting)]).toEqual(['c b', 'e d']);
    log = withWaiting(log);
    expect([ids(log.entries), ids(log.waiting)]).toEqual(['e d c b', '']);
  });

  it('goes on with earlier pages, without what it has', () => {
    const log = withPage(first, [entry('b', '2026-11-28T10:00:01.5Z'), entry('a', '2026-11-28T10:00:00Z')], false);
    expect([ids(log.entries), log.more]).toEqual(['c b a', false]);
  });

  it('does not grow for ever', () => {
    const many = Array.from({ length: mostKept }, (_, i) => entry(`n${i}`, new Date(Date.UTC(2026, 10, 28, 10) - i * 1000).toISOString()));
    const log = withEntry(withPage(undefined, many, false), entry('new', '2026-11-28T10:00:01Z'), {}, false);
    expect([log.entries.length, log.entries[0]?.id, log.more]).toEqual([mostKept, 'new', true]);
  });

  it('is parted by days', () => {
    const at = (d: number, h: number) => new Date(2026, 10, d, h).toISOString();
    const days = byDay([entry('c', at(28, 9)), entry('b', at(28, 1)), entry('a', at(27, 23))]);
    expect(days.map((d) => [d.day, ids(d.entries)])).toEqual([['2026-11-28', 'c b'], ['2026-11-27', 'a']]);
  });
});

it.each([
  ['2026-11-28', 'Today, Saturday 28 November'],
  ['2026-11-27', 'Yesterday, Friday 27 November'],
  ['2026-11-20', 'Friday 20 November'],
  ['2025-12-31', 'Wednesday 31 December 2025'],
])('%s is %s', (day, words) => {
  expect(dayWords(day, new Date(2026, 10, 28, 14).getTime())).toBe(words);
});

it.each([
  [{ name: 'reason', value: 'WRONG_PASSWORD' }, 'Why', 'the password was wrong'],
  [{ name: 'quietMinutes', value: '15' }, 'Not listed again for', '15 min'],
  [{ name: 'actions', value: 'SIGNED_IN, OF_A_NEWER_PROGRAM' }, 'Kinds', 'Signed in, OF_A_NEWER_PROGRAM'],
  [{ name: 'title', value: 'ALL' }, 'Title', 'ALL'],
  [{ name: 'retryAfter.best', value: 'x' }, 'Best, retry after', 'x'],
])('the detail %j reads %s: %s', (fact, label, text) => {
  expect(factsOf([fact])).toEqual([{ label, text }]);
});

it('tells a change as one fact', () => {
  expect(
    factsOf([
      { name: 'applyNow', value: 'false' },
      { name: 'new.admins.absoluteMinutes', value: '60' },
      { name: 'new.idleMinutes', value: '60' },
      { name: 'old.idleMinutes', value: '4320' },
    ]),
  ).toEqual([
    { label: 'Held at once', text: 'no' },
    { label: 'In any case, owners and admins', text: '1 hour', before: '–' },
    { label: 'Without activity', text: '1 hour', before: '3 days' },
  ]);
  expect(factsOf([{ name: 'new', value: 'ADMIN' }, { name: 'old', value: 'VIEWER' }])).toEqual([{ label: 'Change', text: 'Admin', before: 'Viewer' }]);
});

it('links what can be opened', () => {
  expect(factsOf([{ name: 'tree', value: 'tree_x' }])[0]?.link).toEqual({ to: 'tree', id: 'tree_x' });
  expect(factsOf([{ name: 'session', value: 'tses_x' }])[0]?.link).toEqual({ to: 'session', id: 'tses_x' });
  expect(factsOf([{ name: 'ticket', value: 'tses_x' }])[0]?.link).toBeUndefined();
});
