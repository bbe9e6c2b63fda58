import { useMutation } from 'urql';
import { expectOwnEnd, signedOut } from '../auth/token';
import { counted } from '../messages/en';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { initials } from '../ui/format';
import { toast } from '../ui/toast';
import { RevokeMany, RevokeOne } from './documents';
import type { Device, Person } from './people';
import { useDangerous } from './Reauthenticate';

export type What = { what: 'others' } | { what: 'all' } | { what: 'person'; person: Person } | { what: 'device'; person: Person; device: Device };

/** How long the owner reads how many were signed out, before the login page comes. */
const readFor = 1500; // ms

/** Asks before logins end: how many, whose, and the password where the sign-in is old. The numbers follow the live list. */
export function RevokeSessionsModal({ what, people, meId, onClose }: { what: What; people: readonly Person[]; meId: string; onClose: () => void }) {
  const [, many] = useMutation(RevokeMany);
  const [, one] = useMutation(RevokeOne);
  const others = people.filter((p) => p.id !== meId);
  const me = what.what === 'all';

  const revoke = async () => {
    if (me) expectOwnEnd(30_000);
    if (what.what === 'device') {
      const { data, error } = await one({ input: { sessionId: what.device.id } });
      return { data: data?.revokeSession.revokedCount, error };
    }
    const scope = what.what === 'person' ? { scope: 'USER' as const, userId: what.person.id } : { scope: me ? ('ALL' as const) : ('ALL_EXCEPT_ME' as const) };
    const { data, error } = await many({ input: scope });
    return { data: data?.revokeSessions.revokedCount, error };
  };
  const { busy, ask, run } = useDangerous(revoke, (count) => {
    toast(`${counted(count, 'login', 'logins')} ended`);
    onClose();
    if (me) setTimeout(() => signedOut({ why: 'left' }), readFor);
  });
  const confirm = async () => {
    if (!(await run()) && me) expectOwnEnd(0);
  };

  const { title, verb, text, named } = wordsOf(what, others);
  return (
    <Dialog
      isOpen
      alert
      busy={busy}
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button autoFocus isDisabled={busy} onPress={onClose}>
            Cancel
          </Button>
          <Button kind="danger-solid" isPending={busy} onPress={() => void confirm()}>
            {verb}
          </Button>
        </>
      }
    >
      <p role="status">{text}</p>
      {named.length > 0 && (
        <ul className="names" aria-label="Whose logins end">
          {named.map((p) => (
            <li key={p.id}>
              <span className="ava s20" aria-hidden="true" data-initials={initials(p.name)} />
              <span>{p.name}</span>
            </li>
          ))}
        </ul>
      )}
      {ask}
    </Dialog>
  );
}

function wordsOf(what: What, others: readonly Person[]): { title: string; verb: string; text: string; named: readonly Person[] } {
  const n = others.length;
  switch (what.what) {
    case 'others':
      return { title: `Sign out ${counted(n, 'other person', 'other people')}?`, verb: `Sign out ${counted(n, 'person', 'people')}`, text: `The logins of ${counted(n, 'person', 'people')} end at once, on every device. You stay signed in. What they had entered is kept.`, named: others };
    case 'all':
      return n > 0
        ? { title: `Sign out everyone, ${n + 1} people?`, verb: `Sign out ${n + 1} people`, text: `The logins of ${n + 1} people end at once, yours too. Everybody signs in again, you first.`, named: others }
        : { title: 'Sign out on all your devices?', verb: 'Sign out everywhere', text: 'All your logins end at once, this one too. Then you sign in again.', named: [] };
    case 'person':
      return { title: `Sign out ${what.person.name}?`, verb: `Sign out ${what.person.name}`, text: `${counted(what.person.devices.length, 'login ends', 'logins end')} at once, on every device. What was entered is kept.`, named: [] };
    case 'device':
      return { title: `Sign out ${what.person.name} on this device?`, verb: 'Sign out', text: `${what.device.device}, ${what.device.ip}. Their other devices stay signed in.`, named: [] };
  }
}
