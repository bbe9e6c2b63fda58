import { useEffect, useMemo } from 'react';
import { isShortcut } from '../layout/keys';
import { messages } from '../messages/en';
import { Kbd } from '../ui/Kbd';
import { answerKeys, type Filling, outcomeMark, type WalkNode, whereItLeads } from './model';

interface Answer {
  key: string;
  label: string;
  to: { mark: string; words: string } | undefined;
  run: () => void;
}

export interface AnswersProps {
  node: WalkNode | null;
  nodes: Map<string, WalkNode>;
  known: Filling;
  busy: boolean;
  continues: boolean; // the solution leads back to another tree
  onChoose: (optionId?: string) => void;
  onComplete: () => void;
  onOwnStep: () => void;
}

/** The fork: one branch an answer, each with its key and where it leads. */
export function Answers({ node, nodes, known, busy, continues, onChoose, onComplete, onOwnStep }: AnswersProps) {
  const answers = useMemo((): Answer[] => {
    if (!node || node.__typename === 'InputNode') return [];
    if (node.__typename === 'SolutionNode') {
      const end = { key: '1', label: 'Complete the session', to: { mark: outcomeMark(node.outcome), words: messages.outcomes[node.outcome] }, run: onComplete };
      return continues ? [{ key: '1', label: 'Go on', to: undefined, run: () => onChoose() }, { ...end, key: '2' }] : [end];
    }
    const options = 'options' in node ? node.options : [];
    const keys = answerKeys(options);
    if (options.length > 0) {
      return options.map((o, i) => ({ key: keys[i] ?? '', label: o.label, to: whereItLeads(nodes, o.target, known), run: () => onChoose(o.optionId) }));
    }
    return [{ key: '1', label: 'Done, go on', to: 'next' in node && node.next ? whereItLeads(nodes, node.next, known) : undefined, run: () => onChoose() }];
  }, [node, nodes, known, continues, onChoose, onComplete]);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!isShortcut(event) || busy) return;
      const answer = answers.find((a) => a.key !== '' && a.key === event.key.toLowerCase());
      if (!answer) return;
      event.preventDefault();
      answer.run();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [answers, busy]);

  return (
    <ol className="answers" aria-label="Answers">
      {answers.map((a, i) => (
        <li className={i === 0 && answers.length === 1 ? 'ans on' : 'ans'} key={a.label}>
          <span className="fork" />
          <button type="button" className="answer" data-pending={busy || undefined} onClick={() => !busy && a.run()} aria-keyshortcuts={a.key || undefined}>
            {a.key && <Kbd>{a.key.toUpperCase()}</Kbd>}
            <span>{a.label}</span>
            {a.to && (
              <span className="to">
                <span className={`mk ${a.to.mark}`} aria-hidden="true" />
                <span className="tx" title={a.to.words}>{a.to.words}</span>
              </span>
            )}
          </button>
        </li>
      ))}
      <li className={node ? 'ans last' : 'ans on'}>
        <span className="fork" />
        <button type="button" className={node ? 'answer soft' : 'answer'} onClick={onOwnStep} aria-keyshortcuts="0">
          <Kbd>0</Kbd>
          <span>{node ? 'Something the tree does not know' : 'Write down a step'}</span>
        </button>
      </li>
    </ol>
  );
}
