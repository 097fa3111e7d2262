import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { fingerprintGraph } from '../../src/graph/fingerprint.ts';
import { getPoint, listPoints } from '../../src/runbooks/catalog/point-catalog.ts';
import { type Random, randomOf } from '../../src/sample/random.ts';
import { aMoment, beginRun, reached, restartAgents, stateOf } from '../support/disturbance.ts';
import { killNow, loadSample, sandboxUp, snapshotsOf, strayProcesses, type TestSandbox } from '../support/sandbox.ts';

/**
 * Agents killed with SIGKILL somewhere within a step, and started again as a supervisor would: the run goes on by itself or is resumed, and
 * ends right. The moments are drawn from a seed that is printed, so that a failure can be drawn again (FAULT_SEED).
 */
const seed = process.env['FAULT_SEED'] ?? String(Date.now());
const rounds = 4;
const taken = z.object({ point: z.string() });
const ran = z.object({ run: z.string(), ok: z.literal(true) });

let sandbox: TestSandbox;
let random: Random;
let kills = 0;

beforeAll(async () => {
  random = randomOf('agents', seed);
  sandbox = await sandboxUp(1);
  await loadSample(sandbox.platform, 'killed-agents');
});

afterAll(async () => {
  process.stdout.write(`agents: ${kills} kills, FAULT_SEED=${seed}\n`);
  await sandbox?.down();
});

test.each(['snapshot', 'upload', 'verify'])('B3 B6: agents killed during the %s of a backup', async (step) => {
  for (let round = 0; round < rounds; round += 1) {
    const run = await disturbed(['backup', 'local', '--quiesced', '--mode', 'full'], step, 1500);
    const [newest] = await listPoints(sandbox.platform.bucket);
    expect(newest).toMatchObject({ run, proof: 'checked' });
    expect(snapshotsOf(await sandbox.status(), newest?.id ?? '')).toEqual([]);
  }
});

test('C3: agents killed while they bring files back', async () => {
  const { point } = await sandbox.answer(taken, 'backup', 'local', '--quiesced');
  const { fingerprint } = await getPoint(sandbox.platform.bucket, point);
  const { database, keyspace } = sandbox.platform;
  for (let round = 0; round < rounds; round += 1) {
    const run = await disturbed(['restore', 'local', '--to', point, '--confirm', 'local'], 'restore-files', 2000);
    expect(await fingerprintGraph(database, keyspace)).toEqual(fingerprint);
    await sandbox.answer(ran, 'restore', 'accept', run, '--env', 'local', '--confirm', 'local');
  }
});

test('what a killed agent had left running is gone', async () => {
  expect(strayProcesses(sandbox.home, await sandbox.status())).toEqual([]);
});

/** Carries the command out, its agent killed up to so many milliseconds after the step began. Gives its run, which has succeeded. */
async function disturbed(command: readonly string[], step: string, withinMs: number): Promise<string> {
  const live = await beginRun(sandbox, command);
  await reached(sandbox, live, `step-started ${step}`);
  await aMoment(random.below(withinMs));
  killNow((await sandbox.status()).nodes[0]?.agentPid);
  kills += 1;
  await restartAgents(sandbox);
  const { exitCode } = await live.ended;
  // A step that had run out of attempts ends its run as failed; then the operation is simply done again.
  if (exitCode !== 0 && (await stateOf(sandbox, live.run)).status === 'failed') {
    return (await sandbox.answer(z.object({ run: z.string() }), ...command)).run;
  }
  if (exitCode !== 0) await sandbox.answer(ran, 'run', 'resume', live.run, '--env', 'local');
  expect((await stateOf(sandbox, live.run)).status).toBe('succeeded');
  return live.run;
}
