import '@xyflow/react/dist/base.css';

import { Controls, type Edge, Handle, type Node, type NodeProps, Position, ReactFlow } from '@xyflow/react';
import { memo, useMemo } from 'react';
import { markOf, type WalkNode } from '../../runner/model';
import { layOut } from './layout';

type WayNode = Node<{ node: WalkNode }, 'way'>;

const columnWidth = 304; // room for an answer between two nodes
const rowHeight = 64;
const nodeWidth = 176;
const ends = { RESOLVED: 'r', ESCALATED: 'e', UNRESOLVED: 'u' };

const Way = memo(({ data: { node } }: NodeProps<WayNode>) => (
  <div className={`way-node ${node.__typename === 'SolutionNode' ? ends[node.outcome] : ''}`} style={{ width: nodeWidth }} title={node.title}>
    <Handle type="target" position={Position.Left} isConnectable={false} className="invisible" />
    <span className={`mk ${markOf(node)}`} aria-hidden="true" />
    <span>{node.title}</span>
    <Handle type="source" position={Position.Right} isConnectable={false} className="invisible" />
  </div>
));

const types = { way: Way };

/** The tree as a map to look at, left to right. */
export default function TreeCanvas({ graph }: { graph: { root: string; nodes: readonly WalkNode[] } }) {
  const { nodes, edges } = useMemo(() => {
    const { placed, ways } = layOut(graph.root, graph.nodes);
    const byId = new Map(graph.nodes.map((n) => [n.nodeId, n]));
    const flowNodes: WayNode[] = placed.flatMap((p) => {
      const node = byId.get(p.id);
      return node ? [{ id: p.id, type: 'way' as const, position: { x: p.column * columnWidth, y: p.row * rowHeight }, data: { node }, draggable: false, connectable: false, ariaLabel: node.title }] : [];
    });
    const flowEdges: Edge[] = ways.map((w) => {
      const from = byId.get(w.from);
      const label = from && 'options' in from ? from.options[w.option]?.label : undefined;
      return {
        id: `${w.from} ${w.option}`,
        source: w.from,
        target: w.to,
        type: 'smoothstep',
        focusable: false,
        ...(label && { label: label.length > 22 ? `${label.slice(0, 21)}…` : label }),
        ...(w.again && { className: 'again', animated: false, style: { strokeDasharray: '4 3' } }),
      };
    });
    return { nodes: flowNodes, edges: flowEdges };
  }, [graph]);
  return (
    <div className="tree-canvas">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={types}
        fitView
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
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}
