import type { Database } from '../ports/database.ts';
import { exactId, UndecodableRow, type Id } from './byte-reader.ts';
import { readGlobalSettings } from './global-settings.ts';

/** JanusGraph's id namespaces, by position. Vertices that are partitioned are counted in partition 1, schema vertices in partition 0. */
export const namespaces = ['normal', 'unmodifiable', 'partitioned', 'relation', 'schema'] as const;
export type Namespace = (typeof namespaces)[number];

export interface Pool {
  readonly namespace: Namespace;
  readonly partition: number;
}

/** The first number of a pool that no instance has claimed yet. */
export interface IdMark extends Pool {
  /** Tag of the claiming instances, 0 unless conflict avoidance tags are in use: each counts for itself. */
  readonly tag: number;
  readonly next: bigint;
}

export function poolName({ namespace, partition }: Pool): string {
  return namespace === 'schema' ? 'pool of schema ids' : `pool of ${namespace} ids of partition ${partition}`;
}

/**
 * How far ids have been claimed, per pool: the high-water mark. Instances claim blocks by writing the block's end, negated so that the
 * newest sorts first, a time and their name as a column under the pool's key; whoever comes next starts at the highest end.
 * Read it before a restore, while the cluster can still be read: no id below it may be issued again.
 */
export async function highWaterMark(database: Database, keyspace: string): Promise<readonly IdMark[]> {
  const { partitions } = await readGlobalSettings(database, keyspace);
  const bits = Math.round(Math.log2(partitions));
  const marks = new Map<string, IdMark>();
  for await (const row of database.rows(`SELECT key, column1, value FROM "${keyspace}".janusgraph_ids`)) {
    const mark = readClaim(row.key as Buffer, row.column1 as Buffer, bits);
    const name = `${mark.namespace} ${mark.partition} ${mark.tag}`;
    const known = marks.get(name);
    if (known === undefined || mark.next > known.next) marks.set(name, mark);
  }
  return [...marks.values()];
}

/** The mark of a pool; an unclaimed pool starts at 1. */
export function markOf(marks: readonly IdMark[], pool: Pool, tag: number): Id {
  const found = marks.find(
    (mark) => mark.namespace === pool.namespace && mark.partition === pool.partition && mark.tag === tag,
  );
  return exactId(found?.next ?? 1n);
}

function readClaim(key: Buffer, column: Buffer, partitionBits: number): IdMark {
  const namespace = key.length === 8 ? namespaces[key.readUInt32BE(4)] : undefined;
  if (namespace === undefined || column.length < 16)
    throw new UndecodableRow(`an id claim has the key 0x${key.toString('hex')}`);
  const head = key.readUInt32BE(0);
  const shift = 32 - partitionBits;
  const partition = partitionBits === 0 ? 0 : head >>> shift;
  const tag = partitionBits === 0 ? head : head & (2 ** shift - 1);
  return { namespace, partition, tag, next: -column.readBigInt64BE(0) };
}

/** Key and column of a claim that ends at `next`. `atMicros`: when, in microseconds; `claimant`: whoever makes it. */
export function claimCell(
  mark: IdMark,
  partitionBits: number,
  atMicros: bigint,
  claimant: string,
): { key: Buffer; column: Buffer } {
  const key = Buffer.alloc(8);
  const high = partitionBits === 0 ? 0 : mark.partition * 2 ** (32 - partitionBits);
  key.writeUInt32BE(high + mark.tag, 0);
  key.writeUInt32BE(namespaces.indexOf(mark.namespace), 4);
  const head = Buffer.alloc(16);
  head.writeBigInt64BE(-mark.next, 0);
  head.writeBigInt64BE(atMicros, 8);
  return { key, column: Buffer.concat([head, Buffer.from(claimant)]) };
}
