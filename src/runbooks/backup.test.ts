import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { MemoryStore } from '../../test/support/memory-store.ts';
import { ShippedBucket } from '../../test/support/shipped-bucket.ts';
import { graphSchemaKey } from '../graph/schema-document.ts';
import { FailedProblem, RefusedProblem, RetryableProblem } from '../model/problem.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import { findingsKey } from './catalog/finding-catalog.ts';
import { getPoint } from './catalog/point-catalog.ts';
import { backupRunbook } from './backup.ts';

const text = { happened: 'It ended.', state: 's', next: 'n' };
const failed = (code: string) => new FailedProblem({ code, ...text });

interface Check {
  readonly store: MemoryStore;
  readonly point: string;
  readonly stop: AbortController;
  readonly clock: FakeClock;
  /** What the agents answer. */
  answer: () => Promise<object>;
  run(): Promise<unknown>;
  stored(): Promise<RestorePoint>;
}

/** The step that checks a point just taken, on agents that answer as a test says. */
async function checkOf(more: Partial<RestorePoint> = {}): Promise<Check> {
  const bucket = new ShippedBucket();
  const point = await bucket.point(10, 12, { proof: 'taken', ...more });
  const step = backupRunbook.steps.find(({ id }) => id === 'verify');
  const { store } = bucket;
  const clock = new FakeClock();
  const stop = new AbortController();
  const nodes = (await getPoint(store, point)).nodes.map(({ node }) => ({ name: node }));
  const check: Check = {
    store,
    point,
    stop,
    clock,
    answer: async () => ({ bytes: 10, files: 2, newBytes: 5 }),
    run: async () =>
      step?.run({
        run: `${point}-abcd`,
        step: 'verify',
        epoch: 1,
        signal: stop.signal,
        progress: () => {},
        startedAt: clock.now(),
        services: { clock, platform: { bucket: store, nodes, agent: () => ({ run: () => check.answer() }) } },
      } as never),
    stored: async () => getPoint(store, point),
  };
  return check;
}

test.each([['backup-damaged'], ['inventory-missing'], ['object-missing']])(
  'a check that finds damage, %s, marks the point',
  async (code) => {
    const check = await checkOf();
    check.answer = () => Promise.reject(failed(code));
    await expect(check.run()).rejects.toMatchObject({ code });
    expect(await check.stored()).toMatchObject({ proof: 'failed', failure: 'It ended.' });
  },
);

test.each([
  ['Ctrl-C', failed('interrupted')],
  ['a lost lease', failed('fenced')],
  ['the time limit', failed('timeout')],
  ['a cancel', new DOMException('This operation was aborted', 'AbortError')],
])('%s says nothing about the backup: the point stays as it was', async (_end, reason) => {
  const check = await checkOf();
  check.answer = async () => {
    check.stop.abort(reason);
    throw reason;
  };
  await expect(check.run()).rejects.toThrow();
  expect(await check.stored()).toMatchObject({ proof: 'taken' });
  expect((await check.stored()).failure).toBeUndefined();
});

test.each([
  ['an agent that is away', new RetryableProblem({ code: 'agent-unreachable', ...text })],
  ['a store that is away', new RetryableProblem({ code: 'store-unreachable', ...text })],
  ['a run that holds the lease by now', new RefusedProblem({ code: 'stale-epoch', ...text })],
  ['an agent that is not understood', failed('agent-not-understood')],
  ['a defect', new TypeError('oops')],
])('%s ends a check without a verdict', async (_end, thrown) => {
  const check = await checkOf();
  check.answer = () => Promise.reject(thrown);
  await expect(check.run()).rejects.toThrow();
  expect(await check.stored()).toMatchObject({ proof: 'taken' });
});

test('a process that lost the lease writes no verdict, not even a true one', async () => {
  const check = await checkOf();
  check.answer = async () => {
    check.stop.abort(failed('fenced'));
    throw failed('backup-damaged');
  };
  await expect(check.run()).rejects.toMatchObject({ code: 'fenced' });
  expect(await check.stored()).toMatchObject({ proof: 'taken' });
});

test('damage on one node marks the point also when another node could not be asked', async () => {
  const check = await checkOf();
  const ends = [new RetryableProblem({ code: 'agent-unreachable', ...text }), failed('backup-damaged')];
  check.answer = () => Promise.reject(ends.pop());
  await expect(check.run()).rejects.toMatchObject({ code: 'nodes-failed' });
  expect(await check.stored()).toMatchObject({ proof: 'failed', failure: 'It ended.' });
});

test('a later check that finds everything takes the failure back', async () => {
  const check = await checkOf({ proof: 'failed', failure: 'It was interrupted.' });
  expect(await check.run()).toMatchObject({ newBytes: 10 });
  expect(await check.stored()).toMatchObject({ proof: 'checked', newBytes: 10 });
  expect((await check.stored()).failure).toBeUndefined();
});

