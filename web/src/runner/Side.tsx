import { Copy } from 'lucide-react';
import type { Ref } from 'react';
import { useMutation } from 'urql';
import { failureOf } from '../api/errors';
import { atLeast, type Person } from '../auth/store';
import { SeenBefore } from '../clients/SeenBefore';
import type { WalkFragment } from '../gql/graphql';
import { words } from '../messages/walk';
import { Button } from '../ui/Button';
import { copy } from '../ui/copy';
import { Icon } from '../ui/Icon';
import { toast, toastWrong } from '../ui/toast';
import { UpdateWalk } from './documents';
import { Scratchpad } from './Scratchpad';

interface Props {
  walk: WalkFragment;
  person: Person;
  mine: boolean;
  onDetails: () => void;
  pad: Ref<HTMLTextAreaElement>;
  onLeavePad: () => void;
}

/** What stands beside the walk: whom it is for, what helped before, and what was written down. */
export function Side({ walk, person, mine, onDetails, pad, onLeavePad }: Props) {
  const about: [string, string][] = [
    ['Ticket', walk.ticket],
    ['Subject', walk.subject],
  ];
  const known = about.filter(([, text]) => text !== '');
  const engineer = atLeast(person.role, 'ENGINEER');
  return (
    <aside className="side" aria-label="Beside the walk">
      <section aria-label="For whom">
        <h2>
          <span className="min-w-0 break-words">{walk.clientName || 'No client yet'}</span>
          {mine && (
            <button type="button" className="link aside" onClick={onDetails}>
              {walk.clientName || known.length > 0 ? 'Change' : 'Say for whom'}
            </button>
          )}
        </h2>
        {walk.client && <Facts facts={[...(walk.client.ticketKey ? [['Key', walk.client.ticketKey] as [string, string]] : []), ...walk.client.facts.map((f): [string, string] => [factLabel(f.name), f.text])]} />}
        {walk.clientName && !walk.client && <NotOnRecord walk={walk} mine={mine} />}
        {known.length > 0 && <Facts facts={known} />}
      </section>
      {walk.values.length > 0 && (
        <section aria-label="Written down">
          <h2>Written down</h2>
          <Facts facts={walk.values.map((v) => [v.label, v.text])} stacked />
        </section>
      )}
      {engineer && <SeenBefore clientId={walk.client?.id} clientName={walk.clientName} subject={walk.subject} treeId={walk.treeId ?? undefined} except={walk.id} />}
      {(mine || walk.scratchpad) && <Scratchpad key={`${mine}`} walk={walk} person={person} mine={mine} field={pad} onLeave={onLeavePad} />}
      <section aria-label="Who">
        <h2>Who</h2>
        <p className="hint">
          {walk.startedBy.id === walk.heldBy.id ? `${walk.heldBy.name} has this session.` : `${walk.startedBy.name} began it; ${walk.heldBy.name} has it now.`}
        </p>
      </section>
    </aside>
  );
}

/** `on_site` and `vpn_host` as people write them. */
const factLabel = (name: string): string => {
  const words = name.replaceAll('_', ' ').replaceAll(/\b(dns|ip|isp|lan|mac|os|pc|url|vpn|wan)\b/g, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** A client that is a text only: it can be made one that is known. */
function NotOnRecord({ walk, mine }: { walk: WalkFragment; mine: boolean }) {
  const [{ fetching }, update] = useMutation(UpdateWalk);
  const make = async () => {
    const { error } = await update({ input: { sessionId: walk.id, clientName: walk.clientName, createClient: true } });
    if (error) toastWrong(failureOf(error)?.message ?? '');
    else toast(`“${walk.clientName}” is a client now`);
  };
  return (
    <p className="hint mb-1">
      {words.client.notOnRecord}{' '}
      {mine && (
        <button type="button" className="link" disabled={fetching} onClick={() => void make()}>
          {words.client.make}
        </button>
      )}
    </p>
  );
}

/** Whether a value is copied rather than read: an address, a number, a name with a digit in it. */
const isCode = (text: string): boolean => !/\s/.test(text) && /[\d@/\\]/.test(text);

/** What is known, each to copy. Questions stand above their answers, names beside them. */
const Facts = ({ facts, stacked }: { facts: [string, string][]; stacked?: boolean }) =>
  facts.length > 0 && (
    <dl className={stacked ? 'facts stacked' : 'facts'}>
      {facts.map(([label, text], i) => (
        <div className="contents" key={`${label} ${i}`}>
          <dt>{label}</dt>
          <dd className={isCode(text) ? 'mono' : undefined}>{text}</dd>
          <dd>
            <Button kind="quiet" iconOnly icon={<Icon of={Copy} size={14} />} onPress={() => void copy(text, `Copied: ${label}`)}>
              {`Copy ${label}`}
            </Button>
          </dd>
        </div>
      ))}
    </dl>
  );
