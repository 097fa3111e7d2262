import type { GraphService } from '../ports/graph-service.ts';
import { canonicalEdge, canonicalVertex, type TypedValue } from './canonical.ts';

export interface ObservedElement {
  /** Business key; `LABEL#ID` for an element without one. */
  readonly name: string;
  readonly id: string;
  readonly text: string;
  /** Sequence numbers that a `writer` vertex carries; empty for everything else. */
  readonly sequences: readonly string[];
}

/** Vertices per request: their rows are read from the database together. */
const chunkSize = 400;
const parallel = 2;

type ValueRow = readonly [name: string, type: string, text: string, meta?: readonly ValueRow[]];
type VertexRow = readonly [id: string, label: string, values: readonly ValueRow[], edges: readonly EdgeRow[]];
type EdgeRow = readonly [id: string, label: string, to: string, values: readonly ValueRow[]];

/** Every vertex and then every edge of the graph, by a scan of all vertices. Keeps the names of the vertices and the edges' rows in memory. */
export async function* readElements(graph: GraphService): AsyncIterable<ObservedElement> {
  const ids = await graph.submit<string>(idsScript, {}, { timeoutMs: 120_000 });
  const chunks: string[][] = [];
  for (let at = 0; at < ids.length; at += chunkSize) chunks.push(ids.slice(at, at + chunkSize));
  const names = new Map<string, string>();
  const edges: Array<readonly [from: string, edge: EdgeRow]> = [];
  for (let at = 0; at < chunks.length; at += parallel) {
    const answers = await Promise.all(
      chunks.slice(at, at + parallel).map((wanted) => graph.submit<VertexRow>(elementsScript, { wanted })),
    );
    for (const [id, label, values, out] of answers.flat()) {
      const name = nameOf(values, label, id);
      names.set(id, name);
      for (const edge of out) edges.push([id, edge]);
      const sequences = values.filter(([key]) => key === 'sequence').map(([, , text]) => text);
      yield { name, id, text: canonicalVertex(label, typed(values)), sequences };
    }
  }
  const end = (id: string): string => names.get(id) ?? `vertex#${id}, which is not there`;
  for (const [from, [id, label, to, values]] of edges) {
    const text = canonicalEdge(label, end(from), end(to), typed(values));
    yield { name: nameOf(values, label, id), id, text, sequences: [] };
  }
}

function nameOf(values: readonly ValueRow[], label: string, id: string): string {
  return values.find(([name]) => name === 'businessKey')?.[2] ?? `${label}#${id}`;
}

function typed(values: readonly ValueRow[]): TypedValue[] {
  return values
    .filter(([name]) => name !== 'businessKey')
    .map(([name, type, text, meta = []]) => ({ name, type, text, meta: typed(meta) }));
}

const idsScript = `
  def tx = graph.buildTransaction().readOnly().start()
  try { tx.traversal().V().id().map { it.get().toString() }.toList() } finally { tx.rollback() }
`;

const elementsScript = `
  def row
  row = { property ->
    def value = property.value()
    def text = value instanceof Date ? String.valueOf(value.time) : value.toString()
    def below = property instanceof org.janusgraph.core.JanusGraphVertexProperty ? property.properties().collect { row(it) } : []
    below.isEmpty() ? [property.key(), value.class.simpleName, text] : [property.key(), value.class.simpleName, text, below]
  }
  // The scan has just seen these vertices, so they need not be looked for again.
  def tx = graph.buildTransaction().readOnly().checkExternalVertexExistence(false).start()
  try {
    def vertices = tx.getVertices(wanted.collect { Long.valueOf(it) } as Object[]).toList()
    // Two reads for all vertices together, their labels and the rest; asked of one vertex after the other these would take ten times as long.
    tx.traversal().V(vertices as Object[]).label().iterate()
    tx.multiQuery(vertices).relations()
    vertices.collect { vertex ->
      [vertex.id().toString(), vertex.label(), vertex.query().properties().collect { row(it) },
       vertex.query().direction(org.apache.tinkerpop.gremlin.structure.Direction.OUT).edges().collect { edge ->
        [edge.id().toString(), edge.label(), edge.inVertex().id().toString(), edge.properties().collect { row(it) }]
      }]
    }
  } finally { tx.rollback() }
`;