test('a store that is away while the verdict is written is waited for', async () => {
  const check = await checkOf();
  check.answer = async () => {
    check.store.unreachable = true;
    throw failed('backup-damaged');
  };
  const running = check.run().catch((thrown: unknown) => thrown);
  await check.clock.advance(60_000);
  check.store.unreachable = false;
  await check.clock.advance(10_000);
  expect(await running).toMatchObject({ code: 'backup-damaged' });
  expect(await check.stored()).toMatchObject({ proof: 'failed' });
});

test('a backup that lay interrupted takes no snapshot under a name that another run has used meanwhile', async () => {
  const bucket = new ShippedBucket();
  const point = await bucket.point(10, 12);
  const { run: taker } = await getPoint(bucket.store, point);
  const step = backupRunbook.steps.find(({ id }) => id === 'snapshot');
  const clock = new FakeClock();
  const asked: string[] = [];
  const span = { from: '2026-02-19T02:00:10.000000Z', to: '2026-02-19T02:00:12.000000Z', bytes: 1, files: 1 };
  const agent = () => ({ run: async (_key: object, kind: string) => (asked.push(kind), span) });
  const services = { clock, platform: { bucket: bucket.store, nodes: [{ name: 'node-1' }], agent } };
  const { signal } = new AbortController();
  const work = {
    step: 'snapshot',
    params: { cut: 'fuzzy' },
    epoch: 1,
    signal,
    progress: () => {},
    log: () => {},
    startedAt: clock.now(),
    services,
  };
  const take = async (run: string) => step?.run({ ...work, run } as never);
  await expect(take(`${point}-zzzz`)).rejects.toMatchObject({ code: 'point-exists' });
  expect(asked).toEqual([]);
  await take(taker);
  expect(asked).toEqual(['snapshot']);
});

test('a backup that failed before its point was recorded leaves nothing of that name, and a point keeps what is recorded beside it', async () => {
  const clock = new FakeClock();
  const bucket = new ShippedBucket();
  const kept = await bucket.point(10, 12);
  const lost = 'backup-20260219-030000';
  const recordsOf = (point: string) => [graphSchemaKey(point), findingsKey(point)];
  for (const key of [kept, lost].flatMap(recordsOf)) bucket.store.set(key, Buffer.from('{}'));
  const asked: string[] = [];
  const step = backupRunbook.steps.find(({ id }) => id === 'clean-up');
  for (const point of [kept, lost]) {
    const agent = () => ({ run: async (_key: object, kind: string) => void asked.push(`${kind} ${point}`) });
    const services = { clock, platform: { bucket: bucket.store, nodes: [{ name: 'node-1' }], agent } };
    const signal = new AbortController().signal;
    const work = { run: `${point}-abcd`, step: 'clean-up', epoch: 1, signal, progress: () => {}, log: () => {} };
    await step?.run({ ...work, startedAt: clock.now(), services } as never);
  }
  expect(asked).toEqual([`clear-snapshot ${kept}`, `clear-snapshot ${lost}`, `delete-backup ${lost}`]);
  expect([...bucket.store.objects.keys()].filter((key) => key.includes(lost))).toEqual([]);
  for (const key of recordsOf(kept)) expect(bucket.store.objects.has(key)).toBe(true);
});

test('what is found damaged when it is read again marks each point that holds it, and ends the backup whose own point does', async () => {
  const bucket = new ShippedBucket();
  const [old, whole, own] = [await bucket.point(10, 12), await bucket.point(20, 22), await bucket.point(30, 32)];
  const { store } = bucket;
  const clock = new FakeClock();
  const nodes = (await getPoint(store, own)).nodes.map(({ node }) => ({ name: node }));
  const step = backupRunbook.steps.find(({ id }) => id === 'reread');
  const asked: unknown[] = [];
  const run = async (damaged: readonly object[]) =>
    step?.run({
      run: `${own}-abcd`,
      step: 'reread',
      epoch: 1,
      signal: new AbortController().signal,
      progress: () => {},
      log: () => {},
      startedAt: clock.now(),
      services: {
        clock,
        config: { backup: { retention: { keep: '30d', atLeast: 3 } } },
        platform: {
          environment: 'local',
          bucket: store,
          nodes,
          agent: () => ({
            run: async (_key: object, _kind: string, params: unknown) => {
              asked.push(params);
              return { files: 1, bytes: 1, damaged, mended: 0 };
            },
          }),
        },
      },
    } as never);
  expect(await run([{ point: old, what: 'x: different bytes in the store (k)' }])).toMatchObject({
    damaged: { count: 1 },
  });
  expect(asked[0]).toMatchObject({ own, points: [own, whole, old], turn: { of: 30 } });
  expect(await getPoint(store, old)).toMatchObject({ proof: 'failed', failure: expect.stringContaining('(k)') });
  expect(await getPoint(store, whole)).toMatchObject({ proof: 'proven' });
  expect(await getPoint(store, own)).toMatchObject({ proof: 'proven', rereadAt: clock.now().toISOString() });
  const code = 'backup-damaged';
  await expect(run([{ point: own, what: 'y: missing in the store (k)' }])).rejects.toMatchObject({ code });
  expect(await getPoint(store, own)).toMatchObject({ proof: 'failed' });
});
