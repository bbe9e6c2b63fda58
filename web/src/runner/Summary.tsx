import { Link } from '@tanstack/react-router';
import { ArrowUp, Check as CheckMark, CircleX, Minus } from 'lucide-react';
import { useState } from 'react';
import { useMutation } from 'urql';
import { failureOf } from '../api/errors';
import { here, serverNow } from '../auth/clock';
import { random } from '../auth/shared';
import { atLeast, type Person } from '../auth/store';
import type { WalkFragment } from '../gql/graphql';
import { useTitle } from '../layout/useTitle';
import { counted } from '../messages/en';
import { FailureBanner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { clockTime, exactTime, running, span } from '../ui/format';
import { Icon } from '../ui/Icon';
import { Markdown } from '../ui/Markdown';
import { Reopen } from './documents';
import { ExportPanel } from './ExportPanel';
import { outcomeWords } from './model';
import { Scratchpad } from './Scratchpad';
import { Trail } from './Trail';
import { useRefused } from './useRefused';

/** How long after its end a session can be reopened; the server decides. */
const reopenWithin = 24 * 60 * 60 * 1000; // ms

const look = {
  RESOLVED: { icon: CheckMark, shape: 'r', colour: 'text-emerald-text' },
  ESCALATED: { icon: ArrowUp, shape: 'e', colour: 'text-amber-text' },
  UNRESOLVED: { icon: CircleX, shape: 'u', colour: 'text-red-text' },
  none: { icon: Minus, shape: 'p', colour: 'text-ink-2' },
};

/** A session that is over: its path, its end, and its record for the ticket. */
export function Summary({ walk, person }: { walk: WalkFragment; person: Person }) {
  useTitle(walk.ticket ? `${walk.title}, ${walk.ticket}` : walk.title);
  const [{ fetching, error }, reopen] = useMutation(Reopen);
  const [undone, setUndone] = useState(false);
  const { problem } = useRefused(person.id, walk.id);
  const failure = failureOf(error) ?? problem;
  const end = look[walk.outcome ?? 'none'];
  const ended = walk.endedAt ?? walk.startedAt;
  const solution = walk.currentNode?.__typename === 'SolutionNode' ? walk.currentNode : undefined;
  // The visit that the end broke off is its own row, with the outcome.
  const path = walk.steps.filter((s) => s.how !== 'COMPLETE' && s.how !== 'ABANDON');
  const last = walk.steps.find((s) => !s.undone && (s.how === 'COMPLETE' || s.how === 'ABANDON'));
  const hidden = path.filter((s) => s.undone).length;
  const holds = walk.heldBy.id === person.id && atLeast(person.role, 'ENGINEER');
  const mayReopen = holds || atLeast(person.role, 'ADMIN');
  return (
    <div className="page">
      <div className="page-head">
        <div className="min-w-48 flex-1">
          <p className="text-small text-ink-3">
            <Link to="/sessions">Sessions</Link>
            {walk.ticket && ` / ${walk.ticket}`}
          </p>
          <h1>{walk.title}</h1>
        </div>
        {mayReopen && serverNow() - Date.parse(ended) < reopenWithin && (
          <Button isPending={fetching} onPress={() => void reopen({ input: { sessionId: walk.id, expectedStep: walk.step, idempotencyKey: random() } })}>
            Reopen
          </Button>
        )}
      </div>
      {failure && <FailureBanner failure={failure} />}
      <div className="sum">
        <div>
          <dl className="sum-facts">
            <div>
              <dt>Outcome</dt>
              <dd className={end.colour}>
                <Icon of={end.icon} />
                {outcomeWords(walk)}
              </dd>
            </div>
            {walk.clientName && (
              <div>
                <dt>Client</dt>
                <dd>{walk.clientName}</dd>
              </div>
            )}
            <div>
              <dt>Time open</dt>
              <dd>{span(walk.activeSeconds * 1000)}</dd>
            </div>
            <div>
              <dt>Started</dt>
              <dd>{exactTime(here(walk.startedAt))}</dd>
            </div>
            <div>
              <dt>Who</dt>
              <dd>{walk.heldBy.name}</dd>
            </div>
          </dl>
          <div className="sum-path">
            <Trail steps={undone ? path : path.filter((s) => !s.undone)} notes />
            <ol aria-label="The end">
              <li className="stop end">
                <time dateTime={ended}>{clockTime(here(ended))}</time>
                <span className="rail">
                  <span className={`terminus ${end.shape}`}>
                    <Icon of={end.icon} size={14} />
                  </span>
                </span>
                <div className="sol">
                  <h2>{solution?.title ?? (walk.status === 'ABANDONED' ? 'Given up' : outcomeWords(walk))}</h2>
                  {solution?.text && <Markdown className="prose" text={solution.text} />}
                  {walk.reason && <p>{walk.reason}</p>}
                  {last?.notes.map((n, i) => (
                    <p key={i} className="whitespace-pre-wrap">
                      {n.text}
                    </p>
                  ))}
                </div>
                {last && <span className="d">{running((Date.parse(last.leftAt) - Date.parse(last.enteredAt)) / 1000)}</span>}
              </li>
            </ol>
            {solution && solution.followUps.length > 0 && (
              <div className="follow">
                <h2>To do</h2>
                <ul className="list-disc pl-4">
                  {solution.followUps.map((f) => (
                    <li key={f}>{f}</li>
                  ))}
                </ul>
              </div>
            )}
            {hidden > 0 && (
              <button type="button" className="link ml-22 text-small" onClick={() => setUndone(!undone)}>
                {undone ? 'Hide what was undone' : `Show ${counted(hidden, 'undone step', 'undone steps')}`}
              </button>
            )}
          </div>
        </div>
        <div className="sum-side">
          <ExportPanel sessionId={walk.id} step={walk.step} pad={walk.scratchpad ? walk.scratchpadRevision : undefined} />
          {(holds || walk.scratchpad) && (
            <div className="sheet sum-pad">
              <Scratchpad key={`${holds}`} walk={walk} person={person} mine={holds} />
            </div>
          )}
        </div>
      </div>
    </div>
  );
}
