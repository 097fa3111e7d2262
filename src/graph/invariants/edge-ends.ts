import type { Id } from '../codec/byte-reader.ts';
import { CellTimes } from './cell-times.ts';
import type { Finding, Found, Suspicion } from './finding.ts';
import { MultisetDifference } from './multiset-difference.ts';
import { rowObserver, type CheckContext, type GraphObserver, type Invariant } from './invariant.ts';
import { afterPrefix, columnPrefix, type Relation } from '../codec/relation.ts';
import type { RelationType } from '../codec/relation-type.ts';
import { walkVertex, type VertexRow } from '../scan.ts';

/**
 * Every edge is seen from both of its vertices, with the same properties. In the pass, the text of each edge is added from its out-vertex
 * and taken away from its in-vertex; a second pass lists the edges of the buckets that differ.
 */
export function edgeEnds(context: CheckContext): Invariant {
  const fold = new MultisetDifference();
  const seen = new Map<string, SeenEdge>();
  let differing = new Set<number>();

  const second: GraphObserver = {
    edge(vertex, relation, text) {
      if (relation.type.outOnly || !differing.has(fold.bucketOf(text))) return;
      const edge = seen.get(text) ?? { ...endsOf(vertex, relation), balance: 0 };
      edge.balance += relation.direction === 'out' ? 1 : -1;
      if (edge.balance === 0) seen.delete(text);
      else seen.set(text, edge);
    },
  };

  return {
    observer: {
      edge(_vertex, relation, text) {
        if (!relation.type.outOnly) fold.add(text, relation.direction === 'out' ? 1 : -1);
      },
    },
    compare() {
      differing = fold.differing();
      return Promise.resolve(differing.size === 0 ? undefined : second);
    },
    suspicions() {
      // An edge whose ends differ in a property was seen as two: one from each end.
      const edges = new Map([...seen.values()].map((edge) => [edge.id, edge]));
      return Promise.resolve([...edges.values()].map((edge) => suspicionOf(context, edge)));
    },
  };
}

interface SeenEdge {
  readonly id: Id;
  readonly type: RelationType;
  readonly from: Id;
  readonly to: Id;
  /** Times seen from the out-vertex less times seen from the in-vertex. */
  balance: number;
}

function endsOf(vertex: VertexRow, relation: Relation): Omit<SeenEdge, 'balance'> {
  // The rows' own ids, not the canonical ones: a partitioned vertex keeps each edge in one of its parts.
  const other = relation.other ?? 0;
  const [from, to] = relation.direction === 'out' ? [vertex.id, other] : [other, vertex.id];
  return { id: relation.id ?? 0, type: relation.type, from, to };
}

function suspicionOf(context: CheckContext, edge: SeenEdge): Suspicion {
  const { id, type, from, to } = edge;
  const name = `edge "${type.name}" from vertex ${from} to vertex ${to}`;
  const oneSided = (only: Id, without: Id): Finding => ({
    kind: 'one-sided-edge',
    element: `edge ${id}`,
    relation: type.name,
    detail: `The ${name} is in the row of vertex ${only} but not in the row of vertex ${without}.`,
  });
  return {
    finding: edge.balance > 0 ? oneSided(from, to) : oneSided(to, from),
    async again(): Promise<Found | undefined> {
      const times = new CellTimes();
      const [out, into] = await Promise.all([
        textsAt(context, edge, 'out', times),
        textsAt(context, edge, 'in', times),
      ]);
      if (out.length === into.length && out.every((text) => into.includes(text))) return undefined;
      if (into.length === 0) return { finding: oneSided(from, to), times };
      if (out.length === 0) return { finding: oneSided(to, from), times };
      const finding: Finding = {
        kind: 'edge-ends-differ',
        element: `edge ${id}`,
        relation: type.name,
        detail: `The ${name} has different properties in the rows of vertex ${from} and vertex ${to}.`,
      };
      return { finding, times };
    },
  };
}

/** The texts of this edge in the row of one of its vertices. */
async function textsAt(
  context: CheckContext,
  edge: SeenEdge,
  direction: 'out' | 'in',
  times: CellTimes,
): Promise<string[]> {
  const { schema } = context;
  const texts: string[] = [];
  const observer = rowObserver(schema, [
    {
      edge(vertex, relation, text) {
        if (relation.id !== edge.id || relation.direction !== direction) return;
        texts.push(text);
        times.add(vertex.time);
      },
    },
  ]);
  const prefix = columnPrefix(edge.type, direction);
  const range = { from: prefix, to: afterPrefix(prefix) };
  await walkVertex(context, direction === 'out' ? edge.from : edge.to, observer, range);
  return texts;
}
