import { Copy } from 'lucide-react';
import type { ReactNode, Ref } from 'react';
import { here } from '../auth/clock';
import type { WalkFragment } from '../gql/graphql';
import { Button } from '../ui/Button';
import { copy } from '../ui/copy';
import { clockTime } from '../ui/format';
import { Icon } from '../ui/Icon';
import { Markdown } from '../ui/Markdown';
import type { WalkNode } from './model';

const station: Record<WalkNode['__typename'], string> = { DecisionNode: '', ActionNode: 'sq', InputNode: 'field', SubtreeNode: 'sq', SolutionNode: 'round' };
const ends = { RESOLVED: 'r', ESCALATED: 'e', UNRESOLVED: 'u' };

export interface StepCardProps {
  node: WalkNode | null;
  place: WalkFragment['places'][number] | undefined;
  since: string;
  first: boolean;
  notes: readonly { text: string; output: string }[];
  heading: Ref<HTMLHeadingElement>;
  subject: string;
  children: ReactNode;
}

/** The station where the walk stands: what to ask or do. */
export function StepCard({ node, place, since, first, notes, heading, subject, children }: StepCardProps) {
  const shape = node ? `${station[node.__typename]} ${node.__typename === 'SolutionNode' ? ends[node.outcome] : ''}` : 'round';
  return (
    <section className={first ? 'now start' : 'now'} aria-label="This step">
      <time dateTime={since}>{clockTime(here(since))}</time>
      <span className="rail">
        <span className={`station ${shape}`} />
      </span>
      <div>
        <h2 ref={heading} tabIndex={-1}>
          {node ? node.title : first ? subject || 'What is wrong?' : 'What did you do next?'}
        </h2>
        {place?.arrival === 'SUBTREE' && <p className="hint">In “{place.title}”, which leads back afterwards.</p>}
        {!node && <p className="help">There is no tree here. Write down what you ask and find; it goes into the record, and can become a tree.</p>}
        {node?.text && <Markdown className="help" text={node.text} />}
        {node?.__typename === 'ActionNode' && (
          <>
            {node.commands.map((command) => (
              <div className="cmd" key={command}>
                <span className="pr" aria-hidden="true">
                  &gt;
                </span>
                <code>{command}</code>
                <Button kind="quiet" iconOnly icon={<Icon of={Copy} />} onPress={() => void copy(command, 'Command copied')}>
                  {`Copy ${command}`}
                </Button>
              </div>
            ))}
            {node.expected && (
              <p className="expect">
                <b>Expect</b> {node.expected}
              </p>
            )}
          </>
        )}
        {node?.__typename === 'SolutionNode' && node.followUps.length > 0 && (
          <>
            <h3 className="label mt-4">To do afterwards</h3>
            <ul className="help list-disc pl-5">
              {node.followUps.map((f) => (
                <li key={f}>{f}</li>
              ))}
            </ul>
          </>
        )}
        {node && node.links.length > 0 && (
          <p className="node-links">
            {node.links.map((l) => (
              <a key={l.url} href={l.url} target="_blank" rel="noreferrer">
                {l.title}
              </a>
            ))}
          </p>
        )}
        {notes.length > 0 && (
          <div className="step-notes" role="group" aria-label="Notes on this step">
            {notes.map((n, i) => (
              <div key={i}>
                {n.text}
                {n.output && <pre className="mono">{n.output}</pre>}
              </div>
            ))}
          </div>
        )}
        {children}
      </div>
    </section>
  );
}
