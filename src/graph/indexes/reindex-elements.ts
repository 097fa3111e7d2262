import type { Database } from '../../ports/database.ts';
import type { GraphService } from '../../ports/graph-service.ts';
import type { Id } from '../codec/byte-reader.ts';
import { readSchema } from '../schema.ts';

export interface ReindexOptions {
  readonly database: Database;
  readonly graph: GraphService;
  readonly keyspace: string;
  /** Name of the index backend in JanusGraph's settings. */
  readonly backend: string;
  /** Vertices whose documents are made again, with those of their edges and properties; the document of a vertex that is gone is removed. */
  readonly vertices: readonly Id[];
  /** Edges and properties that are gone, by the id that Gremlin shows: their documents are removed. */
  readonly gone: readonly string[];
  readonly signal?: AbortSignal;
}

const verticesAtOnce = 500;
const timeoutMs = 120_000;

/** JanusGraph makes the documents itself, from what the database holds now; one that comes out empty is removed by its index provider. */
const script = `
import org.apache.tinkerpop.gremlin.structure.Direction
import org.janusgraph.graphdb.database.util.IndexRecordUtil
import org.janusgraph.graphdb.relations.RelationIdentifier
transaction = graph.buildTransaction().readOnly().start()
try {
  type = IndexRecordUtil.getMixedIndex(index, transaction)
  serializer = graph.getIndexSerializer()
  documents = new HashMap()
  // First, so that of those that are there after all the documents are made anew.
  if (element != 'vertex') gone.each { serializer.removeElement(RelationIdentifier.parse(it), type, documents) }
  ids.each { id ->
    vertex = transaction.getVertex(id)
    if (element == 'vertex') {
      if (vertex == null) serializer.removeElement(id, type, documents)
      else serializer.reindexElement(vertex, type, documents)
    } else if (vertex != null) {
      if (element == 'edge') vertex.edges(Direction.OUT).each { serializer.reindexElement(it, type, documents) }
      else vertex.properties().each { serializer.reindexElement(it, type, documents) }
    }
  }
  if (!documents.isEmpty()) transaction.getTxHandle().getIndexTransaction(type.getBackingIndexName()).restore(documents)
  documents.values().collect { it.size() }.sum() ?: 0
} finally {
  transaction.rollback()
}
`;

/**
 * Makes the mixed indexes agree with elements that were written past JanusGraph. May be done again. Gives the number of documents that were
 * made anew or removed. Throws RetryableProblem `graph-unreachable` or `database-unreachable`.
 */
export async function reindexElements(options: ReindexOptions): Promise<number> {
  const { database, graph, keyspace, backend, vertices, gone, signal } = options;
  const schema = await readSchema(database, keyspace);
  let written = 0;
  for (const { name, element } of schema.mixedIndexes.filter((index) => index.backend === backend)) {
    for (let from = 0; from === 0 || from < Math.max(vertices.length, gone.length); from += verticesAtOnce) {
      signal?.throwIfAborted();
      const bindings = {
        index: name,
        element,
        ids: vertices.slice(from, from + verticesAtOnce).map(BigInt),
        gone: gone.slice(from, from + verticesAtOnce),
      };
      const [count] = await graph.submit<number>(script, bindings, { timeoutMs });
      written += count ?? 0;
    }
  }
  return written;
}

/**
 * How long a server may go on answering from its cache of the database's rows, seconds; 0 when it has none (`cache.db-cache`), undefined when
 * it never lets go of them (`cache.db-cache-time` 0).
 */
export async function cacheSeconds(graph: GraphService): Promise<number | undefined> {
  const [answer] = await graph.submit<string>(`
    import org.janusgraph.graphdb.configuration.GraphDatabaseConfiguration
    settings = graph.getConfiguration().getConfiguration()
    cached = settings.get(GraphDatabaseConfiguration.DB_CACHE)
    cached ? String.valueOf(settings.get(GraphDatabaseConfiguration.DB_CACHE_TIME)) : 'none'
  `);
  if (answer === 'none') return 0;
  const time = Number(answer);
  return time === 0 ? undefined : time / 1000;
}
