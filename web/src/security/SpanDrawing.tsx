import { minutes } from '../ui/format';
import { onScale, short } from './policy';

/** How long a login lasts, as a line: from the sign-in to the idle point and the end in any case. */
export function SpanDrawing({ idle, absolute }: { idle: number; absolute: number }) {
  const at = (n: number) => `${(2 + onScale(n) * 97).toFixed(1)}%`;
  const anchor = (n: number) => (onScale(n) > 0.85 ? 'end' : onScale(n) < 0.1 ? 'start' : 'middle');
  return (
    <svg className="span-drawing" role="img" aria-label={`Signed out after ${minutes(idle)} without activity, after ${minutes(absolute)} in any case`}>
      <line x1="2%" y1="22" x2="99%" y2="22" />
      <line className="on" x1="2%" y1="22" x2={at(absolute)} y2="22" />
      <circle className="s" cx="2%" cy="22" r="4" />
      <circle className="idle" cx={at(idle)} cy="22" r="4.5" />
      <line className="abs" x1={at(absolute)} y1="14" x2={at(absolute)} y2="30" />
      <text x={at(idle)} y="11" textAnchor={anchor(idle)}>
        {short(idle)} idle
      </text>
      <text x={at(absolute)} y="43" textAnchor={anchor(absolute)}>
        {short(absolute)}
      </text>
    </svg>
  );
}
