import '@xyflow/react/dist/base.css';

import { Controls, type Edge, Handle, type Node, type NodeProps, Position, ReactFlow, type ReactFlowInstance } from '@xyflow/react';
import { memo, useEffect, useMemo, useRef } from 'react';
import { markOf, type WalkNode, wordsOfWays } from '../../runner/model';
import { layOut, referenceOf } from './layout';
import './trees.css';

type WayNode = Node<{ node: WalkNode; answer: string | undefined; reference: boolean; walked: boolean; at: boolean }, 'way'>;

/** Where a walk went in the tree, and where it stands. */
export interface Walked {
  steps: readonly { nodeId: string; answer: string | null }[];
  at: string;
}

const nodeWidth = 184;
const columnWidth = nodeWidth + 56; // room for the way to bend
const rowHeight = 68; // an answer, its node, and air
const margin = 24;
const readable = 0.75; // the least scale at which it opens
const ends = { RESOLVED: 'r', ESCALATED: 'e', UNRESOLVED: 'u' };

const Way = memo(({ data: { node, answer, reference, walked, at } }: NodeProps<WayNode>) => (
  <div className={['way-stop', walked && 'walked', at && 'at'].filter(Boolean).join(' ')} style={{ width: nodeWidth }}>
    {answer && (
      <p className="way-answer" title={answer}>
        {answer}
      </p>
    )}
    <div className={`way-node ${reference ? 'reference' : node.__typename === 'SolutionNode' ? ends[node.outcome] : ''}`} title={reference ? `${node.title} (it has its place elsewhere)` : node.title}>
      <Handle type="target" position={Position.Left} isConnectable={false} className="invisible" />
      <span className={`mk ${markOf(node)}${walked && node.__typename !== 'SolutionNode' ? ' walked' : ''}`} aria-hidden="true" />
      <span>{node.title}</span>
      <Handle type="source" position={Position.Right} isConnectable={false} className="invisible" />
    </div>
  </div>
));

const types = { way: Way };

/** The tree as a map to look at, left to right: each answer stands over the node that it leads to. A walk is drawn as the line that it is. */
export default function TreeCanvas({ graph, walk }: { graph: { root: string; nodes: readonly WalkNode[] }; walk?: Walked }) {
  const area = useRef<HTMLDivElement>(null);
  const flow = useRef<ReactFlowInstance<WayNode>>(undefined);
  const { nodes, edges, width, height } = useMemo(() => {
    const { placed, ways, rows, columns } = layOut(graph.root, graph.nodes, { references: true });
    const byId = new Map(graph.nodes.map((n) => [n.nodeId, n]));
    const labels = new Map(graph.nodes.flatMap((n) => ('fields' in n ? n.fields.map((f) => [f.name, f.label] as const) : [])));
    const answers = new Map(
      ways.map((w) => {
        const from = byId.get(w.from);
        return [w.again ? referenceOf(w) : w.to, from && wordsOfWays(from, labels)[w.option]];
      }),
    );
    const taken = new Set<string>();
    for (const [i, step] of (walk?.steps ?? []).entries()) {
      const to = walk?.steps[i + 1]?.nodeId ?? walk?.at;
      const same = ways.filter((w) => w.from === step.nodeId && w.to === to);
      const way = same.find((w) => answers.get(w.again ? referenceOf(w) : w.to) === step.answer) ?? same[0];
      if (way) taken.add(referenceOf(way));
    }
    const been = new Set([...(walk?.steps.map((s) => s.nodeId) ?? []), ...(walk ? [walk.at] : []), ...taken]);
    const flowNodes: WayNode[] = placed.flatMap((p) => {
      const node = byId.get(p.node.nodeId);
      const answer = answers.get(p.id);
      return node
        ? [{ id: p.id, type: 'way' as const, position: { x: p.column * columnWidth, y: p.row * rowHeight }, data: { node, answer, reference: p.reference ?? false, walked: been.has(p.id), at: walk?.at === p.id }, draggable: false, connectable: false, ariaLabel: answer ? `${answer}: ${node.title}` : node.title }]
        : [];
    });
    const flowEdges: Edge[] = ways.map((w) => ({
      id: referenceOf(w),
      source: w.from,
      target: w.again ? referenceOf(w) : w.to,
      type: 'smoothstep',
      pathOptions: { borderRadius: 10 },
      focusable: false,
      className: [w.again && 'again', taken.has(referenceOf(w)) && 'taken'].filter(Boolean).join(' '),
      zIndex: taken.has(referenceOf(w)) ? 1 : 0,
    }));
    return { nodes: flowNodes, edges: flowEdges, width: columns * columnWidth - 56, height: rows * rowHeight };
  }, [graph, walk]);

  // All of it where that can be read; else all columns, or its beginning, from which it is read on.
  const begin = (instance: ReactFlowInstance<WayNode>) => {
    flow.current = instance;
    const box = area.current?.getBoundingClientRect();
    if (!box) return;
    const [across, down] = [(box.width - 2 * margin) / width, (box.height - 2 * margin) / height];
    const zoom = [Math.min(across, down), across].find((fits) => fits >= readable) ?? 0.9;
    void instance.setViewport({ x: margin, y: margin, zoom: Math.min(1, zoom) });
    follow();
  };
  // Where the walk stands is in sight; the map moves only when it is not.
  const place = nodes.find((n) => n.data.at)?.position;
  const follow = () => {
    const box = area.current?.getBoundingClientRect();
    const view = flow.current?.getViewport();
    if (!box || !view || !place) return;
    const x = place.x * view.zoom + view.x;
    const y = place.y * view.zoom + view.y;
    if (x >= 0 && y >= 0 && x + columnWidth * view.zoom <= box.width && y + rowHeight * view.zoom <= box.height) return;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    void flow.current?.setCenter(place.x + nodeWidth / 2, place.y + rowHeight / 2, { zoom: view.zoom, duration: calm ? 0 : 260 });
  };
  useEffect(follow, [place?.x, place?.y]);
  return (
    <div className="tree-canvas" ref={area}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={types}
        onInit={begin}
        minZoom={0.1}
        maxZoom={1.5}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        zoomOnScroll={false}
        preventScrolling={false}
        proOptions={{ hideAttribution: true }}
        ariaLabelConfig={{ 'controls.zoomIn.ariaLabel': 'Nearer', 'controls.zoomOut.ariaLabel': 'Farther', 'controls.fitView.ariaLabel': 'Show all' }}
      >
        <Controls showInteractive={false} orientation="horizontal" position="bottom-right" />
      </ReactFlow>
    </div>
  );
}
