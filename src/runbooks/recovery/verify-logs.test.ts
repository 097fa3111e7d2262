import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { ShippedBucket, hosts, second } from '../../../test/support/shipped-bucket.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { runId } from '../../model/identifiers.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import type { Platform } from '../../ports/platform.ts';
import type { RunbookServices } from '../services.ts';
import { chooseBase } from './choose-base.ts';
import { planLogs } from './plan-logs.ts';
import { readRecoveryFacts, withPieces } from './recovery-facts.ts';
import { verifyLogs } from './verify-logs.ts';

const [a, b] = hosts;
const base = 'backup-20260219-020010';
const watching = { signal: new AbortController().signal };

/** Two nodes that shipped eight pieces each of an open segment, and the plan for the newest instant. */
async function shipped(): Promise<{ bucket: ShippedBucket; plan: LogPlan }> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const host of [a, b]) {
    await bucket.begin('t0001', host, 0);
    for (const covered of [5, 20, 30, 40, 50, 60, 70, 80]) await bucket.ship('t0001', host, { segment: 100, covered });
    await bucket.watermark('t0001', host, 100);
  }
  await bucket.point(10, 12);
  const facts = await readRecoveryFacts(services(bucket.store));
  const choice = chooseBase(facts, { instant: second(75), timeline: 't0001' });
  return {
    bucket,
    plan: {
      run: runId.parse('restore-20260219-020000-abcd'),
      ...planLogs(await withPieces(facts, choice.point), choice),
    },
  };
}

function services(store: MemoryStore): RunbookServices {
  const platform = { bucket: store, environment: 'local' } as unknown as Platform;
  const config = { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig;
  return {
    platform,
    config,
    clock: { now: () => new Date(second(100) / 1000), monotonic: () => 0, sleep: async () => {} },
  };
}

/** The same bucket, telling each whole object that is read. */
function listening(bucket: ShippedBucket): { store: MemoryStore; read: string[] } {
  const read: string[] = [];
  const store = new MemoryStore({
    calls: async (method, key) => {
      if (method === 'get' && /\/\d{10}-\d{10}$/.test(key)) read.push(key);
    },
  });
  for (const [key, body] of bucket.store.objects) store.set(key, body);
  // Headers alone, for making a plan, are read as streams.
  store.getStream = async (key) => bucket.store.getStream(key);
  return { store, read };
}

const objectsOf = ({ strands }: LogPlan) => strands.flatMap(({ streams }) => streams.flatMap(({ objects }) => objects));

test('objects that were merged since the plan was made are found there: the plan stands and nothing is left out', async () => {
  const { bucket, plan } = await shipped();
  expect(objectsOf(plan).length).toBeGreaterThan(8);
  await bucket.merge('t0001', a, 100, 1, 8);
  await bucket.merge('t0001', b, 100, 3, 6);
  const { store, read } = listening(bucket);
  expect(await verifyLogs(services(store), plan, base, watching)).toMatchObject({ plan, left: [] });
  // Each merged object once for each of the two that read side by side, not once for each of its parts.
  const merged = read.filter((key) => store.objects.has(key) && !objectsOf(plan).some((object) => object.key === key));
  expect(merged.length).toBeLessThanOrEqual(4);
});

test('a merged object that holds other bytes than its parts had is damage, and named', async () => {
  const { bucket, plan } = await shipped();
  await bucket.merge('t0001', a, 100, 1, 8);
  const planned = objectsOf(plan);
  const wrong = planned.map((object, at) => (at === 0 ? { ...object, sha256: '0'.repeat(64) } : object));
  const strands = plan.strands.map((strand) => ({
    ...strand,
    streams: strand.streams.map((stream) => ({
      ...stream,
      objects: stream.objects.map((object) => wrong[planned.indexOf(object)] ?? object),
    })),
  }));
  const { left } = await verifyLogs(services(bucket.store), { ...plan, strands }, base, watching);
  expect(left).toEqual([{ key: planned[0]?.key, reason: 'it is not the object that the plan was made with' }]);
});

test('when the plan has to be made anew, what was found right before is not read again', async () => {
  const { bucket, plan } = await shipped();
  const [lost] = objectsOf(plan);
  // Its bytes are in a wider object too, so that the plan can do without it.
  await bucket.merge('t0001', a, 100, 1, 2, true);
  await bucket.merge('t0001', b, 100, 1, 2, true);
  const key = lost?.key ?? '';
  const { store, read } = listening(bucket);
  const body = Buffer.from(store.objects.get(key) ?? []);
  body[body.length - 6] = (body[body.length - 6] ?? 0) ^ 1;
  store.set(key, body);
  const { left, plan: second } = await verifyLogs(services(store), plan, base, watching);
  expect(left).toHaveLength(1);
  expect(second).not.toEqual(plan);
  const twice = read.filter((each, at) => read.indexOf(each) !== at);
  expect(twice).toEqual([]);
});
