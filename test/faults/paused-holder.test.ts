import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { currentLease } from '../../src/journal/lease-record.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { getPoint } from '../../src/runbooks/catalog/point-catalog.ts';
import { beginRun, type LiveRun, reached, stateOf } from '../support/disturbance.ts';
import { loadSample, sandboxUp, snapshotsOf, type TestSandbox } from '../support/sandbox.ts';

/** A holder of the lease that is stopped for longer than its lease lasts, as a frozen virtual machine is, and wakes when another has taken over. */
const taken = z.object({ run: z.string(), point: z.string() });

let sandbox: TestSandbox;
let paused: LiveRun;
let epoch: number;
let other: z.infer<typeof taken>;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  await loadSample(sandbox.platform, 'paused-holder');
  paused = await beginRun(sandbox, ['backup', 'local', '--quiesced', '--mode', 'full']);
  await reached(sandbox, paused, 'step-started upload');
  process.kill(paused.pid, 'SIGSTOP');
  const lease = await currentLease(sandbox.platform.bucket);
  epoch = lease?.epoch ?? 0;
  // The world waits until the lease is over, and not a moment longer.
  await vi.waitUntil(() => Date.now() > Date.parse(lease?.expiresAt ?? ''), { timeout: 60_000, interval: 100 });
  other = await sandbox.answer(taken, 'backup', 'local', '--quiesced');
});

afterAll(async () => {
  await sandbox?.down();
});

test('while it sleeps another run takes the environment over, with a higher epoch', async () => {
  const lease = await currentLease(sandbox.platform.bucket);
  expect(lease).toMatchObject({ run: other.run });
  expect(lease?.epoch).toBeGreaterThan(epoch);
  expect((await getPoint(sandbox.platform.bucket, other.point)).proof).toBe('checked');
});

test('awake again it writes nothing more, and ends saying that it lost the lease', async () => {
  const { bucket } = sandbox.platform;
  const before = await readJournal(bucket, paused.run);
  const all = await everything();
  process.kill(paused.pid, 'SIGCONT');
  const { exitCode, json } = await paused.ended;
  expect({ exitCode, json }).toMatchObject({
    exitCode: 1,
    json: { status: 'interrupted', problem: { code: 'fenced' } },
  });
  expect((await readJournal(bucket, paused.run)).head).toEqual(before.head);
  expect(await everything()).toEqual(all);
});

test('agents refuse what still carries its epoch', async () => {
  const [node] = sandbox.platform.nodes;
  const late = sandbox.platform
    .agent(node?.name ?? '')
    .run(
      { run: paused.run, step: 'late', epoch },
      'clear-snapshot',
      { point: other.point },
      { signal: new AbortController().signal, progress: () => {} },
    );
  await expect(late).rejects.toMatchObject({ kind: 'refused', code: 'stale-epoch' });
});

test('its run can be resumed, and ends as if nothing had been', async () => {
  await sandbox.answer(z.unknown(), 'run', 'resume', paused.run, '--env', 'local');
  const { status, steps } = await stateOf(sandbox, paused.run);
  expect(status).toBe('succeeded');
  const { point } = z.object({ point: z.string() }).parse(steps['record-taken']?.result);
  expect(await getPoint(sandbox.platform.bucket, point)).toMatchObject({ run: paused.run, proof: 'checked' });
  expect(snapshotsOf(await sandbox.status(), '*')).toEqual([]);
  await sandbox.answer(z.unknown(), 'audit', 'local');
});

/** Every key of the bucket with its etag. */
async function everything(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { key, etag } of sandbox.platform.bucket.list('')) found.push(`${key} ${etag}`);
  return found;
}
