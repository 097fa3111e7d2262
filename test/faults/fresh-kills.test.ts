import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { fingerprintGraph } from '../../src/graph/fingerprint.ts';
import { getPoint, listPoints, updatePoint } from '../../src/runbooks/catalog/point-catalog.ts';
import { eventNames, killed } from '../support/killed-run.ts';
import { runsOf } from '../support/run-list.ts';
import {
  claimsBelow,
  loadSample,
  sandboxUp,
  snapshotsOf,
  strayProcesses,
  type TestSandbox,
} from '../support/sandbox.ts';
import { stateOf } from '../support/disturbance.ts';

/**
 * A new run for every event of an undisturbed one: it is killed after that event, and what it left is resumed once, to the end. A run
 * killed before it changed anything is cancelled instead, and must have changed nothing.
 */
const taken = z.object({ run: z.string(), point: z.string() });
const ran = z.object({ run: z.string(), ok: z.literal(true) });

const backup = ['backup', 'local', '--quiesced'];

let sandbox: TestSandbox;
let peacefulBackup: z.infer<typeof taken>;
let kills = 0;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  await loadSample(sandbox.platform, 'fresh-kills');
  peacefulBackup = await sandbox.answer(taken, ...backup);
});

afterAll(async () => {
  process.stdout.write(`a fresh run per kill: ${kills} kills\n`);
  await sandbox?.down();
});

test('B3 B6: backups killed after each of their events', async () => {
  const { fingerprint } = await getPoint(sandbox.platform.bucket, peacefulBackup.point);
  await killAfterEach(backup, peacefulBackup.run, 'step-started snapshot', async (run) => {
    const [newest] = await listPoints(sandbox.platform.bucket);
    expect(newest).toMatchObject({ run, proof: 'checked' });
    // What another process took, nobody has promised to be of one instant.
    expect(newest?.fingerprint).toEqual(newest?.cut === 'quiesced' ? fingerprint : undefined);
    expect(snapshotsOf(await sandbox.status(), newest?.id ?? '')).toEqual([]);
  });
});

test('rehearsals killed after each of their events', async () => {
  const { point } = peacefulBackup;
  const command = ['rehearse', 'local', point];
  const peaceful = await sandbox.answer(ran, ...command);
  await killAfterEach(command, peaceful.run, 'step-started prepare-copy', async (run) => {
    expect(await getPoint(sandbox.platform.bucket, point)).toMatchObject({ proof: 'proven', proven: { run } });
    await updatePoint(sandbox.platform.bucket, point, (each) => ({ ...each, proof: 'checked', proven: undefined }));
  });
});

test('C3: restores in place killed after each of their events', async () => {
  const { bucket, database, keyspace, graph } = sandbox.platform;
  const { point } = peacefulBackup;
  const command = ['restore', 'local', '--to', point, '--confirm', 'local'];
  const { fingerprint } = await getPoint(bucket, point);
  const accept = async (run: string) =>
    sandbox.answer(ran, 'restore', 'accept', run, '--env', 'local', '--confirm', 'local');
  const peaceful = await sandbox.answer(ran, ...command);
  await accept(peaceful.run);
  await killAfterEach(command, peaceful.run, 'step-started stop-graph', async (run) => {
    expect(await fingerprintGraph(database, keyspace)).toEqual(fingerprint);
    await accept(run);
    await graph.submit('g.addV("customer").iterate(); g.tx().commit(); []');
  });
});

test('F3: the audit chain of all of them is whole, and the graph is sound', async () => {
  await sandbox.answer(z.unknown(), 'audit', 'local');
  await sandbox.answer(z.unknown(), 'check', 'local');
});

/** `change`: the first event after which something may have been changed. */
async function killAfterEach(
  command: readonly string[],
  peaceful: string,
  change: string,
  look: (run: string) => Promise<void>,
): Promise<void> {
  const events = await eventNames(sandbox, peaceful);
  const firstChange = events.indexOf(change) + 1;
  expect(firstChange).toBeGreaterThan(0);
  for (const count of events.keys().map((index) => index + 1)) {
    const before = await runsOf(sandbox);
    await killed(sandbox, command, count);
    kills += 1;
    const run = (await runsOf(sandbox)).find((each) => !before.includes(each)) ?? '';
    if (count < firstChange) {
      await sandbox.answer(z.unknown(), 'run', 'cancel', run, '--env', 'local');
      const last = await sandbox.cardea('run', 'resume', run, '--env', 'local');
      expect(last).toMatchObject({ exitCode: 1, json: { status: 'cancelled' } });
    } else {
      await sandbox.answer(ran, 'run', 'resume', run, '--env', 'local');
      expect((await stateOf(sandbox, run)).status).toBe('succeeded');
      await look(run);
    }
    await expectNothingLeft();
  }
}

async function expectNothingLeft(): Promise<void> {
  const now = await sandbox.status();
  expect(now).toMatchObject({ state: 'up', copies: [] });
  expect(strayProcesses(sandbox.home, now)).toEqual([]);
  expect(claimsBelow(sandbox.home)).toEqual([sandbox.directory]);
}
