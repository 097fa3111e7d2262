import type { ReportProgress } from '../model/progress.ts';
import type { Database } from '../ports/database.ts';
import type { GraphService } from '../ports/graph-service.ts';
import type { Id } from './byte-reader.ts';
import { rowObserver } from './invariant.ts';
import { documentsOf } from './mixed-documents.ts';
import type { MixedIndex } from './relation-type.ts';
import { RowWalk, rowsOfPart, tokenParts } from './scan.ts';
import { readSchema, type GraphSchema } from './schema.ts';

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
const batchTimeoutMs = 120_000;

/**
 * Writes the documents of these vertices, or of their edges or properties, as JanusGraph itself makes them, all of them in one write of the
 * index. JanusGraph's own REINDEX writes each document by itself, which with Lucene is a sync to disk for each. Whether a vertex exists need
 * not be asked one by one: the rows were just read, and one that is gone by now has no properties to make a document of.
 */
const writeScript = `
import org.apache.tinkerpop.gremlin.structure.Direction
import org.janusgraph.graphdb.database.util.IndexRecordUtil
transaction = graph.buildTransaction().readOnly().checkExternalVertexExistence(false).start()
try {
  type = IndexRecordUtil.getMixedIndex(index, transaction)
  serializer = graph.getIndexSerializer()
  documents = new HashMap()
  vertices = transaction.getVertices(ids as Object[])
  vertices = vertices.findAll { it != null }
  if (vertices.size() > 1 && element != 'edge') transaction.multiQuery(vertices).properties()
  vertices.each { vertex ->
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
 * removes none: the index' storage is emptied first (`setIndexAside`). May be done again. Constant memory: the vertices of a few parts
 * of the ring at a time. Gives the names of the indexes. Throws RetryableProblem `graph-unreachable` or `database-unreachable`.
 */
export async function rebuildMixedIndexes(options: RebuildOptions): Promise<readonly string[]> {
  const schema = await readSchema(options.database, options.keyspace);
  const indexes = schema.mixedIndexes.filter((index) => index.backend === options.backend);
  for (const index of indexes) await rebuild(options, schema, index);
  return indexes.map((index) => index.name).sort();
}

async function rebuild(options: RebuildOptions, schema: GraphSchema, index: MixedIndex): Promise<void> {
  const { database, graph, keyspace, progress, signal } = options;
  const parts = tokenParts(32);
  const waiting = parts.values();
  let written = 0;
  let finished = 0;
  const halt = new AbortController();
  const stop = signal === undefined ? halt.signal : AbortSignal.any([halt.signal, signal]);
  const worker = async (): Promise<void> => {
    for (const part of waiting) {
      stop.throwIfAborted();
      const vertices = new Set<Id>();
      const observer = rowObserver(schema, [documentsOf(index, (document) => vertices.add(document.element.vertex))]);
      await rowsOfPart(database, keyspace, 'edgestore', part, new RowWalk(schema, observer));
      const ids = [...vertices].map(BigInt);
      for (let from = 0; from < ids.length; from += verticesAtOnce) {
        stop.throwIfAborted();
        const batch = ids.slice(from, from + verticesAtOnce);
        const bindings = { index: index.name, element: index.element, ids: batch };
        const [count] = await graph.submit<number>(writeScript, bindings, { timeoutMs: batchTimeoutMs });
        written += count ?? 0;
      }
      finished += 1;
      const total = Math.max(written, Math.round((written * parts.length) / finished));
      progress?.({ done: written, total, unit: 'items', label: `documents of ${index.name}` });
    }
  };
  try {
    await Promise.all(Array.from({ length: partsAtOnce }, worker));
  } finally {
    halt.abort();
  }
}
