import { mapConcurrently } from '../../model/map-concurrently.ts';
import type { ReportProgress } from '../../model/progress.ts';
import type { Database, TokenRange } from '../../ports/database.ts';
import type { GraphService } from '../../ports/graph-service.ts';
import type { Id } from '../codec/byte-reader.ts';
import { vertexKind } from '../codec/element-id.ts';
import { rowObserver, type GraphObserver } from '../invariants/invariant.ts';
import { documentsOf } from '../invariants/mixed-documents.ts';
import type { MixedIndex } from '../codec/relation-type.ts';
import { belowEdges, cellsOfPart, RowWalk, tokenParts } from '../scan.ts';
import { readSchema, type GraphSchema } from '../schema.ts';

export interface RebuildOptions {
  readonly database: Database;
  readonly graph: GraphService;
  readonly keyspace: string;
  /** Name of the index backend in JanusGraph's settings. */
  readonly backend: string;
  readonly progress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** While one part is read from the database, others are being read by the graph server and written. */
const partsAtOnce = 3;
const verticesAtOnce = 1000;
/** Well below what one request to the graph server may carry, 64 MiB as a rule. */
const mostBatchBytes = 8 * 1024 ** 2;
const mostRowBytes = 1024 ** 2;
const batchTimeoutMs = 120_000;

/**
 * Writes the documents of these vertices, or of their edges or properties, as JanusGraph itself makes them, all of them in one write of the
 * index. JanusGraph's own REINDEX writes each document by itself, which with Lucene is a sync to disk for each. The vertices' cells, which
 * were just read to find them, come along as JanusGraph's cache of the row, so that it need not ask the database for every vertex again.
 * Each row: the number of its cells (none: to be read), then column and value, each after its length.
 */
const writeScript = `
import groovy.transform.CompileStatic
import java.nio.ByteBuffer
import org.apache.tinkerpop.gremlin.structure.Direction
import org.janusgraph.diskstorage.Entry
import org.janusgraph.diskstorage.StaticBuffer
import org.janusgraph.diskstorage.keycolumnvalue.SliceQuery
import org.janusgraph.diskstorage.util.StaticArrayBuffer
import org.janusgraph.diskstorage.util.StaticArrayEntry
import org.janusgraph.diskstorage.util.StaticArrayEntryList
import org.janusgraph.graphdb.database.util.IndexRecordUtil
import org.janusgraph.graphdb.vertices.CacheVertex

@CompileStatic
class Rows {
  ByteBuffer bytes
  SliceQuery slice

  void preload(CacheVertex vertex) {
    int cells = bytes.getInt()
    List<Entry> entries = new ArrayList<>(cells)
    for (int at = 0; at < cells; at++) entries.add(StaticArrayEntry.of(next(), next()))
    if (cells > 0) vertex.addToQueryCache(slice, StaticArrayEntryList.of(entries))
  }

  StaticBuffer next() {
    byte[] part = new byte[bytes.getInt()]
    bytes.get(part)
    StaticArrayBuffer.of(part)
  }
}

transaction = graph.buildTransaction().readOnly().checkExternalVertexExistence(false).start()
try {
  type = IndexRecordUtil.getMixedIndex(index, transaction)
  serializer = graph.getIndexSerializer()
  documents = new HashMap()
  bounds = [0, end].collect { StaticArrayBuffer.of([it] as byte[]) }
  cells = new Rows(bytes: ByteBuffer.wrap(rows.decodeBase64()), slice: new SliceQuery(bounds[0], bounds[1]))
  ids.each { id ->
    vertex = transaction.getInternalVertex(id)
    cells.preload(vertex)
    if (element == 'vertex') serializer.reindexElement(vertex, type, documents)
    else if (element == 'edge') vertex.edges(Direction.OUT).each { serializer.reindexElement(it, type, documents) }
    else vertex.properties().each { serializer.reindexElement(it, type, documents) }
  }
  if (!documents.isEmpty()) transaction.getTxHandle().getIndexTransaction(type.getBackingIndexName()).restore(documents)
  documents.values().collect { it.size() }.sum() ?: 0
} finally {
  transaction.rollback()
}
`;

/**
 * Fills every enabled mixed index of a backend from the graph and waits until all of it is written. It adds and replaces documents but
 * removes none: the index' storage is emptied first (`setIndexAside`). May be done again. Constant memory: some thousand rows at a
 * time. Gives the names of the indexes. Throws RetryableProblem `graph-unreachable` or `database-unreachable`.
 */
export async function rebuildMixedIndexes(options: RebuildOptions): Promise<readonly string[]> {
  const schema = await readSchema(options.database, options.keyspace);
  const indexes = schema.mixedIndexes.filter((index) => index.backend === options.backend);
  for (const index of indexes) await rebuild(options, schema, index);
  return indexes.map((index) => index.name).sort();
}

async function rebuild(options: RebuildOptions, schema: GraphSchema, index: MixedIndex): Promise<void> {
  const { graph, progress, signal } = options;
  const parts = tokenParts(32);
  let written = 0;
  let finished = 0;
  const halt = new AbortController();
  const stop = signal === undefined ? halt.signal : AbortSignal.any([halt.signal, signal]);
  const indexPart = async (part: TokenRange): Promise<void> => {
    stop.throwIfAborted();
    for await (const batch of rowsToIndex(options, schema, index, part)) {
      stop.throwIfAborted();
      const bindings = {
        index: index.name,
        element: index.element,
        ids: batch.map(({ vertex }) => BigInt(vertex)),
        rows: Buffer.concat(batch.flatMap(({ cells }) => rowBytesOf(cells))).toString('base64'),
        end: cellsOf(index).to[0],
      };
      const [count] = await graph.submit<number>(writeScript, bindings, { timeoutMs: batchTimeoutMs });
      written += count ?? 0;
    }
    finished += 1;
    const total = Math.max(written, Math.round((written * parts.length) / finished));
    progress?.({ done: written, total, unit: 'items', label: `documents of ${index.name}` });
  };
  try {
    await mapConcurrently(parts, partsAtOnce, indexPart);
  } finally {
    halt.abort();
  }
}

interface RowToIndex {
  readonly vertex: Id;
  /** Column and value of one cell after the other, as the database keeps them. */
  readonly cells: readonly Buffer[];
}

/** The rows of one part of the ring that have something to index, some at a time. */
async function* rowsToIndex(
  { database, keyspace }: RebuildOptions,
  schema: GraphSchema,
  index: MixedIndex,
  part: TokenRange,
): AsyncIterable<readonly RowToIndex[]> {
  let batch: RowToIndex[] = [];
  let batchBytes = 0;
  let cells: Buffer[] = [];
  let rowBytes = 0;
  let wanted = false;
  const documents = documentsOf(index, () => {
    wanted = true;
  });
  const collector: GraphObserver = {
    vertexEnd({ id }) {
      // JanusGraph reads for itself what is too large to send, and a partitioned vertex, which it puts together from its parts.
      const sent = vertexKind(id) !== 'partitioned' && rowBytes <= mostRowBytes;
      if (wanted) batch.push({ vertex: id, cells: sent ? cells : [] });
      batchBytes += wanted && sent ? rowBytes : 0;
      cells = [];
      rowBytes = 0;
      wanted = false;
    },
  };
  const walk = new RowWalk(schema, rowObserver(schema, [documents, collector]));
  for await (const row of cellsOfPart({ database, keyspace }, 'edgestore', part, cellsOf(index))) {
    const [column, value] = [row.column1 as Buffer, row.value as Buffer];
    walk.cell(row.key as Buffer, column, value);
    rowBytes += column.length + value.length;
    // Copies: the driver hands out slices of whole network frames.
    if (rowBytes <= mostRowBytes) cells.push(Buffer.from(column), Buffer.from(value));
    if (batch.length >= verticesAtOnce || batchBytes >= mostBatchBytes) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
  }
  walk.end();
  if (batch.length > 0) yield batch;
}

/** The cells of a row that its documents are made of: those of edges only for an index of edges. */
function cellsOf(index: MixedIndex): { readonly from: Buffer; readonly to: Buffer } {
  return index.element === 'edge' ? { from: Buffer.of(0), to: Buffer.of(0xff) } : belowEdges;
}

function rowBytesOf(cells: readonly Buffer[]): readonly Buffer[] {
  return [lengthOf(cells.length / 2), ...cells.flatMap((bytes) => [lengthOf(bytes.length), bytes])];
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}
