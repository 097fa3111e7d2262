import { z } from 'zod';
import type { Database } from '../ports/database.ts';
import { exactId, UndecodableRow, type Id } from './codec/byte-reader.ts';
import { readGlobalSettings, type GlobalSettings } from './global-settings.ts';

/** JanusGraph's id namespaces, by position. Vertices that are partitioned are counted in partition 1, schema vertices in partition 0. */
export const namespaces = ['normal', 'unmodifiable', 'partitioned', 'relation', 'schema'] as const;
export type Namespace = (typeof namespaces)[number];

export interface Pool {
  readonly namespace: Namespace;
  readonly partition: number;
}

/** How far ids have been claimed in one pool. */
export const poolMark = z.object({
  namespace: z.enum(namespaces),
  partition: z.number().int().nonnegative(),
  /** Tag of the claiming instances: with conflict avoidance by tags, each tag counts for itself. */
  tag: z.number().int().nonnegative(),
  /** The first number that no instance has claimed yet, in decimal. */
  next: z.string().regex(/^\d+$/),
});
export type PoolMark = z.infer<typeof poolMark>;

/** How far ids have been claimed in every pool that was ever used: the graph's high-water mark. */
export const idMark = z.array(poolMark);
export type IdMark = z.infer<typeof idMark>;

export function poolName({ namespace, partition }: Pool): string {
  return namespace === 'schema' ? 'pool of schema ids' : `pool of ${namespace} ids of partition ${partition}`;
}

/**
 * Reads the high-water mark. Instances claim blocks of ids by writing the block's end, negated so that the newest sorts first, a time and
 * their name as a column under the pool's key; whoever comes next starts at the highest end. Before a restore it is read from the live
 * cluster after its graph servers were stopped: no id below it may be issued again. A claim that cannot be
 * read says nothing about any pool; `onDamage` is told of it. Throws RetryableProblem `database-unreachable`.
 */
export async function readIdMark(database: Database, keyspace: string, onDamage?: OnDamage): Promise<IdMark> {
  return readClaims(database, keyspace, await readGlobalSettings(database, keyspace), onDamage);
}

type OnDamage = (claim: { readonly key: Buffer; readonly column: Buffer }, problem: UndecodableRow) => void;

/** The same, of a graph whose settings are known. */
export async function readClaims(
  database: Database,
  keyspace: string,
  { partitions }: Pick<GlobalSettings, 'partitions'>,
  onDamage?: OnDamage,
): Promise<IdMark> {
  const bits = Math.round(Math.log2(partitions));
  const marks = new Map<string, PoolMark>();
  for await (const row of database.rows(`SELECT key, column1, value FROM "${keyspace}".janusgraph_ids`)) {
    const [key, column] = [row.key as Buffer, row.column1 as Buffer];
    let mark: PoolMark;
    try {
      mark = readClaim(key, column, bits);
    } catch (error) {
      if (!(error instanceof UndecodableRow)) throw error;
      onDamage?.({ key: Buffer.from(key), column: Buffer.from(column) }, error);
      continue;
    }
    const known = marks.get(markKey(mark));
    if (known === undefined || BigInt(mark.next) > BigInt(known.next)) marks.set(markKey(mark), mark);
  }
  return [...marks.values()].sort((a, b) => (markKey(a) < markKey(b) ? -1 : 1));
}

export function markKey({ namespace, partition, tag }: Omit<PoolMark, 'next'>): string {
  return `${namespace} ${partition} ${tag}`;
}

/** The mark of a pool; an unclaimed pool starts at 1. */
export function nextOf(mark: IdMark, pool: Pool, tag: number): Id {
  const found = mark.find((one) => markKey(one) === markKey({ ...pool, tag }));
  return exactId(BigInt(found?.next ?? 1));
}

function readClaim(key: Buffer, column: Buffer, partitionBits: number): PoolMark {
  const namespace = key.length === 8 ? namespaces[key.readUInt32BE(4)] : undefined;
  if (namespace === undefined || column.length < 16)
    throw new UndecodableRow(`an id claim has the key 0x${key.toString('hex')}`);
  const head = key.readUInt32BE(0);
  const shift = 32 - partitionBits;
  const partition = partitionBits === 0 ? 0 : head >>> shift;
  const tag = partitionBits === 0 ? head : head & (2 ** shift - 1);
  return { namespace, partition, tag, next: String(-column.readBigInt64BE(0)) };
}

/** Key and column of a claim that ends at `next`. `atMicros`: when, in microseconds; `claimant`: whoever makes it. */
export function claimCell(
  mark: PoolMark,
  partitionBits: number,
  atMicros: bigint,
  claimant: string,
): { key: Buffer; column: Buffer } {
  const key = Buffer.alloc(8);
  const high = partitionBits === 0 ? 0 : mark.partition * 2 ** (32 - partitionBits);
  key.writeUInt32BE(high + mark.tag, 0);
  key.writeUInt32BE(namespaces.indexOf(mark.namespace), 4);
  const head = Buffer.alloc(16);
  head.writeBigInt64BE(-BigInt(mark.next), 0);
  head.writeBigInt64BE(atMicros, 8);
  return { key, column: Buffer.concat([head, Buffer.from(claimant)]) };
}
