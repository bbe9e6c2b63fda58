import { expect, test } from 'vitest';
import { waitBefore } from './socket';

test('a socket tries again soon at first, and every half a minute after an outage of any length', () => {
  for (let tries = 0; tries < 100; tries++) {
    const wait = waitBefore(tries);
    expect(wait).toBeGreaterThan(1000);
    expect(wait).toBeLessThanOrEqual(33_000);
  }
  expect(waitBefore(0)).toBeLessThanOrEqual(4000);
});
