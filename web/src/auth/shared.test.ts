import { beforeEach, expect, test } from 'vitest';
import { markDone, sinceRefreshedElsewhere } from './shared';

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

test('what another tab refreshed may be on its way from there', () => {
  localStorage.setItem('branchline.refreshed', String(Date.now() - 500));
  expect(sinceRefreshedElsewhere()).toBeLessThan(60_000);
});

test('what this tab refreshed, before it was loaded anew too, nobody else has', () => {
  markDone(true);
  expect(sinceRefreshedElsewhere()).toBe(Number.POSITIVE_INFINITY);
  localStorage.setItem('branchline.refreshed', String(Date.now() - 1000)); // then another tab did
  expect(sinceRefreshedElsewhere()).toBeLessThan(60_000);
});

test('where nobody refreshed there is nothing to wait for', () => {
  markDone(false);
  expect(sinceRefreshedElsewhere()).toBe(Number.POSITIVE_INFINITY);
});
