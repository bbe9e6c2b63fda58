// What the tabs of one browser tell each other. They share the cookie with the
// refresh token, so they share being signed in.
import type { Person, SignedOut } from './store';

export interface HeldToken {
  token: string;
  expiresAt: number; // by the server's clock, ms since 1970
  receivedAt: number; // by this machine's clock, ms since 1970
  person: Person;
  loginSessionId: string;
}

export type TabMessage =
  | { type: 'token'; held: HeldToken }
  | { type: 'ask' } // who has a token?
  | { type: 'out'; signedOut: SignedOut }
  | { type: 'dismissed'; deadline: number }; // the notice about this deadline was put away

const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('branchline');

export function tell(message: TabMessage): void {
  channel?.postMessage(message);
}

export function onTabMessage(listener: (message: TabMessage) => void): () => void {
  const receive = (event: MessageEvent<TabMessage>) => listener(event.data);
  channel?.addEventListener('message', receive);
  return () => channel?.removeEventListener('message', receive);
}
