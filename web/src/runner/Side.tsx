import { Copy } from 'lucide-react';
import type { WalkFragment } from '../gql/graphql';
import { Button } from '../ui/Button';
import { copy } from '../ui/copy';
import { Icon } from '../ui/Icon';

/** What stands beside the walk: whom it is for, and what was written down. */
export function Side({ walk, mine, onDetails }: { walk: WalkFragment; mine: boolean; onDetails: () => void }) {
  const about: [string, string][] = [
    ['Ticket', walk.ticket],
    ['Client', walk.clientName],
    ['Subject', walk.subject],
  ];
  const known = about.filter(([, text]) => text !== '');
  return (
    <aside className="side" aria-label="Beside the walk">
      <section>
        <h2>
          {walk.clientName || 'About this session'}
          {mine && (
            <button type="button" className="link aside" onClick={onDetails}>
              Change
            </button>
          )}
        </h2>
        {known.length === 0 ? (
          <p className="hint">No ticket, client or subject yet.</p>
        ) : (
          <Facts facts={known} />
        )}
      </section>
      {walk.values.length > 0 && (
        <section>
          <h2>Written down</h2>
          <Facts facts={walk.values.map((v) => [v.label, v.text])} mono />
        </section>
      )}
      <section>
        <h2>Who</h2>
        <p className="hint">
          {walk.startedBy.id === walk.heldBy.id ? `${walk.heldBy.name} has this session.` : `${walk.startedBy.name} began it; ${walk.heldBy.name} has it now.`}
        </p>
      </section>
    </aside>
  );
}

const Facts = ({ facts, mono }: { facts: [string, string][]; mono?: boolean }) => (
  <dl className="facts">
    {facts.map(([label, text]) => (
      <div className="contents" key={label}>
        <dt>{label}</dt>
        <dd className={mono ? 'mono' : undefined}>{text}</dd>
        <dd>
          <Button kind="quiet" iconOnly icon={<Icon of={Copy} size={14} />} onPress={() => void copy(text)}>
            {`Copy ${label}`}
          </Button>
        </dd>
      </div>
    ))}
  </dl>
);
