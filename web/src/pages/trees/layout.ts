// How a tree is laid out: left to right, the first answer straight on, the others
// leaving downwards in order, so that it reads from top to bottom as an outline does.
import type { TreeOutcome } from '../../gql/graphql';

export interface LayoutNode {
  __typename: string;
  nodeId: string;
  options?: { target: string }[];
  next?: string | null;
  outcome?: TreeOutcome;
}

export interface Placed {
  id: string;
  column: number;
  row: number;
  node: LayoutNode;
}

export interface Way {
  from: string;
  to: string;
  option: number; // which of the ways from the node, from 0
  /** It leads to a node that another way came to first. */
  again: boolean;
}

/** Where each node that can be reached stands, and the ways between them. */
export function layOut(root: string, nodes: readonly LayoutNode[]): { placed: Placed[]; ways: Way[]; rows: number; columns: number } {
  const byId = new Map(nodes.map((n) => [n.nodeId, n]));
  const placed: Placed[] = [];
  const ways: Way[] = [];
  const there = new Set<string>();
  let rows = 0;
  let columns = 0;
  // Without recursion: a tree may be 200 nodes deep and a browser's stack is not ours.
  const stack: { id: string; column: number; straight: number | undefined; way: Way | undefined }[] = byId.has(root) ? [{ id: root, column: 0, straight: 0, way: undefined }] : [];
  while (stack.length > 0) {
    const top = stack.pop();
    if (!top) break;
    const node = byId.get(top.id);
    if (!node) continue;
    if (top.way) ways.push({ ...top.way, again: there.has(top.id) });
    if (there.has(top.id)) continue;
    there.add(top.id);
    const row = top.straight ?? rows;
    rows = Math.max(rows, row + 1);
    columns = Math.max(columns, top.column + 1);
    placed.push({ id: top.id, column: top.column, row, node });
    const targets = [...(node.options ?? []).map((o) => o.target), ...(node.next ? [node.next] : [])];
    // The last one is pushed first, so that the first one is laid out first.
    for (let i = targets.length - 1; i >= 0; i--) {
      const to = targets[i] ?? '';
      stack.push({ id: to, column: top.column + 1, straight: i === 0 ? row : undefined, way: { from: top.id, to, option: i, again: false } });
    }
  }
  return { placed, ways, rows, columns };
}
