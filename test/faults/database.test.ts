import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { fingerprintGraph } from '../../src/graph/fingerprint.ts';
import type { Fingerprint } from '../../src/model/restore-point.ts';
import { findPoint, getPoint, listPoints } from '../../src/runbooks/catalog/point-catalog.ts';
import { listOpenRestores } from '../../src/runbooks/catalog/restore-catalog.ts';
import { beginRun, reached, stateOf, storedOf } from '../support/disturbance.ts';
import { filesBelow, killNow, loadSample, sandboxUp, snapshotsOf, type TestSandbox } from '../support/sandbox.ts';

/** Cassandra killed in the middle of a backup and in the middle of a restore, on a ring of one: nothing is left to go on with. */
const taken = z.object({ run: z.string(), point: z.string() });
const ran = z.object({ run: z.string(), ok: z.literal(true) });

let sandbox: TestSandbox;
let point: string;
let recorded: Fingerprint | undefined;
let kills = 0;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  await loadSample(sandbox.platform, 'killed-database');
  ({ point } = await sandbox.answer(taken, 'backup', 'local', '--quiesced'));
  recorded = (await getPoint(sandbox.platform.bucket, point)).fingerprint;
});

afterAll(async () => {
  process.stdout.write(`database: ${kills} kills\n`);
  await sandbox?.down();
});

test.each(['snapshot', 'fingerprint', 'upload'])('B2 B6: killed when the %s of a backup begins', async (step) => {
  const before = await listPoints(sandbox.platform.bucket);
  const live = await beginRun(sandbox, ['backup', 'local', '--quiesced', '--mode', 'full']);
  await reached(sandbox, live, `step-started ${step}`);
  await killDatabase();
  const { exitCode, json } = await live.ended;
  const { status } = await stateOf(sandbox, live.run);
  const fresh = (await listPoints(sandbox.platform.bucket)).filter(({ id }) => !before.some((each) => each.id === id));
  if (exitCode === 0) {
    // It had got far enough not to need the database any more.
    expect(fresh).toMatchObject([{ run: live.run, proof: 'checked' }]);
  } else {
    expect(json).toMatchObject({ ok: false, problem: { code: expect.any(String), next: expect.any(String) } });
    expect(status).toMatch(/failed|refused/);
    // Nothing half done passes for a backup, and nothing of it is left.
    expect(fresh.filter(({ proof }) => proof !== 'failed')).toEqual([]);
    expect(snapshotsOf(await sandbox.status(), '*')).toEqual([]);
    if (fresh.length === 0) expect(await storedOf(sandbox, live.run)).toEqual([]);
  }

  await sandbox.answer(z.unknown(), 'sandbox', 'up', 'local');
  const next = await sandbox.answer(taken, 'backup', 'local', '--quiesced');
  expect(await findPoint(sandbox.platform.bucket, next.point)).toMatchObject({
    proof: 'checked',
    fingerprint: recorded,
  });
  expect(snapshotsOf(await sandbox.status(), next.point)).toEqual([]);
});

test.each(['make-sound', 'start-graph', 'rebuild-index'])(
  'C3: killed when the %s of a restore begins',
  async (step) => {
    const { graph, database, keyspace } = sandbox.platform;
    await graph.submit('g.V().hasLabel("account").limit(2).drop().iterate(); g.tx().commit(); []');
    const found = await fingerprintGraph(database, keyspace);
    const live = await beginRun(sandbox, ['restore', 'local', '--to', point, '--confirm', 'local']);
    await reached(sandbox, live, `step-started ${step}`);
    await killDatabase();
    const { exitCode, json } = await live.ended;
    expect({ exitCode, json }).toMatchObject({
      exitCode: 1,
      json: { ok: false, problem: { next: expect.any(String) } },
    });
    expect((await stateOf(sandbox, live.run)).status).toBe('failed');

    // The way back is open from there, and so is the way forward.
    await sandbox.answer(ran, 'restore', 'revert', live.run, '--env', 'local', '--confirm', 'local');
    expect(await fingerprintGraph(database, keyspace)).toEqual(found);
    await sandbox.answer(z.unknown(), 'check', 'local');
    const [reverted] = (await openRestores()).filter((each) => each.startsWith('revert-'));
    await sandbox.answer(ran, 'restore', 'accept', reverted ?? '', '--env', 'local', '--confirm', 'local');
    const restored = await sandbox.answer(ran, 'restore', 'local', '--to', point, '--confirm', 'local');
    expect(await fingerprintGraph(database, keyspace)).toEqual(recorded);
    await sandbox.answer(ran, 'restore', 'accept', restored.run, '--env', 'local', '--confirm', 'local');
    const aside = `${sandbox.directory}/nodes/${sandbox.platform.nodes[0]?.name}/aside`;
    expect(filesBelow(aside).filter((file) => !file.endsWith('/placement.json'))).toEqual([]);
  },
);

/** Runs whose old data lies aside still. */
async function openRestores(): Promise<readonly string[]> {
  return (await listOpenRestores(sandbox.platform.bucket)).map(({ run }) => run);
}

async function killDatabase(): Promise<void> {
  killNow((await sandbox.status()).nodes[0]?.pid);
  kills += 1;
}
