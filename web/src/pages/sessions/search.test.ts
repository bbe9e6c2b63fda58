import { describe, expect, test } from 'vitest';
import { filterOf, isBackward, isNarrowed, parseSessionsSearch, startOfDay } from './search';

describe('the address of the history', () => {
  test('says what is shown', () => {
    const address = { who: 'team', outcome: 'ESCALATED', tree: 'tree_1', client: 'clnt_1', ticket: 'INC-7', from: '2026-11-01', to: '2026-11-28' };
    expect(parseSessionsSearch(address)).toEqual(address);
  });
  test('may say anything', () => {
    expect(parseSessionsSearch({ who: 'x', outcome: 'DONE', tree: '', from: 'soon', to: '2026-02-30', more: 1 })).toEqual({});
    expect(parseSessionsSearch({ client: 1, ticket: '  ' })).toEqual({});
    expect(parseSessionsSearch({ ticket: ` ${'x'.repeat(300)}` }).ticket).toHaveLength(200); // more the API refuses
    expect(parseSessionsSearch({ who: ['team'], outcome: ['RESOLVED'], tree: 7, from: null })).toEqual({});
  });
});

describe('days', () => {
  test('are those of the calendar, at their first moment', () => {
    expect(startOfDay('2026-11-28')).toEqual(new Date(2026, 10, 28));
    expect(startOfDay('2026-12-31', 1)).toEqual(new Date(2027, 0, 1));
    expect(startOfDay('2028-02-29')).toBeDefined();
    for (const none of ['2026-02-29', '2026-13-01', '2026-00-10', '26-1-1', '0000-01-01', '', undefined]) expect(startOfDay(none)).toBeUndefined();
  });
  test('may end before they begin', () => {
    expect(isBackward({ from: '2026-11-28', to: '2026-11-27' })).toBe(true);
    expect(isBackward({ from: '2026-11-28', to: '2026-11-28' })).toBe(false);
    expect(isBackward({ to: '2026-11-27' })).toBe(false);
  });
});

test('what leaves some out is told from whose they are', () => {
  expect(isNarrowed({ who: 'team' })).toBe(false);
  expect(isNarrowed({ ticket: '7' })).toBe(true);
});

describe('what is asked', () => {
  test('is what runs, and what is over', () => {
    expect(filterOf({}, 'running')).toEqual({ scope: 'MINE', status: ['IN_PROGRESS'] });
    expect(filterOf({}, 'over')).toEqual({ scope: 'MINE', status: ['COMPLETED', 'ABANDONED'] });
    expect(filterOf({ who: 'involved', outcome: 'ABANDONED' }, 'over')).toEqual({ scope: 'INVOLVED', status: ['ABANDONED'] });
    expect(filterOf({ who: 'team', outcome: 'UNRESOLVED' }, 'over')).toEqual({ scope: 'TEAM', outcome: ['UNRESOLVED'] });
    expect(filterOf({ client: 'clnt_1', ticket: '007' }, 'over')).toMatchObject({ clientId: 'clnt_1', ticket: '007' });
    expect(filterOf({ outcome: 'IN_PROGRESS' }, 'over')).toEqual({ scope: 'MINE', status: ['IN_PROGRESS'] });
  });
  test('has whole days, the last one too', () => {
    expect(filterOf({ tree: 'tree_1', from: '2026-11-27', to: '2026-11-28' }, 'over')).toMatchObject({
      treeId: 'tree_1',
      beginsAt: new Date(2026, 10, 27).toISOString(),
      endsAt: new Date(2026, 10, 29).toISOString(),
    });
  });
});
