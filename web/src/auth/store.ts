// Who is signed in here, for everything on the page. Tabs tell each other, so that
// all of them show the same.
import { useSyncExternalStore } from 'react';
import type { Role } from '../gql/graphql';

export interface Person {
  id: string;
  name: string;
  email: string;
  role: Role;
}

/** Why somebody was signed out, for the words on the page that they then see. */
export type SignedOut =
  | { why: 'left' } // by themselves, here or in another tab
  | { why: 'expired'; reason: 'IDLE' | 'ABSOLUTE' | undefined; at: number }
  | { why: 'revoked'; reason: string; at: number; by: string | undefined };

export type Auth =
  | { state: 'unknown' } // the first refresh has not answered
  | { state: 'away' } // the server cannot be reached, so nobody knows
  | { state: 'in'; person: Person; loginSessionId: string }
  | { state: 'out'; signedOut: SignedOut | undefined };

let auth: Auth = { state: 'unknown' };
const listeners = new Set<() => void>();

export const getAuth = (): Auth => auth;

export function setAuth(next: Auth): void {
  auth = next;
  for (const listener of listeners) listener();
}

/** Calls listener after every change, until the returned function is called. */
export function onAuth(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useAuth = (): Auth => useSyncExternalStore(onAuth, getAuth);

/** The signed-in person. Only below a route that asks for one. */
export function usePerson(): Person {
  const now = useAuth();
  if (now.state !== 'in') throw new Error('nobody is signed in here');
  return now.person;
}

const rank: Record<Role, number> = { VIEWER: 1, ENGINEER: 2, ADMIN: 3, OWNER: 4 };

/** Whether a role may do what asks for another one at least. */
export const atLeast = (role: Role, needed: Role): boolean => rank[role] >= rank[needed];
