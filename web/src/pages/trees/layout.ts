// How a tree is laid out: left to right, the first answer straight on, the others
// leaving downwards in order, so that it reads from top to bottom as an outline does.
import type { TreeOutcome } from '../../gql/graphql';

export interface LayoutNode {
  __typename: string;
  nodeId: string;
  options?: { target: string }[];
  branches?: { target: string }[]; // by what was written down
  next?: string | null;
  outcome?: TreeOutcome;
}

export interface Placed {
  id: string; // the node's; of a reference, the way's
  column: number;
  row: number;
  node: LayoutNode;
  /** It stands for a node that has its place elsewhere. */
  reference?: true;
}

export interface Way {
  from: string;
  to: string;
  option: number; // which of the ways from the node, from 0
  /** It leads to a node that has its place on another way. */
  again: boolean;
}

/** What a reference is called: the way that it ends. */
export const referenceOf = (way: Pick<Way, 'from' | 'option'>): string => `${way.from} ${way.option}`;

const targetsOf = (node: LayoutNode): string[] => [...(node.options ?? []), ...(node.branches ?? [])].map((way) => way.target).concat(node.next ?? []);

/** The way on which each node has its place: the shortest from the root, of several the first. */
function homes(root: string, byId: ReadonlyMap<string, LayoutNode>): Map<string, string> {
  const home = new Map([[root, '']]);
  for (const id of home.keys()) {
    const node = byId.get(id);
    for (const [option, to] of (node ? targetsOf(node) : []).entries()) {
      if (!home.has(to)) home.set(to, referenceOf({ from: id, option }));
    }
  }
  return home;
}

/**
 * Where each node that can be reached stands, and the ways between them. With
 * `references`, a way to a node that has its place elsewhere ends in a row of its
 * own, as in an outline, so that no way runs across others.
 */
export function layOut(root: string, nodes: readonly LayoutNode[], { references = false } = {}): { placed: Placed[]; ways: Way[]; rows: number; columns: number } {
  const byId = new Map(nodes.map((n) => [n.nodeId, n]));
  const home = homes(root, byId);
  const placed: Placed[] = [];
  const ways: Way[] = [];
  let rows = 0;
  let columns = 0;
  // Without recursion: a tree may be 200 nodes deep and a browser's stack is not ours.
  const stack: { id: string; column: number; straight: number | undefined; way: Way | undefined }[] = byId.has(root) ? [{ id: root, column: 0, straight: 0, way: undefined }] : [];
  while (stack.length > 0) {
    const top = stack.pop();
    if (!top) break;
    const node = byId.get(top.id);
    if (!node) continue;
    if (top.way) ways.push(top.way);
    if (top.way?.again && !references) continue;
    const row = top.straight ?? rows;
    rows = Math.max(rows, row + 1);
    columns = Math.max(columns, top.column + 1);
    if (top.way?.again) {
      placed.push({ id: referenceOf(top.way), column: top.column, row, node, reference: true });
      continue;
    }
    placed.push({ id: top.id, column: top.column, row, node });
    const targets = targetsOf(node);
    // The last one is pushed first, so that the first one is laid out first.
    for (let i = targets.length - 1; i >= 0; i--) {
      const to = targets[i] ?? '';
      const way = { from: top.id, to, option: i };
      stack.push({ id: to, column: top.column + 1, straight: i === 0 ? row : undefined, way: { ...way, again: home.get(to) !== referenceOf(way) } });
    }
  }
  return { placed, ways, rows, columns };
}
