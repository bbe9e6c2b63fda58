import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { initials, minutes, number, running, span, when } from './format';

describe('times', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.setSystemTime(new Date(2026, 10, 23, 14, 43, 10));
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    [new Date(2026, 10, 23, 14, 43, 0), 'just now'],
    [new Date(2026, 10, 23, 14, 38, 0), '5 min ago'],
    [new Date(2026, 10, 23, 11, 43, 0), '3 h ago'],
    [new Date(2026, 10, 22, 23, 59, 0), 'yesterday'],
    [new Date(2026, 10, 20, 8, 0, 0), '3 days ago'],
    [new Date(2026, 8, 20, 8, 0, 0), '2 months ago'],
    [new Date(2024, 8, 20, 8, 0, 0), '2 years ago'],
    [new Date(2026, 10, 23, 15, 13, 10), 'in 30 min'],
    [new Date(2026, 10, 24, 15, 0, 0), 'tomorrow'],
  ])('%s is %s', (at, words) => {
    expect(when(at.getTime())).toBe(words);
  });
});

it.each([
  [0, '0:00'],
  [41, '0:41'],
  [672, '11:12'],
  [3729, '1:02:09'],
  [-5, '0:00'],
])('%i s run as %s', (seconds, words) => {
  expect(running(seconds)).toBe(words);
});

it.each([
  [400, '1 s'],
  [45_000, '45 s'],
  [19 * 60_000, '19 min'],
  [130 * 60_000, '2 h 10 min'],
  [120 * 60_000, '2 h'],
  [24 * 3_600_000, '1 day'],
  [(7 * 24 + 4) * 3_600_000, '7 d 4 h'],
  [(13 * 24 + 23) * 3_600_000, '13 d 23 h'],
  [(14 * 24) * 3_600_000 - 1, '13 d 23 h'],
  [2 * 3_600_000 - 1, '1 h 59 min'],
  [(30 * 24 + 1) * 3_600_000, '30 days'],
])('%i ms span %s', (ms, words) => {
  expect(span(ms)).toBe(words);
});

it.each([
  [15, '15 min'],
  [60, '1 hour'],
  [90, '90 min'],
  [1440, '1 day'],
  [20160, '14 days'],
])('%i minutes are %s', (n, words) => {
  expect(minutes(n)).toBe(words);
});

it('parts thousands by a thin space', () => {
  expect(number(1_234_567)).toBe('1\u2009234\u2009567');
});

it.each([
  ['Maren Vogt', 'MV'],
  ['Ada', 'A'],
  ['Jean-Luc de la Tour', 'JT'],
  ['  ', ''],
  ['𝒜lice Öz', '𝒜Ö'],
])('%s has the initials %s', (name, letters) => {
  expect(initials(name)).toBe(letters);
});
