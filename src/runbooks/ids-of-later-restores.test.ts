import { expect, test } from 'vitest';
import {
  accept,
  environment,
  type Environment,
  killed,
  nodeOf,
  type Process,
  replaceDisk,
  restore,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';
import { restoreRunbook } from './index.ts';

/* What earlier restores knew of ids that were given out reaches every later one. */

async function givenUp(world: Environment, at = 80): Promise<string> {
  const { played } = world;
  const work = async (process: Process) =>
    played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
  expect(await killed(world, at, work, true)).toBe(true);
  const [record] = await listOpenRestores(played.bucket);
  const half = record?.run ?? 'none';
  replaceDisk(nodeOf(world, 1));
  expect(wordOf(await accept(world, half, ['node-1']))).toBe('succeeded');
  return half;
}

test('no id is given out twice by the restore that follows one that was given up, also where its databases were started meanwhile', async () => {
  const wrong: string[] = [];
  for (let at = 80; at <= 130; at += 5) {
    const world = await environment();
    const { played } = world;
    // Servers that claimed ids after the point.
    for (let each = 0; each < 3; each += 1) {
      played.ring.graph.up = false;
      await played.ring.startGraph();
    }
    try {
      await givenUp(world, at);
    } catch {
      continue;
    }
    // Somebody looks what is left on the disks, with cqlsh.
    for (const node of played.ring.nodes) node.start();
    const anew = await restore(world);
    if (wordOf(anew) !== 'succeeded') wrong.push(`${at}: ${wordOf(anew)}`);
    if (played.ring.doubled) wrong.push(`${at}: ids were given out twice`);
  }
  expect(wrong).toEqual([]);
});

test('no id is given out twice by a second restore of one point with the databases down, also where the store has lost how far ids were moved', async () => {
  const world = await environment();
  const { played } = world;
  const down = () => {
    for (const node of played.ring.nodes) node.stop();
    played.ring.graph.up = false;
  };
  down();
  expect(wordOf(await accept(world, runOf(await restore(world))))).toBe('succeeded');
  down();
  played.bucket.remove('environment/ids.json');
  expect(wordOf(await restore(world))).toBe('succeeded');
  expect(played.ring.doubled).toBe(false);
});
