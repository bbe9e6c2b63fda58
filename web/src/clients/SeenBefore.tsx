import { Link } from '@tanstack/react-router';
import { useId, useState } from 'react';
import { useQuery } from 'urql';
import type { SeenFragment } from '../gql/graphql';
import { counted, messages } from '../messages/en';
import { words as all } from '../messages/walk';
import { outcomeMark } from '../runner/model';
import { exactTime } from '../ui/format';
import { Listing } from '../ui/Listing';
import { Markdown } from '../ui/Markdown';
import { Time } from '../ui/Time';
import { useSettled } from '../ui/useSettled';
import './clients.css';
import { SeenBeforeQuery } from './documents';

const words = all.seen;
const shownFirst = 3;

export interface SeenBeforeProps {
  clientId?: string | undefined;
  clientName?: string | undefined;
  subject: string;
  treeId?: string | undefined;
  /** A session that is no news: the one beside which this stands. */
  except?: string;
  /** Says so where nothing was seen; else there is nothing to see then. */
  saysNothing?: boolean;
}

/** What was walked lately for the same client or about the same, and what helped. */
export function SeenBefore({ clientId, clientName = '', subject, treeId, except, saysNothing }: SeenBeforeProps) {
  const name = useSettled(clientId ? '' : clientName.trim());
  const about = useSettled(subject.trim());
  const asks = clientId !== undefined || name !== '' || about !== '';
  const [seen, again] = useQuery({
    query: SeenBeforeQuery,
    variables: { input: { clientId: clientId ?? null, clientName: clientId ? '' : name, subject: about, treeId: treeId ?? null } },
    pause: !asks,
  });
  const others = (list: readonly SeenFragment[] | undefined) => (asks ? (list ?? []).filter((s) => s.sessionId !== except) : []);
  const same = others(seen.data?.seenBefore.sameClient);
  const similar = others(seen.data?.seenBefore.similar);
  const none = same.length + similar.length === 0;
  if (none && !seen.error && !saysNothing) return null;
  return (
    <section aria-label={words.title}>
      <h2>
        {words.title}
        <span className="aside">{words.span}</span>
      </h2>
      {!asks && <p className="hint">{words.nobody}</p>}
      {asks && (
        <Listing of={seen} retry={() => again({ requestPolicy: 'network-only' })} failed={words.failed} loading={words.looking} empty={none && <p className="hint">{words.nothing}</p>}>
          {same.length > 0 && <List of={same} />}
          {similar.length > 0 && (
            <>
              <h3 className="seen-head">{words.similar}</h3>
              <List of={similar} />
            </>
          )}
        </Listing>
      )}
    </section>
  );
}

function List({ of }: { of: readonly SeenFragment[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? of : of.slice(0, shownFirst);
  return (
    <>
      <ul className="seen">
        {shown.map((s) => (
          <One key={s.sessionId} session={s} />
        ))}
      </ul>
      {shown.length < of.length && (
        <button type="button" className="link text-small" onClick={() => setAll(true)}>
          {counted(of.length - shown.length, 'more', 'more')}
        </button>
      )}
    </>
  );
}

function One({ session: s }: { session: SeenFragment }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const outcome = s.outcome ? messages.outcomes[s.outcome] : words.running;
  const end = s.status === 'IN_PROGRESS' ? words.runsBy(s.heldBy.name) : s.solution;
  return (
    <li>
      <span className={`mk ${outcomeMark(s.outcome)}`} aria-hidden="true" />
      <button type="button" className="line" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        <span className="sr-only">{outcome}: </span>
        <b>{s.title}</b>
        {end && `: ${end}`}
      </button>
      <Time at={s.endedAt ?? s.startedAt} />
      <div id={id} className="more" hidden={!open}>
        {open && (
          <>
            {s.subject && s.subject !== s.title && <p>“{s.subject}”</p>}
            {s.solutionText && <Markdown text={s.solutionText} />}
            <p className="hint">
              {[s.clientName, s.endedAt ? words.endedBy(outcome, s.heldBy.name, exactTime(s.endedAt)) : words.runsBy(s.heldBy.name)].filter(Boolean).join(', ')}
            </p>
            {s.isReadable ? (
              <p>
                <Link to="/sessions/$sessionId" params={{ sessionId: s.sessionId }}>
                  {s.status === 'IN_PROGRESS' ? words.look : words.record}
                </Link>
              </p>
            ) : (
              <p className="hint">{words.notReadable(s.heldBy.name)}</p>
            )}
          </>
        )}
      </div>
    </li>
  );
}
