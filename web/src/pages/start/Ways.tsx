import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { isShortcut } from '../../layout/keys';
import { Kbd } from '../../ui/Kbd';

export interface Way {
  id: string;
  label: string;
  note?: string;
  mark?: string; // class of the mark at its end
  soft?: boolean; // a way that is there, but not the one to take first; its key is 0
  to?: string; // of a session: the way is a link to it
  run: () => void;
}

/** The fork: one branch for each way to go on, with its key. */
export function Ways({ label, ways, busy }: { label: string; ways: readonly Way[]; busy: boolean }) {
  const keyed = ways.map((way, i) => ({ ...way, key: way.soft ? '0' : i < 9 ? String(i + 1) : '' }));
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!isShortcut(event) || busy) return;
      const way = keyed.find((w) => w.key !== '' && w.key === event.key);
      if (!way) return;
      event.preventDefault();
      way.run();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });
  return (
    <ol className="answers ways" aria-label={label}>
      {keyed.map((w, i) => {
        const inside = (
          <>
            {w.key && <Kbd>{w.key}</Kbd>}
            <span>
              <b>{w.label}</b>
              {w.note && <span>{w.note}</span>}
            </span>
            {w.mark && <span className={`mk ${w.mark}`} aria-hidden="true" />}
          </>
        );
        const classes = w.soft ? 'answer soft' : 'answer';
        return (
          <li className={[i === 0 && !w.soft && 'ans on', w.soft && 'ans last'].find(Boolean) || 'ans'} key={w.id}>
            <span className="fork" />
            {w.to ? (
              <Link className={classes} to="/sessions/$sessionId" params={{ sessionId: w.to }} aria-keyshortcuts={w.key || undefined}>
                {inside}
              </Link>
            ) : (
              <button type="button" className={classes} data-pending={busy || undefined} onClick={() => !busy && w.run()} aria-keyshortcuts={w.key || undefined}>
                {inside}
              </button>
            )}
          </li>
        );
      })}
    </ol>
  );
}
