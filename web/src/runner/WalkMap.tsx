import { lazy, Suspense, useMemo, useSyncExternalStore } from 'react';
import type { Walked } from '../pages/trees/TreeCanvas';
import type { Step, WalkNode } from './model';

type Canvas = typeof import('../pages/trees/TreeCanvas').default;

/** Without a connection a walk goes on without its map. */
const TreeCanvas = lazy(() => import('../pages/trees/TreeCanvas').catch(() => ({ default: (() => <></>) as Canvas })));
const wide = '(min-width: 1920px)';

function useWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(wide);
      media.addEventListener('change', listener);
      return () => media.removeEventListener('change', listener);
    },
    () => matchMedia(wide).matches,
  );
}

/** Where the walk is in the whole tree, on screens that have room for it beside the walk. It is not loaded on others. */
export function WalkMap({ graph, steps, at }: { graph: { root: string; nodes: readonly WalkNode[] } | undefined; steps: readonly Step[]; at: WalkNode | null }) {
  const room = useWide();
  const known = useMemo(() => new Set(graph?.nodes.map((n) => n.nodeId)), [graph]);
  const path = JSON.stringify(steps.flatMap((s) => (s.nodeId && known.has(s.nodeId) ? [{ nodeId: s.nodeId, answer: s.answer }] : [])));
  const id = at?.nodeId ?? '';
  const walk = useMemo((): Walked => ({ steps: JSON.parse(path) as Walked['steps'], at: id }), [path, id]);
  if (!room || !graph) return null;
  return (
    <section className="run-map" aria-label="Map">
      <h2>Map</h2>
      <Suspense>
        <TreeCanvas graph={graph} walk={walk} />
      </Suspense>
    </section>
  );
}
