import { useState } from 'react';
import { here } from '../auth/clock';
import { clockTime, running } from '../ui/format';
import { answerOf, hadOtherWays, type Step, stepMark } from './model';

export interface TrailProps {
  steps: readonly Step[]; // those to show, in order
  /** How many rows there are before the older ones fold into one; all if left out. */
  rows?: number;
  /** A step's own button, if it can be gone back to. */
  onStep?: ((step: Step) => void) | undefined;
  notes?: boolean; // with notes and output
  moving?: boolean; // the newest row grows in
}

/** The path so far: a stop for each step, on one line. */
export function Trail({ steps, rows, onStep, notes, moving }: TrailProps) {
  const [unfolded, setUnfolded] = useState(false);
  const folded = rows !== undefined && !unfolded && steps.length > rows ? steps.length - rows + 1 : 0;
  const shown = steps.slice(folded);
  return (
    <>
      {steps.length > 0 && (
        <div className="trail-head" aria-hidden="true">
          <span>Since</span>
          <span />
          <span>{steps.length === 1 ? '1 step' : `${steps.length} steps`}</span>
          <span>Answer</span>
          <span className="d">Time</span>
        </div>
      )}
      <ol aria-label="Path so far">
        {folded > 0 && (
          <li className="stop more">
            <span className="rail" />
            <button type="button" className="link" onClick={() => setUnfolded(true)}>
              {folded} earlier steps
            </button>
          </li>
        )}
        {shown.map((step, i) => (
          <Stop
            key={step.step}
            step={step}
            first={folded === 0 && i === 0}
            deep={i < shown.length - 2}
            newest={moving === true && i === shown.length - 1}
            onStep={step.undone ? undefined : onStep}
            notes={notes === true}
          />
        ))}
      </ol>
    </>
  );
}

function Stop({ step, first, deep, newest, onStep, notes }: { step: Step; first: boolean; deep: boolean; newest: boolean; onStep: ((step: Step) => void) | undefined; notes: boolean }) {
  const seconds = (Date.parse(step.leftAt) - Date.parse(step.enteredAt)) / 1000;
  const classes = ['stop', first && 'first', deep && 'deep', step.undone && 'undone', newest && 'newest'].filter(Boolean).join(' ');
  const written = notes ? [...(step.output ? [{ text: '', output: step.output }] : []), ...step.notes] : [];
  return (
    <li className={classes}>
      <time dateTime={step.enteredAt}>{clockTime(here(step.enteredAt))}</time>
      <span className="rail">
        {hadOtherWays(step) && <span className="off" />}
        <span className={`mk ${stepMark(step)} walked`} aria-hidden="true" />
      </span>
      {onStep ? (
        <button type="button" className="q" title={`Go back to “${step.title}”`} onClick={() => onStep(step)}>
          {step.title}
        </button>
      ) : (
        <span className="q" title={step.title}>
          {step.title}
        </span>
      )}
      <span className="a" title={answerOf(step)}>
        {step.undone && <span className="sr-only">Undone: </span>}
        {answerOf(step)}
      </span>
      <span className="d">{running(seconds)}</span>
      {written.length > 0 && (
        <div className="notelet">
          {written.map((note, i) => (
            <div key={i}>
              {note.text}
              {note.output && <pre>{note.output}</pre>}
            </div>
          ))}
        </div>
      )}
    </li>
  );
}
