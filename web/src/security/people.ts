// Who is signed in, as the live list has it: kept by pushed changes alone.
import type { WatchSignedInSubscription } from '../gql/graphql';

export type Event = WatchSignedInSubscription['activeSessions'];
export type Device = Extract<Event, { __typename: 'ActiveSessionsState' }>['sessions'][number];

export interface Person {
  id: string;
  name: string;
  email: string;
  devices: Device[]; // newest sign-in first
}

export interface SignedInList {
  devices: Map<string, Device>;
  more: boolean;
}

/** The list after an event. */
export function after(list: SignedInList | undefined, event: Event): SignedInList {
  if (event.__typename === 'ActiveSessionsState') return { devices: new Map(event.sessions.map((d) => [d.id, d])), more: event.more };
  const devices = new Map(list?.devices);
  for (const id of event.removedIds) devices.delete(id);
  for (const d of [...event.added, ...event.changed]) devices.set(d.id, d);
  return { devices, more: event.more };
}

/** The people in the list: oneself first, then by the newest sign-in. */
export function peopleOf(devices: Iterable<Device>, me: string): Person[] {
  const people = new Map<string, Person>();
  for (const d of devices) {
    const person = people.get(d.user.id) ?? { id: d.user.id, name: d.user.name, email: d.user.email, devices: [] };
    person.devices.push(d);
    people.set(d.user.id, person);
  }
  const newest = (p: Person) => Date.parse(p.devices[0]?.signedInAt ?? '');
  for (const p of people.values()) p.devices.sort((a, b) => Date.parse(b.signedInAt) - Date.parse(a.signedInAt));
  return [...people.values()].sort((a, b) => Number(b.id === me) - Number(a.id === me) || newest(b) - newest(a));
}

/**
 * Keeps rows where they are while the pointer or the focus is among them: those that
 * are still there keep their places, new ones come at the end.
 */
export function keepOrder(before: readonly string[], now: readonly string[]): string[] {
  const there = new Set(now);
  const kept = before.filter((id) => there.has(id));
  return [...kept, ...now.filter((id) => !kept.includes(id))];
}
