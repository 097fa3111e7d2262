import { expect, test } from 'vitest';
import { killedWhen, restoring } from '../../test/support/killed-when.ts';
import {
  backup,
  environment,
  isUp,
  namesAside,
  nextOf,
  nodeOf,
  restore,
  resume,
  stateOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { listPoints } from './catalog/point-catalog.ts';

test('what another restore has removed of the staged files is brought and hashed again before anything is stopped', async () => {
  const { world, run } = await killedWhen(
    async () => {
      const world = await environment();
      expect(wordOf(await backup(world))).toBe('succeeded');
      return { world, work: restoring(world) };
    },
    20,
    (_run, steps) =>
      steps['stage-files']?.status === 'succeeded' &&
      steps['look-services']?.status === 'succeeded' &&
      steps['stop-graph'] === undefined,
  );
  const { played } = world;
  const other = (await listPoints(played.bucket)).find(({ id }) => id !== world.point)?.id ?? '';
  nodeOf(world, 2).faults.set('stage-files', ['refused']);
  expect(wordOf(await restore({ ...world, point: other }))).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  // Meanwhile the store damages a file of the first one's point.
  const key = [...played.bucket.objects.keys()].find((each) => /node-1\/.*edgestore.*Data\.db$/.test(each)) ?? '';
  const body = Uint8Array.from(played.bucket.objects.get(key) ?? []);
  body[0] = (body[0] ?? 0) ^ 1;
  played.bucket.set(key, body);
  played.oracle.blind = true;
  const carried = await resume(world, run);
  expect([isUp(world), [...namesAside(world)]], `${key} ${wordOf(carried)}: ${nextOf(carried)}`).toEqual([true, []]);
});

test('what another restore has removed of the cut log is cut again before anything is stopped', async () => {
  const { world, run } = await killedWhen(
    async () => {
      const world = await environment();
      return { world, work: async (process) => world.played.carryOut({ deed: 'instant' }, process) };
    },
    20,
    (_run, steps) =>
      steps['stage-logs']?.status === 'succeeded' &&
      steps['look-services']?.status === 'succeeded' &&
      steps['stop-graph'] === undefined,
  );
  nodeOf(world, 2).faults.set('stage-files', ['refused']);
  expect(wordOf(await restore(world))).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  // Meanwhile the store damages the log.
  const { bucket, oracle } = world.played;
  const pieces = [...bucket.objects].filter(([key]) => /^log\/[^/]+\/[^/]+\/\d+\//.test(key));
  expect(pieces.length).toBeGreaterThan(0);
  for (const [key, bytes] of pieces) bucket.set(key, Uint8Array.from(bytes).fill(0, bytes.length / 2));
  oracle.blind = true;
  const carried = await resume(world, run);
  expect(wordOf(carried)).toBe('log-damaged');
  expect((await stateOf(world, run))?.steps['stop-graph']).toBeUndefined();
  expect([isUp(world), [...namesAside(world)]], nextOf(carried)).toEqual([true, []]);
});
