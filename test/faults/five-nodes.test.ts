import { execa } from 'execa';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { formatInstant, microsOf } from '../../src/model/instant.ts';
import { nodeFolders } from '../../src/platforms/sandbox/topology.ts';
import { acknowledged, difference, expectedState, observedState } from '../../src/sample/oracle.ts';
import type { Bank } from '../../src/sample/bank.ts';
import { openTransactionLog } from '../../src/sample/transaction-log.ts';
import { transactionsOf } from '../../src/sample/transaction.ts';
import { startWriter } from '../../src/sample/writer.ts';
import { openAtConsistency } from '../support/any-second/consistency.ts';
import { loadSample, sandboxUp, shippedUpTo, type TestSandbox } from '../support/sandbox.ts';

/**
 * Five nodes in three racks, two, two and one: of each kind of replication a different three nodes hold a row. What was written after the base
 * comes back from the log on every one of them.
 */
let sandbox: TestSandbox;
let bank: Bank;

/** By strategy and factor: the graph's own has NetworkTopologyStrategy and three. */
const keyspaces = {
  simple: "{'class': 'SimpleStrategy', 'replication_factor': 3}",
  pairs: "{'class': 'NetworkTopologyStrategy', 'hcd-paris': 2}",
  single: "{'class': 'SimpleStrategy', 'replication_factor': 1}",
} as const;
const rows = 400;

beforeAll(async () => {
  sandbox = await sandboxUp(5, undefined, {
    platform: { kind: 'sandbox', heapMb: 320 },
    datacenter: { size: 5, racks: ['rack1', 'rack2', 'rack3'] },
  });
  bank = await loadSample(sandbox.platform, 'five-nodes');
});

afterAll(async () => sandbox?.down());

test('a restore to the newest instant gives every replica its writes, whatever the strategy of a keyspace', async () => {
  const { platform } = sandbox;
  const { database, graph } = platform;
  expect(platform.nodes.map(({ rack }) => rack)).toEqual(['rack1', 'rack2', 'rack3', 'rack1', 'rack2']);
  for (const [keyspace, replication] of Object.entries(keyspaces)) {
    await database.execute(`CREATE KEYSPACE ${keyspace} WITH replication = ${replication}`);
    await database.execute(`CREATE TABLE ${keyspace}.rows (key int PRIMARY KEY, value text)`);
  }
  await sandbox.answer(z.unknown(), 'backup', 'local');
  const log = openTransactionLog(join(sandbox.home, 'writer.jsonl'));
  const writer = await startWriter({ bank, graph, log, clock: systemClock });
  for (const keyspace of Object.keys(keyspaces)) {
    for (let key = 0; key < rows; key += 1) {
      await database.execute(`INSERT INTO ${keyspace}.rows (key, value) VALUES (?, ?)`, [key, `value ${key}`]);
    }
  }
  await expect.poll(() => writer.counters().acknowledged, { timeout: 120_000 }).toBeGreaterThan(100);
  await writer.stop();
  const transactions = await transactionsOf(log.records());
  log.close();
  await shippedUpTo(sandbox, formatInstant(microsOf(new Date())));
  const restored = z.looseObject({ ok: z.literal(true) });
  await sandbox.answer(restored, 'restore', 'local', '--to', 'newest', '--without-base', '--confirm', 'local');

  const addresses = (await sandbox.status()).nodes.map(({ host }) => host);
  const all = openAtConsistency({ addresses, localDataCenter: 'hcd-paris', consistency: 'all' });
  try {
    for (const keyspace of Object.keys(keyspaces)) {
      expect(await all.execute(`SELECT count(*) FROM ${keyspace}.rows`)).toEqual([{ count: BigInt(rows) }]);
    }
  } finally {
    await all.close();
  }
  const { elements } = await observedState(graph);
  expect(difference(expectedState(bank, transactions, acknowledged), elements)).toBeUndefined();
  // Cassandra itself compares the replicas of every range, and would stream what differs.
  const { nodetool } = nodeFolders(sandbox.directory, platform.nodes[0]?.name ?? '');
  for (const keyspace of [platform.keyspace, 'simple', 'pairs']) {
    const { stdout } = await execa(nodetool, ['repair', '--full', '--preview', keyspace]);
    expect(stdout).toContain('Previewed data was in sync');
  }
});
