import { describe, expect, it } from 'vitest';
import { type LayoutNode, layOut } from './layout';

const ask = (nodeId: string, ...targets: string[]): LayoutNode => ({ __typename: 'DecisionNode', nodeId, options: targets.map((target) => ({ target })) });
const end = (nodeId: string): LayoutNode => ({ __typename: 'SolutionNode', nodeId });
const where = (nodes: LayoutNode[]) => Object.fromEntries(layOut('root', nodes).placed.map((p) => [p.id, [p.column, p.row]]));

describe('a layout', () => {
  it('runs the first answer straight on and lets the others leave downwards', () => {
    expect(where([ask('root', 'yes', 'no'), ask('yes', 'a', 'b'), end('a'), end('b'), end('no')])).toEqual({ root: [0, 0], yes: [1, 0], a: [2, 0], b: [2, 1], no: [1, 2] });
  });
  it('places a shared node once, and knows the second way to it', () => {
    const { placed, ways } = layOut('root', [ask('root', 'x', 'y'), ask('x', 'e'), ask('y', 'e'), end('e')]);
    expect(placed.map((p) => p.id)).toEqual(['root', 'x', 'e', 'y']);
    expect(ways.filter((w) => w.again)).toEqual([{ from: 'y', to: 'e', option: 0, again: true }]);
  });
  it('places a shared node on the shortest way to it', () => {
    expect(where([ask('root', 'x', 'e'), ask('x', 'y', 'e'), end('y'), ask('e', 'f'), end('f')])).toEqual({ root: [0, 0], x: [1, 0], y: [2, 0], e: [1, 1], f: [2, 1] });
  });
  it('gives a reference a row of its own, where they are asked for', () => {
    const { placed, ways } = layOut('root', [ask('root', 'x', 'y'), ask('x', 'e'), ask('y', 'e'), end('e')], { references: true });
    expect(placed.map((p) => [p.id, p.column, p.row, p.reference ?? false])).toEqual([
      ['root', 0, 0, false],
      ['x', 1, 0, false],
      ['e', 2, 0, false],
      ['y', 1, 1, false],
      ['y 0', 2, 1, true],
    ]);
    expect(ways).toHaveLength(4);
  });
  it('follows the ways that a value decides, before the one that is left', () => {
    const input: LayoutNode = { __typename: 'InputNode', nodeId: 'root', branches: [{ target: 'a' }, { target: 'b' }], next: 'c' };
    expect(where([input, end('a'), end('b'), end('c')])).toEqual({ root: [0, 0], a: [1, 0], b: [1, 1], c: [1, 2] });
  });
  it('ends where a tree goes round in a circle', () => {
    expect(layOut('root', [ask('root', 'a', 'root'), ask('a', 'root')]).placed).toHaveLength(2);
  });
  it('leaves out ways to nowhere and what cannot be reached', () => {
    const { placed, ways } = layOut('root', [ask('root', '', 'gone'), end('island')]);
    expect(placed.map((p) => p.id)).toEqual(['root']);
    expect(ways).toEqual([]);
  });
  it('is empty without a root', () => {
    expect(layOut('', [])).toEqual({ placed: [], ways: [], rows: 0, columns: 0 });
  });
  it('holds 2,000 nodes in one line', () => {
    const nodes = Array.from({ length: 2000 }, (_, i) => ask(i === 0 ? 'root' : `n${i}`, `n${i + 1}`));
    expect(layOut('root', nodes).columns).toBe(2000);
  });
});
