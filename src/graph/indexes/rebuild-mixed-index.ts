import { mapConcurrently } from '../../model/map-concurrently.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { ReportProgress } from '../../model/progress.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database, TokenRange } from '../../ports/database.ts';
import type { GraphService } from '../../ports/graph-service.ts';
import { objectPatience, patiently } from '../../ports/patience.ts';
import type { Id } from '../codec/byte-reader.ts';
import { vertexKind } from '../codec/element-id.ts';
import { rowObserver, type GraphObserver } from '../invariants/invariant.ts';
import { documentsOf, elementOf } from '../invariants/mixed-documents.ts';
import type { MixedIndex } from '../codec/relation-type.ts';
import { belowEdges, cellsOfPart, RowWalk, tokenParts } from '../scan.ts';
import { readSchema, type GraphSchema } from '../schema.ts';

export interface RebuildOptions {
  readonly database: Database;
  readonly graph: GraphService;
  readonly keyspace: string;
  /** Name of the index backend in JanusGraph's settings. */
  readonly backend: string;
  readonly clock: Clock;
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
/** Rows whose documents are written one by one when all at once cannot be. */
const oneByOne = 8;
const attemptsOneByOne = 3;
const pauseMs = 1000;
/** So few refused documents say nothing about the index. */
const mostRefused = 10;

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

@CompileStatic
String reasonOf(Throwable thrown) {
  Throwable deepest = thrown
  for (int at = 0; at < 20 && deepest.getCause() != null; at++) deepest = deepest.getCause()
  String text = deepest.getClass().getSimpleName() + ': ' + deepest.getMessage()
  return text.length() > 300 ? text.substring(0, 300) : text
}

transaction = graph.buildTransaction().readOnly().checkExternalVertexExistence(false).start()
try {
  type = IndexRecordUtil.getMixedIndex(index, transaction)
  serializer = graph.getIndexSerializer()
  documents = new HashMap()
  failed = []
  written = 0
  // One by one, what the index or JanusGraph cannot take is told apart from the rest.
  attempt = { name, work ->
    try { work() } catch (Exception thrown) { failed.add([name: name.toString(), why: reasonOf(thrown)]) }
  }
  make = { one ->
    if (!apart) serializer.reindexElement(one, type, documents)
    else attempt(IndexRecordUtil.element2String(one)) { serializer.reindexElement(one, type, documents) }
  }
  bounds = [0, end].collect { StaticArrayBuffer.of([it] as byte[]) }
  cells = new Rows(bytes: ByteBuffer.wrap(rows.decodeBase64()), slice: new SliceQuery(bounds[0], bounds[1]))
  ids.each { id ->
    vertex = transaction.getInternalVertex(id)
    cells.preload(vertex)
    if (element == 'vertex') make(vertex)
    else if (element == 'edge') vertex.edges(Direction.OUT).each { make(it) }
    else vertex.properties().each { make(it) }
  }
  store = transaction.getTxHandle().getIndexTransaction(type.getBackingIndexName())
  if (!apart) {
    if (!documents.isEmpty()) store.restore(documents)
    written = documents.values().collect { it.size() }.sum() ?: 0
  } else documents.each { place, byName ->
    byName.each { name, entries -> attempt(name) { store.restore([(place): [(name): entries]]); written += 1 } }
  }
  [[written: written, failed: failed]]
} finally {
  transaction.rollback()
}
`;

/** A document that is not in the index, because the index or JanusGraph itself cannot take it. */
export interface PassedOver {
  readonly index: string;
  readonly element: string;
  readonly why: string;
}

export interface Rebuilt {
  /** Names of the indexes. */
  readonly indexes: readonly string[];
  readonly documents: number;
  /** At most `namedPassedOver` of them; `passedOverCount` is how many there are. */
  readonly passedOver: readonly PassedOver[];
  readonly passedOverCount: number;
}

export const namedPassedOver = 10_000;

/**
 * Fills every enabled mixed index of a backend from the graph and waits until all of it is written. It adds and replaces documents but
 * removes none: the index' storage is emptied first (`setIndexAside`). May be done again. Constant memory: some thousand rows at a
 * time. A document that cannot be indexed is passed over by name, as JanusGraph does. Throws RetryableProblem `graph-unreachable` or
 * `database-unreachable`, FailedProblem `index-refuses` when more is refused than taken: then it is the index that is at fault.
 */
export async function rebuildMixedIndexes(options: RebuildOptions): Promise<Rebuilt> {
  const schema = await readSchema(options.database, options.keyspace);
  const indexes = schema.mixedIndexes.filter((index) => index.backend === options.backend);
  const passedOver: PassedOver[] = [];
  let documents = 0;
  let passedOverCount = 0;
  for (const index of indexes) {
    const { written, failed, failedCount } = await rebuild(options, schema, index);
    documents += written;
    passedOverCount += failedCount;
    passedOver.push(...failed.slice(0, namedPassedOver - passedOver.length));
  }
  return { indexes: indexes.map((index) => index.name).sort(), documents, passedOver, passedOverCount };
}

async function rebuild(options: RebuildOptions, schema: GraphSchema, index: MixedIndex) {
  const { progress, signal } = options;
  const parts = tokenParts(32);
  const failed: PassedOver[] = [];
  let failedCount = 0;
  let written = 0;
  let finished = 0;
  const halt = new AbortController();
  const stop = signal === undefined ? halt.signal : AbortSignal.any([halt.signal, signal]);
  const indexPart = async (part: TokenRange): Promise<void> => {
    stop.throwIfAborted();
    for await (const batch of rowsToIndex(options, schema, index, part)) {
      const answer = await writeRows(options, index, batch, stop);
      written += answer.written;
      failedCount += answer.failed.length;
      for (const { name, why } of answer.failed.slice(0, namedPassedOver - failed.length)) {
        failed.push({ index: index.name, element: elementOf(index, name), why });
      }
      if (failedCount > mostRefused && failedCount > written) throw indexRefuses(index, failedCount, written, failed);
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
  return { written, failed, failedCount };
}

interface Written {
  readonly written: number;
  readonly failed: readonly { readonly name: string; readonly why: string }[];
}

/** Some rows at once; when that fails for good, halves of them, down to few rows whose documents are written one by one. */
async function writeRows(
  options: RebuildOptions,
  index: MixedIndex,
  rows: readonly RowToIndex[],
  signal: AbortSignal,
): Promise<Written> {
  const { clock } = options;
  try {
    return await patiently(clock, { ...objectPatience, signal }, async () =>
      submitRows(options, index, rows, false, signal),
    );
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  if (rows.length > oneByOne) {
    const middle = Math.ceil(rows.length / 2);
    const first = await writeRows(options, index, rows.slice(0, middle), signal);
    const second = await writeRows(options, index, rows.slice(middle), signal);
    return { written: first.written + second.written, failed: [...first.failed, ...second.failed] };
  }
  for (let attempt = 1; ; attempt += 1) {
    const answer = await patiently(clock, { ...objectPatience, signal }, async () =>
      submitRows(options, index, rows, true, signal),
    );
    // What failed for a reason that passes is taken now.
    if (answer.failed.length === 0 || attempt === attemptsOneByOne) return answer;
    await clock.sleep(pauseMs * attempt, signal);
  }
}

/** The script ran and failed: with the index, or with what it was to take. */
function isRefusal(error: unknown): boolean {
  return error instanceof FailedProblem && error.code === 'graph-script-failed';
}

async function submitRows(
  { graph }: RebuildOptions,
  index: MixedIndex,
  rows: readonly RowToIndex[],
  apart: boolean,
  signal: AbortSignal,
): Promise<Written> {
  signal.throwIfAborted();
  const bindings = {
    index: index.name,
    element: index.element,
    ids: rows.map(({ vertex }) => BigInt(vertex)),
    rows: Buffer.concat(rows.flatMap(({ cells }) => rowBytesOf(cells))).toString('base64'),
    end: cellsOf(index).to[0],
    apart,
  };
  const [answer] = await graph.submit<Written>(writeScript, bindings, { timeoutMs: batchTimeoutMs });
  return answer ?? { written: 0, failed: [] };
}

function indexRefuses(index: MixedIndex, refused: number, written: number, failed: readonly PassedOver[]) {
  return new FailedProblem({
    code: 'index-refuses',
    happened: `The backend of the mixed index "${index.name}" took ${written} documents and refused ${refused}.`,
    state: 'The restored data is in place. The mixed index is not whole yet; it can be filled again.',
    next: 'See in the log of the index backend why it refuses documents. Then resume this run: the index is filled again.',
    details: failed.slice(0, 20).map(({ element, why }) => `${element}: ${why}`),
  });
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
