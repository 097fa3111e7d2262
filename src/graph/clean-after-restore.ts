import { FailedProblem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { Database } from '../ports/database.ts';
import { findGlobalSettings, firstSettings, type GlobalSettings } from './global-settings.ts';
import { idTable, requireIdTable, settingsTable, tablesIn } from './graph-tables.ts';
import { claimCell, markKey, namespaces, readClaims, type IdMark, type Namespace, type PoolMark } from './id-claims.ts';
import { clearDeadRegistrations } from './invariants/registrations.ts';

export { idMark, readIdMark, type IdMark } from './id-claims.ts';

export interface CleaningOptions {
  readonly database: Database;
  readonly keyspace: string;
  readonly clock: Clock;
  /** What was claimed in the live cluster before the restore, after its servers were stopped; undefined when it could not be read. */
  readonly mark: IdMark | undefined;
  /** Servers may have given out ids after the mark was read: it is the least that is known. */
  readonly mayBeOld?: boolean;
  /** What earlier restores and reverts moved the ids to, on whatever data: servers have gone on from there. */
  readonly earlier?: EarlierIds;
}

export interface EarlierIds {
  /** Undefined when it cannot be read: then the ids jump so far that it hardly matters. */
  readonly floor: IdMark | undefined;
  /** Called with how far all pools are moved, before any is. */
  readonly keep: (moved: IdMark) => Promise<void>;
}

export interface CleaningResult {
  readonly instancesCleared: number;
  /** Rows of lock tables. */
  readonly locksCleared: number;
  /** Pools whose next id was moved ahead. */
  readonly idBlocksAdvanced: number;
}

/**
 * Cleans JanusGraph's own records in a restored database while no graph server runs: no instance is registered, nothing is locked, and the
 * next ids lie beyond any that was ever issued. May be done again; with `mark` the second time changes nothing. A keyspace on which JanusGraph was
 * never started has little of that, or nothing: its first server makes the rest. Throws RetryableProblem `database-unreachable`, RefusedProblem
 * `graph-form-unsupported`.
 */
export async function cleanAfterRestore(options: CleaningOptions): Promise<CleaningResult> {
  const { database, keyspace } = options;
  const tables = await tablesIn(database, keyspace);
  const settings = tables.has(settingsTable) ? await findGlobalSettings(database, keyspace) : undefined;
  if (settings !== undefined) requireIdTable(`The restored graph in "${keyspace}"`, tables, settings);
  const cleared = settings === undefined ? [] : await clearDeadRegistrations(database, keyspace, []);
  const locks = await clearLocks(database, keyspace, tables);
  const advanced = tables.has(idTable) ? await advanceIds(options, settings ?? firstSettings) : [];
  return { instancesCleared: cleared.length, locksCleared: locks, idBlocksAdvanced: advanced.length };
}

const lockTables = ['edgestore_lock_', 'graphindex_lock_', 'system_properties_lock_'] as const;

/**
 * Row by row: there are few, TRUNCATE would need every node up and would leave a snapshot on each, and a delete is in the commit log.
 */
async function clearLocks(database: Database, keyspace: string, tables: ReadonlySet<string>): Promise<number> {
  let cleared = 0;
  for (const table of lockTables.filter((each) => tables.has(each))) {
    for await (const row of database.rows(`SELECT DISTINCT key FROM "${keyspace}".${table}`)) {
      await database.execute(`DELETE FROM "${keyspace}".${table} WHERE key = ?`, [row.key]);
      cleared++;
    }
  }
  return cleared;
}

/**
 * How far each pool is moved when nobody could say what was issued after the backup: more ids than a cluster issues between two backups,
 * yet a small part of the 2^55 of a pool. Schema ids are written into every cell, and types are few.
 */
const unknownJump: Readonly<Record<Namespace, bigint>> = {
  normal: 2n ** 30n,
  unmodifiable: 2n ** 30n,
  partitioned: 2n ** 30n,
  relation: 2n ** 30n,
  schema: 10_000n,
};

/** Where nobody can say what earlier restores moved the ids to: more than many of their jumps. */
const blindFactor = 64n;

/**
 * Moves the next id of every pool to where it is certain that no id after the backup was issued, by a claim like those of instances, which
 * nobody uses: the next instance starts at its end. Gives the pools that were moved.
 */
async function advanceIds(
  { database, keyspace, clock, mark, mayBeOld = false, earlier }: CleaningOptions,
  settings: GlobalSettings,
): Promise<readonly PoolMark[]> {
  const { partitions, tagBits } = settings;
  // A claim that cannot be read is one that no instance reads either. The check of the graph names it.
  const claims = async () => readClaims(database, keyspace, settings, () => undefined);
  const restored = await claims();
  const { floor } = earlier ?? { floor: [] };
  const graph = { partitions, tags: 2 ** tagBits, mayBeOld, blind: floor === undefined };
  const wanted = decideAdvance(restored, mark, graph, floor);
  await earlier?.keep(highest([floor ?? [], restored, wanted]));
  const micros = BigInt(clock.now().getTime()) * 1000n;
  for (const pool of wanted) {
    const { key, column } = claimCell(pool, Math.round(Math.log2(partitions)), micros, 'cardea');
    await database.execute(`INSERT INTO "${keyspace}".${idTable} (key, column1, value) VALUES (?, ?, ?)`, [
      key,
      column,
      Buffer.alloc(0),
    ]);
  }
  const now = new Map((await claims()).map((pool) => [markKey(pool), BigInt(pool.next)]));
  const behind = wanted.filter((pool) => (now.get(markKey(pool)) ?? 0n) < BigInt(pool.next));
  if (behind.length > 0) {
    throw new FailedProblem({
      code: 'ids-not-advanced',
      happened: `The id counters of ${behind.length} pools could not be moved past the ids that were given out after the backup.`,
      state: 'The restored data is in place; no JanusGraph server is running.',
      next: 'Resume the run. Do not start a JanusGraph server before this step succeeds: it would give out the same ids again.',
      details: behind.map(markKey),
    });
  }
  return wanted;
}

/**
 * The pools to move, with their new marks. With `observed` to exactly what was claimed. By a wide jump, in every pool there can be, when
 * nothing was observed, or less than what was restored or than the `floor` that earlier restores moved the ids to: then the live table had lost
 * claims, and says nothing of what was given out. And so where `mayBeOld`, from what was observed. A jump begins above the floor: two
 * restores of one point would jump to the same ids. `blind`: there may be a floor that nobody knows.
 */
export function decideAdvance(
  restored: IdMark,
  observed: IdMark | undefined,
  graph: {
    readonly partitions: number;
    readonly tags: number;
    readonly mayBeOld?: boolean;
    readonly blind?: boolean;
  },
  floor: IdMark = [],
): readonly PoolMark[] {
  const known = nextIds(restored);
  const seen = nextIds(observed ?? []);
  const isBehind = [...nextIds(highest([restored, floor]))].some(([key, next]) => (seen.get(key) ?? 1n) < next);
  if (observed !== undefined && !isBehind && graph.mayBeOld !== true && graph.blind !== true) {
    return observed.filter((pool) => BigInt(pool.next) > (known.get(markKey(pool)) ?? 1n));
  }
  const all = highest([restored, observed ?? [], floor]);
  const reached = nextIds(all);
  // Instances claim under tag 0 unless conflict avoidance is on, which shows in the claims that were restored.
  const tags = all.some((pool) => pool.tag !== 0) ? graph.tags : 1;
  const times = graph.blind === true ? blindFactor : 1n;
  const jumps = namespaces.flatMap((namespace) =>
    partitionsOf(namespace, graph.partitions).flatMap((partition) =>
      Array.from({ length: tags }, (_, tag) => {
        const from = reached.get(markKey({ namespace, partition, tag })) ?? 1n;
        return { namespace, partition, tag, next: String(from + times * unknownJump[namespace]) };
      }),
    ),
  );
  const jumped = new Set(jumps.map(markKey));
  const odd = all.filter((pool) => !jumped.has(markKey(pool)) && BigInt(pool.next) > (known.get(markKey(pool)) ?? 1n));
  return [...jumps, ...odd];
}

function nextIds(mark: IdMark): ReadonlyMap<string, bigint> {
  return new Map(mark.map((pool) => [markKey(pool), BigInt(pool.next)]));
}

/** Of each pool the highest mark. */
export function highest(marks: ReadonlyArray<readonly PoolMark[]>): PoolMark[] {
  const found = new Map<string, PoolMark>();
  for (const pool of marks.flat()) {
    const before = found.get(markKey(pool));
    if (before === undefined || BigInt(pool.next) > BigInt(before.next)) found.set(markKey(pool), pool);
  }
  return [...found.values()];
}

function partitionsOf(namespace: Namespace, partitions: number): number[] {
  if (namespace === 'schema') return [0];
  if (namespace === 'partitioned') return [1];
  return Array.from({ length: partitions }, (_, partition) => partition);
}
