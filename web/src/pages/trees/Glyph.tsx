import { useMemo } from 'react';
import { type LayoutNode, layOut } from './layout';

const width = 96;
const height = 32;
const ends = { RESOLVED: 'r', ESCALATED: 'e', UNRESOLVED: 'u' } as const;

/** The shape of a tree, drawn from its graph: how wide, how deep, and how its ways end. */
export function Glyph({ graph }: { graph: { root: string; nodes: readonly LayoutNode[] } }) {
  const { lines, dots } = useMemo(() => {
    const { placed, ways, rows, columns } = layOut(graph.root, graph.nodes);
    const x = (column: number) => (columns <= 1 ? 2 : 2 + (column * (width - 6)) / (columns - 1));
    const y = (row: number) => (rows <= 1 ? height / 2 : 3 + (row * (height - 6)) / (rows - 1));
    const at = new Map(placed.map((p) => [p.id, { x: x(p.column), y: y(p.row) }]));
    const path = ways
      .filter((w) => !w.again)
      .map(({ from, to }) => {
        const a = at.get(from);
        const b = at.get(to);
        return a && b ? `M${a.x.toFixed(1)} ${a.y.toFixed(1)}V${b.y.toFixed(1)}H${b.x.toFixed(1)}` : '';
      })
      .join('');
    return {
      lines: path,
      dots: placed.flatMap((p) => (p.node.outcome ? [{ id: p.id, shape: ends[p.node.outcome], x: x(p.column), y: y(p.row) }] : [])),
    };
  }, [graph]);
  return (
    <svg className="glyph" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path d={lines} />
      {dots.map((d) => (
        <circle key={d.id} className={d.shape} cx={d.x} cy={d.y} r={1.8} />
      ))}
    </svg>
  );
}
