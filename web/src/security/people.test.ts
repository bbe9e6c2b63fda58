import { expect, it } from 'vitest';
import { after, type Device, type Event, keepOrder, peopleOf } from './people';

const device = (id: string, user: string, signedInAt: string): Device =>
  ({ id, user: { id: user, name: user, email: `${user}@x.example`, role: 'ENGINEER' }, signedInAt, device: 'Firefox on Linux', ip: '', lastActiveAt: signedInAt, idleExpiresAt: signedInAt, absoluteExpiresAt: signedInAt, connectedNow: true });
const a = device('1', 'ada', '2026-11-23T10:00:00Z');
const b = device('2', 'bob', '2026-11-23T12:00:00Z');
const c = device('3', 'ada', '2026-11-23T11:00:00Z');
const state = (...sessions: Device[]): Event => ({ __typename: 'ActiveSessionsState', serverTime: '', sessions, more: false }) as Event;
const change = (more: Partial<Extract<Event, { __typename: 'ActiveSessionsChange' }>>): Event => ({ __typename: 'ActiveSessionsChange', serverTime: '', added: [], changed: [], removedIds: [], more: false, ...more }) as Event;

it('follows what is pushed', () => {
  let list = after(undefined, state(a, b));
  list = after(list, change({ added: [c], removedIds: ['2'] }));
  expect([...list.devices.keys()]).toEqual(['1', '3']);
  list = after(list, change({ changed: [{ ...a, connectedNow: false }] }));
  expect(list.devices.get('1')?.connectedNow).toBe(false);
});

it('begins anew with each whole list, as after a lost connection', () => {
  expect([...after(after(undefined, state(a, b)), state(c)).devices.keys()]).toEqual(['3']);
});

it('names oneself first, then who signed in last', () => {
  expect(peopleOf([a, b, c], 'ada').map((p) => [p.id, p.devices.map((d) => d.id)])).toEqual([['ada', ['3', '1']], ['bob', ['2']]]);
  expect(peopleOf([a, b, c], 'nobody').map((p) => p.id)).toEqual(['bob', 'ada']);
});

it('moves no row under the pointer', () => {
  expect(keepOrder(['x', 'y', 'z'], ['new', 'z', 'x'])).toEqual(['x', 'z', 'new']);
});
