import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { TableRows } from '../../test/support/table-rows.ts';
import type { Clock } from '../ports/clock.ts';
import { firstSettings, readGlobalSettings } from './global-settings.ts';
import { markKey, namespaces, readClaims, type PoolMark } from './id-claims.ts';
import { decideAdvance, cleanAfterRestore, readIdMark } from './clean-after-restore.ts';

const keyspace = 'janusgraph';
const clock: Clock = { now: () => new Date(0), monotonic: () => 0, sleep: () => Promise.resolve() };

function restoredTables(): TableRows {
  const database = new TableRows();
  for (const table of ['edgestore_lock_', 'graphindex_lock_', 'system_properties_lock_']) {
    Object.assign(database.tables, { [table]: new Map() });
  }
  database.put('edgestore_lock_', 'aa', '01', '');
  database.put('edgestore_lock_', 'aa', '02', '');
  return database;
}

test('with what was claimed before the restore, every pool goes on exactly there, and a second time changes nothing', async () => {
  const database = restoredTables();
  const mark = (await readIdMark(database, keyspace)).map((pool) => ({ ...pool, next: String(Number(pool.next) + 7) }));
  expect(await cleanAfterRestore({ database, keyspace, clock, mark })).toEqual({
    instancesCleared: 1,
    locksCleared: 1,
    idBlocksAdvanced: mark.length,
  });
  expect(await readIdMark(database, keyspace)).toEqual(mark);
  expect((await readGlobalSettings(database, keyspace)).instances).toEqual([]);
  expect(await cleanAfterRestore({ database, keyspace, clock, mark })).toMatchObject({ idBlocksAdvanced: 0 });
});

test('without it, every pool there can be jumps far ahead, also one that had no claim in the backup', async () => {
  const database = restoredTables();
  const before = await readIdMark(database, keyspace);
  await cleanAfterRestore({ database, keyspace, clock, mark: undefined });
  const after = new Map((await readIdMark(database, keyspace)).map((pool) => [markKey(pool), BigInt(pool.next)]));
  expect(after.size).toBe(32 * 3 + 2);
  for (const pool of before) expect(after.get(markKey(pool))).toBeGreaterThan(BigInt(pool.next) + 9999n);
  expect(after.get('unmodifiable 7 0')).toBeGreaterThan(1_000_000_000n);
});

const nothing = { instancesCleared: 0, locksCleared: 0, idBlocksAdvanced: 0 };

test('a keyspace without the tables of a graph has nothing to clean', async () => {
  const database = new TableRows();
  for (const table of Object.keys(database.tables)) delete (database.tables as Record<string, unknown>)[table];
  expect(await cleanAfterRestore({ database, keyspace, clock, mark: undefined })).toEqual(nothing);
});

test('where JanusGraph was never started there is nothing to clean, and no id that was given out is given out by its first server', async () => {
  const database = restoredTables();
  database.tables.system_properties?.clear();
  database.tables.janusgraph_ids?.clear();
  database.tables.edgestore_lock_?.clear();
  expect(await cleanAfterRestore({ database, keyspace, clock, mark: [] })).toEqual(nothing);
  const mark = [{ namespace: 'normal', partition: 3, tag: 0, next: '77' }] as const;
  expect(await cleanAfterRestore({ database, keyspace, clock, mark: [...mark] })).toMatchObject({
    idBlocksAdvanced: 1,
  });
  expect(await readClaims(database, keyspace, firstSettings)).toEqual(mark);
});

test('a lock table that is not there holds no lock, and a claim that cannot be read stops nothing', async () => {
  const database = new TableRows();
  database.put('janusgraph_ids', '00', '01', '');
  expect(await cleanAfterRestore({ database, keyspace, clock, mark: undefined })).toMatchObject({ locksCleared: 0 });
});

test('a graph whose ids are claimed in another table is not made sound by halves', async () => {
  const database = restoredTables();
  delete (database.tables as Record<string, unknown>)['janusgraph_ids'];
  await expect(cleanAfterRestore({ database, keyspace, clock, mark: undefined })).rejects.toMatchObject({
    code: 'graph-form-unsupported',
  });
  expect((await readGlobalSettings(database, keyspace)).instances).toHaveLength(1);
});

const pool: fc.Arbitrary<PoolMark> = fc.record({
  namespace: fc.constantFrom(...namespaces),
  partition: fc.integer({ min: 0, max: 3 }),
  tag: fc.integer({ min: 0, max: 1 }),
  next: fc.bigInt({ min: 1n, max: 2n ** 50n }).map(String),
});
const marks = fc.uniqueArray(pool, { selector: markKey });

test('a live table that had lost claims says nothing: then every pool jumps far ahead of both', () => {
  const at = (next: number, partition = 0): PoolMark => ({
    namespace: 'normal',
    partition,
    tag: 0,
    next: String(next),
  });
  const graph = { partitions: 4, tags: 2 };
  expect(decideAdvance([at(100)], [at(200)], graph)).toEqual([at(200)]);
  for (const lost of [[], [at(90)], [at(200, 1)]]) {
    const moved = decideAdvance([at(100)], lost, graph);
    expect(moved.length).toBeGreaterThan(4 * 3);
    for (const pool of [at(100), ...lost]) {
      const ahead = moved.find((each) => markKey(each) === markKey(pool));
      expect(BigInt(ahead?.next ?? 0)).toBeGreaterThan(BigInt(pool.next) + 1_000_000_000n);
    }
  }
});

test('a jump begins above what an earlier one reached, and far above it where that cannot be read', () => {
  const at = (next: bigint): PoolMark => ({ namespace: 'normal', partition: 0, tag: 0, next: String(next) });
  const graph = { partitions: 1, tags: 1 };
  const next = (moved: readonly PoolMark[]) => BigInt(moved.find((pool) => markKey(pool) === 'normal 0 0')?.next ?? 0);
  const first = next(decideAdvance([at(100n)], undefined, graph));
  const second = next(decideAdvance([at(100n)], undefined, graph, [at(first)]));
  expect(second - first).toBe(first - 100n);
  // A live table that does not hold it has lost claims.
  expect(next(decideAdvance([at(100n)], [at(200n)], graph, [at(first)]))).toBe(second);
  expect(decideAdvance([at(100n)], [at(first)], graph, [at(first)])).toEqual([at(first)]);
  expect(next(decideAdvance([at(100n)], [at(200n)], { ...graph, blind: true }))).toBeGreaterThan(10n * first);
});

test('no pool ever goes on below what was restored or observed', () => {
  fc.assert(
    fc.property(marks, marks, (restored, observed) => {
      const next = new Map(restored.map((one) => [markKey(one), BigInt(one.next)]));
      for (const one of decideAdvance(restored, observed, { partitions: 4, tags: 2 })) {
        expect(BigInt(one.next)).toBeGreaterThan(next.get(markKey(one)) ?? 1n);
        next.set(markKey(one), BigInt(one.next));
      }
      for (const one of [...restored, ...observed]) {
        expect(next.get(markKey(one)) ?? 1n).toBeGreaterThanOrEqual(BigInt(one.next));
      }
    }),
  );
});
