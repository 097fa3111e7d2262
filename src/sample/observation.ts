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

/** Vertices whose rows the graph server holds in memory at once, some 10 KB each. */
const verticesAtOnce = 16_000;

type ValueRow = readonly [name: string, type: string, text: string, meta?: readonly ValueRow[]];
type VertexRow = readonly [id: string, label: string, values: readonly ValueRow[], edges: readonly EdgeRow[]];
type EdgeRow = readonly [id: string, label: string, to: string, values: readonly ValueRow[]];

/**
 * Every vertex and then every edge of the graph, as JanusGraph itself finds them when it walks its whole table. A graph of more than
 * `verticesAtOnce` is walked once for each part of it. Keeps the names of the vertices and the edges' rows in memory.
 */
export async function* readElements(graph: GraphService): AsyncIterable<ObservedElement> {
  const names = new Map<string, string>();
  const edges: Array<readonly [from: string, edge: EdgeRow]> = [];
  for await (const [id, label, values, out] of readVertices(graph)) {
    const name = nameOf(values, label, id);
    names.set(id, name);
    for (const edge of out) edges.push([id, edge]);
    const sequences = values.filter(([key]) => key === 'sequence').map(([, , text]) => text);
    yield { name, id, text: canonicalVertex(label, typed(values)), sequences };
  }
  const end = (id: string): string => names.get(id) ?? `vertex#${id}, which is not there`;
  for (const [from, [id, label, to, values]] of edges) {
    const text = canonicalEdge(label, end(from), end(to), typed(values));
    yield { name: nameOf(values, label, id), id, text, sequences: [] };
  }
}

async function* readVertices(graph: GraphService): AsyncIterable<VertexRow> {
  const walk = async (part: number, parts: number): Promise<readonly [count: number, rows: readonly VertexRow[]]> => {
    // Parts are chosen by a hash and differ a little in size: only of the whole is it not known beforehand how much it is.
    const bindings = { part, parts, most: parts === 1 ? verticesAtOnce : 2 ** 31 - 1 };
    const answer = await graph.submit<number | VertexRow>(walkScript, bindings, { timeoutMs: 600_000 });
    return [answer.find((each) => typeof each === 'number') ?? 0, answer.filter((each) => typeof each !== 'number')];
  };
  const [count, all] = await walk(0, 1);
  if (count <= verticesAtOnce) {
    yield* all;
    return;
  }
  const parts = Math.ceil(count / verticesAtOnce);
  for (let part = 0; part < parts; part += 1) yield* (await walk(part, parts))[1];
}

function nameOf(values: readonly ValueRow[], label: string, id: string): string {
  return values.find(([name]) => name === 'businessKey')?.[2] ?? `${label}#${id}`;
}

function typed(values: readonly ValueRow[]): TypedValue[] {
  return values
    .filter(([name]) => name !== 'businessKey')
    .map(([name, type, text, meta = []]) => ({ name, type, text, meta: typed(meta) }));
}

/**
 * A walk over the rows of the whole table, as JanusGraph's own jobs do it: asking for each vertex by its id takes three times as long. Gives the
 * number of vertices of this part and then them; no more than `most`. Compiled statically, because Groovy's dynamic calls would cost more
 * than the reading.
 */
const walkScript = `
  import groovy.transform.CompileStatic
  import java.util.concurrent.ConcurrentLinkedQueue
  import java.util.concurrent.atomic.AtomicInteger
  import org.apache.tinkerpop.gremlin.structure.Direction
  import org.apache.tinkerpop.gremlin.structure.Property
  import org.janusgraph.core.JanusGraphEdge
  import org.janusgraph.core.JanusGraphVertex
  import org.janusgraph.core.JanusGraphVertexProperty
  import org.janusgraph.diskstorage.keycolumnvalue.scan.ScanMetrics
  import org.janusgraph.graphdb.olap.QueryContainer
  import org.janusgraph.graphdb.olap.VertexJobConverter
  import org.janusgraph.graphdb.olap.VertexScanJob
  import org.janusgraph.graphdb.types.system.BaseLabel

  @CompileStatic
  class Walk implements VertexScanJob {
    Queue<Object> rows
    AtomicInteger count
    int part
    int parts
    int most

    void getQueries(QueryContainer queries) {
      queries.addQuery().type(BaseLabel.VertexLabelEdge).direction(Direction.OUT).edges()
      queries.addQuery().relations()
    }

    void process(JanusGraphVertex vertex, ScanMetrics metrics) {
      // Mixed first: the low bits of an id say what kind of vertex it is, and in which partition.
      if (Math.floorMod((vertex.id().hashCode() * 0x9E3779B1 as int) >>> 16, parts) != part || count.incrementAndGet() > most) return
      List<Object> properties = new ArrayList<>()
      for (JanusGraphVertexProperty property : vertex.query().properties()) properties.add(row(property))
      List<Object> edges = new ArrayList<>()
      for (Object each : vertex.query().direction(Direction.OUT).edges()) {
        JanusGraphEdge edge = (JanusGraphEdge) each
        edges.add([edge.id().toString(), edge.label(), edge.inVertex().id().toString(), below(edge.properties())])
      }
      rows.add([vertex.id().toString(), vertex.label(), properties, edges])
    }

    List<Object> row(Property property) {
      Object value = property.value()
      String text = value instanceof Date ? String.valueOf(((Date) value).time) : value.toString()
      List<Object> row = new ArrayList<Object>([property.key(), value.class.simpleName, text])
      if (property instanceof JanusGraphVertexProperty) {
        List<Object> meta = below(((JanusGraphVertexProperty) property).properties())
        if (!meta.isEmpty()) row.add(meta)
      }
      row
    }

    List<Object> below(Iterator<?> properties) {
      List<Object> rows = new ArrayList<>()
      while (properties.hasNext()) rows.add(row((Property) properties.next()))
      rows
    }

    VertexScanJob clone() { new Walk(rows: rows, count: count, part: part, parts: parts, most: most) }
  }

  def walk = new Walk(rows: new ConcurrentLinkedQueue(), count: new AtomicInteger(), part: part as int, parts: parts as int, most: most as int)
  graph.getBackend().buildEdgeScanJob().setNumProcessingThreads(2).setWorkBlockSize(1000)
    .setJob(VertexJobConverter.convert(graph, walk)).execute().get()
  [walk.count.get()] + walk.rows
`;
