import { describe, expect, it } from 'vitest';
import { type Bounds, capProblem, type Draft, draftOf, inputOf, isChanged, isValid, limitProblems, minutesOf, onScale, type Policy, spanOf } from './policy';

const day = 24 * 60;
const bounds: Bounds = {
  minIdleMinutes: 15, maxIdleMinutes: 30 * day, minAbsoluteMinutes: 60, maxAbsoluteMinutes: 90 * day, maxSessionsPerUser: 100,
  presets: [
    { preset: 'STRICT', idleMinutes: 60, absoluteMinutes: day },
    { preset: 'STANDARD', idleMinutes: 3 * day, absoluteMinutes: 14 * day },
  ],
};
const standard = { preset: 'STANDARD', idleMinutes: 3 * day, absoluteMinutes: 14 * day, admins: null, maxSessionsPerUser: null, atSessionLimit: 'END_LEAST_RECENTLY_ACTIVE', inherited: true } as Policy;
const custom = (idle: string, absolute: string): Draft => ({ ...draftOf(standard), preset: 'CUSTOM', idle: { text: idle, unit: 'minutes' }, absolute: { text: absolute, unit: 'hours' } });

it.each([
  [15, { text: '15', unit: 'minutes' }],
  [90, { text: '90', unit: 'minutes' }],
  [120, { text: '2', unit: 'hours' }],
  [3 * day, { text: '3', unit: 'days' }],
])('%i minutes are typed as %o, and back', (n, span) => {
  expect(spanOf(n)).toEqual(span);
  expect(minutesOf(spanOf(n))).toBe(n);
});

it.each(['', ' ', '1.5', '-1', '1e3', 'ten'])('%o is no number of minutes', (text) => {
  expect(minutesOf({ text, unit: 'minutes' })).toBeUndefined();
});

describe('custom limits', () => {
  it.each([
    [custom('15', '1'), {}],
    [custom('14', '1'), { idle: 'At least 15 min.' }],
    [custom('99999', '2160'), { idle: 'At most 30 days.' }],
    [custom('15', '0'), { absolute: 'At least 1 hour.' }],
    [custom('15', '2161'), { absolute: 'At most 90 days.' }],
    [custom('120', '1'), { absolute: 'Not less than the time without activity.' }],
    [custom('x', ''), { idle: 'Write a whole number.', absolute: 'Write a whole number.' }],
  ])('%#: each mistake has its words', (draft, problems) => {
    expect(limitProblems(draft, bounds)).toEqual(problems);
    expect(isValid(draft, bounds)).toBe(Object.keys(problems).length === 0);
  });
  it('are not looked at where a preset is chosen', () => {
    expect(limitProblems({ ...custom('x', 'x'), preset: 'STRICT' }, bounds)).toEqual({});
  });
});

it.each([
  ['', true],
  ['1', true],
  ['100', true],
  ['101', false],
  ['0', false],
  ['-3', false],
  ['many', false],
])('a cap of %o is right: %s', (cap, right) => {
  expect(capProblem(cap, bounds) === undefined).toBe(right);
});

describe('what is sent', () => {
  it('leaves spans out with a preset', () => {
    expect(inputOf(draftOf(standard), bounds)).toEqual({ preset: 'STANDARD', atSessionLimit: 'END_LEAST_RECENTLY_ACTIVE', applyNow: false });
  });
  it('has minutes with custom limits, for admins too', () => {
    const draft = { ...custom('30', '8'), admins: { ...custom('15', '1') }, cap: '3' };
    expect(inputOf(draft, bounds)).toEqual({
      preset: 'CUSTOM', idleMinutes: 30, absoluteMinutes: 480, admins: { preset: 'CUSTOM', idleMinutes: 15, absoluteMinutes: 60 }, maxSessionsPerUser: 3, atSessionLimit: 'END_LEAST_RECENTLY_ACTIVE', applyNow: false,
    });
  });
  it('is nothing new until something changed', () => {
    expect(isChanged(draftOf(standard), standard, bounds)).toBe(false);
    expect(isChanged({ ...draftOf(standard), preset: 'STRICT' }, standard, bounds)).toBe(true);
    expect(isChanged({ ...draftOf(standard), idle: { text: '9', unit: 'days' } }, standard, bounds)).toBe(false);
    expect(isChanged({ ...draftOf(standard), applyNow: true }, standard, bounds)).toBe(true);
  });
});

it('draws spans between the ends of its scale', () => {
  expect(onScale(1)).toBe(0);
  expect(onScale(90 * day)).toBe(1);
  expect(onScale(day)).toBeGreaterThan(onScale(60));
});
