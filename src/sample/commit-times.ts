import type { Database } from '../ports/database.ts';
import type { GraphService } from '../ports/graph-service.ts';
import { type Transaction, transactionsOf } from './transaction.ts';
import type { TransactionLog } from './transaction-log.ts';

export interface CommitTimeSource {
  readonly graph: GraphService;
  readonly database: Database;
  /** Keyspace of the graph. */
  readonly keyspace: string;
}

/**
 * Reads back when the database says each transaction was committed, and appends it to the log, for the transactions that have no commit
 * time yet. Call it whenever there is time, but before a restore takes the rows away. Resolves with how many were found.
 *
 * How: a transaction adds its number to the LIST property `sequence` of a `writer` vertex. In JanusGraph's table `edgestore` a vertex is a
 * partition and each value of a LIST property a row of its own, so `WRITETIME(value)` of that row is the time of the one transaction that
 * wrote it. The server tells the partition key and the first bytes of the property's rows (its own id and layout classes); a Long
 * is stored as a zero byte (not null) and the number plus 2^63 in eight bytes. The time itself never passes through JanusGraph.
 */
export async function collectCommitTimes(source: CommitTimeSource, log: TransactionLog): Promise<number> {
  const untimed = (await transactionsOf(log.records())).filter(({ commitTime }) => commitTime === undefined);
  const byBlock = Map.groupBy(untimed, ({ block }) => block);
  let found = 0;
  for (const { block, row, prefix } of await locate(source.graph, [...byBlock.keys()])) {
    const times = await sequenceTimes(source, row, prefix);
    for (const transaction of byBlock.get(block) ?? []) found += logTime(log, transaction, times);
  }
  return found;
}

function logTime(log: TransactionLog, { thread, sequence }: Transaction, times: ReadonlyMap<number, bigint>): number {
  const time = times.get(sequence);
  if (time === undefined) return 0;
  log.append({ type: 'commit-time', thread, sequence, micros: time.toString() });
  return 1;
}

interface Location {
  readonly block: string;
  /** Partition key of the vertex in `edgestore`. */
  readonly row: Buffer;
  /** First bytes of `column1` of every value of `sequence`. */
  readonly prefix: Buffer;
}

async function locate(graph: GraphService, blocks: readonly string[]): Promise<readonly Location[]> {
  if (blocks.length === 0) return [];
  const found = await graph.submit<readonly [string, string, string]>(locateScript, { blocks });
  return found.map(([block, row, prefix]) => ({
    block,
    row: Buffer.from(row, 'hex'),
    prefix: Buffer.from(prefix, 'hex'),
  }));
}

/** Microseconds since 1970 by sequence number. */
async function sequenceTimes(
  { database, keyspace }: CommitTimeSource,
  row: Buffer,
  prefix: Buffer,
): Promise<ReadonlyMap<number, bigint>> {
  const times = new Map<number, bigint>();
  const query = `SELECT value, WRITETIME(value) AS time FROM ${keyspace}.edgestore WHERE key = ? AND column1 >= ? AND column1 < ?`;
  for await (const cell of database.rows(query, [row, prefix, following(prefix)])) {
    const value = cell['value'];
    const time = cell['time'];
    if (!(value instanceof Uint8Array) || typeof time !== 'bigint') continue;
    const stored = new DataView(value.buffer, value.byteOffset, value.byteLength).getBigUint64(1);
    times.set(Number(stored - 2n ** 63n), time);
  }
  return times;
}

/** The least bytes above everything that starts with the prefix. A prefix never ends in ff: relation type ids end in a stop bit. */
function following(prefix: Buffer): Buffer {
  const next = Buffer.from(prefix);
  next.writeUInt8(next.readUInt8(next.length - 1) + 1, next.length - 1);
  return next;
}

const locateScript = `
  def hex = { buffer -> (0..<buffer.length()).collect { String.format('%02x', buffer.getByte(it) & 0xff) }.join('') }
  def tx = graph.buildTransaction().readOnly().start()
  try {
    def out = new org.janusgraph.diskstorage.util.WriteByteBuffer()
    org.janusgraph.graphdb.database.idhandling.IDHandler.writeRelationType(out, tx.getPropertyKey('sequence').longId(),
      org.janusgraph.graphdb.database.idhandling.IDHandler.DirectionID.PROPERTY_DIR, false)
    def prefix = hex(out.getStaticBuffer())
    tx.traversal().V().has('businessKey', org.apache.tinkerpop.gremlin.process.traversal.P.within(blocks)).toList().collect { vertex ->
      [vertex.value('businessKey'), hex(graph.getIDManager().getKey(vertex.id())), prefix]
    }
  } finally { tx.rollback() }
`;
