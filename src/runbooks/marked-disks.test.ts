import { expect, test } from 'vitest';
import { aRestore, aRevert, killedWhen, stoppedAlone } from '../../test/support/killed-when.ts';
import { directories } from '../../test/support/simulated-ring.ts';
import {
  accept,
  cancelled,
  environment,
  isUp,
  keysOf,
  namesAside,
  nextOf,
  nodeOf,
  replaceDisk,
  restore,
  resume,
  revert,
  runOf,
  withDatabases,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { FailedProblem } from '../model/problem.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';

/* Marks on the disks, which another run of the same environment takes away before this one has stopped anything. */

type Steps = Readonly<Record<string, { readonly status: string }>>;
const markedAlone = (_run: string, steps: Steps) =>
  steps['mark-disks']?.status === 'succeeded' &&
  steps['look-services']?.status === 'succeeded' &&
  steps['stop-graph'] === undefined;

test('a restore that was left while it brought its files, beside which another was refused, can be reverted when it was carried on', async () => {
  const { world, run } = await killedWhen(aRestore, 20, markedAlone);
  const before = keysOf(world);
  // Another restore comes as far as to mark two of the three disks; it has stopped and moved nothing.
  nodeOf(world, 2).faults.set('mark-disk', ['refused']);
  const other = await restore(world);
  expect(wordOf(other)).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  const carried = await resume(world, run);
  expect([wordOf(carried), isUp(world)], nextOf(carried)).toEqual(['succeeded', true]);
  const back = await revert(world, run);
  const story = [`revert: ${wordOf(back)}: ${nextOf(back)}`];
  // What a person is told then.
  const lost = /--lost ([^-][^.:]*?) --confirm/.exec(nextOf(back))?.[1]?.split(' ') ?? [];
  if (lost.length > 0) {
    const given = await accept(world, run, lost);
    story.push(`accept --lost ${lost.join(' ')}: ${wordOf(given)}; aside: ${[...namesAside(world)].join(', ')}`);
  }
  expect([wordOf(back), keysOf(world)], story.join('\n')).toEqual(['succeeded', before]);
});

test('a restore that was left while it brought its files, beside which another was refused, starts again what it has stopped', async () => {
  const { world, run } = await killedWhen(aRestore, 20, markedAlone);
  nodeOf(world, 2).faults.set('mark-disk', ['refused']);
  expect(wordOf(await restore(world))).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  expect(isUp(world)).toBe(true);
  // The databases stop, and the last of them says that it did not: the restore moves nothing.
  withDatabases(world, (databases) => ({
    stopAll: async (signal) => {
      await databases.stopAll(signal);
      throw new FailedProblem({ code: 'not-stopped', happened: 'It hangs.', state: 's', next: 'n' });
    },
  }));
  const failed = await resume(world, run);
  const said = failed instanceof Error ? failed.state : failed.problem?.state;
  expect([wordOf(failed), isUp(world)], `${said} ${nextOf(failed)}`).toEqual(['not-stopped', true]);
});

test('a revert that was left before it had stopped anything, beside which another was refused, starts the servers when it is carried on', async () => {
  const { world, run } = await killedWhen(aRevert(), 20, markedAlone);
  const [record] = await listOpenRestores(world.played.bucket);
  const made = record?.run ?? 'none';
  nodeOf(world, 2).faults.set('mark-disk', ['refused']);
  const other = await revert(world, made);
  expect(wordOf(other)).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  expect(isUp(world)).toBe(true);
  const carried = await resume(world, run);
  expect([wordOf(carried), isUp(world)], nextOf(carried)).toEqual(['succeeded', true]);
});

test('what an accepted restore had left on a disk is deleted by the next restore, and that one can be reverted', async () => {
  const world = await environment();
  const made = runOf(await restore(world));
  const { disk } = nodeOf(world, 1);
  const kept = [...disk.below(directories.aside)].filter(([path]) => path.startsWith(`${made}/`));
  expect(wordOf(await accept(world, made))).toBe('succeeded');
  for (const [path, text] of kept) disk.write(`${directories.aside}/${path}`, text);
  await world.played.write();
  const before = keysOf(world);
  // Another node has much to remove.
  nodeOf(world, 0).faults.set('clear-stage', ['late']);
  const second = await restore(world);
  expect(wordOf(second)).toBe('succeeded');
  const back = await revert(world, runOf(second));
  expect([wordOf(back), keysOf(world)], nextOf(back)).toEqual(['succeeded', before]);
});

test('marks that another run took away while this one was marking are written again when it is carried on', async () => {
  const { world, run } = await killedWhen(
    aRestore,
    20,
    (_run, steps, { played }) =>
      steps['mark-disks']?.status === 'running' &&
      played.ring.nodes.filter(({ disk }) => disk.names(directories.aside).some((name) => name.startsWith('mark.')))
        .length > 0,
  );
  const before = keysOf(world);
  nodeOf(world, 2).faults.set('mark-disk', ['refused']);
  const other = await restore(world);
  expect(wordOf(other)).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  const carried = await resume(world, run);
  expect([wordOf(carried), isUp(world)], nextOf(carried)).toEqual(['succeeded', true]);
  const back = await revert(world, run);
  expect([wordOf(back), keysOf(world)], nextOf(back)).toEqual(['succeeded', before]);
});

test('a revert that failed when the data was back is carried on as status names it, also after a second one was begun and refused', async () => {
  const world = await environment();
  const before = keysOf(world);
  const made = runOf(await restore(world));
  nodeOf(world, 1).startFails = 1;
  const failed = await revert(world, made);
  expect(wordOf(failed)).toBe('node-not-started');
  nodeOf(world, 2).faults.set('mark-disk', ['refused']);
  const second = await revert(world, made);
  expect(wordOf(second)).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  const told = await world.played.told();
  expect(told).toBe(`cardea run resume ${runOf(failed)}`);
  const carried = await resume(world, runOf(failed));
  expect([wordOf(carried), isUp(world), keysOf(world)], nextOf(carried)).toEqual(['succeeded', true, before]);
});

test('marks of a run that was left stay while other restores mark the disks, and go when it has ended', async () => {
  const { world, run } = await killedWhen(aRestore, 20, markedAlone);
  const marks = () =>
    nodeOf(world, 0)
      .disk.names(directories.aside)
      .filter((name) => name.startsWith('mark.'));
  nodeOf(world, 2).faults.set('mark-disk', ['refused']);
  const other = runOf(await restore(world));
  nodeOf(world, 2).faults.clear();
  expect(marks()).toEqual([`mark.${run}`, `mark.${other}`]);
  expect(wordOf(await cancelled(world, run))).toBe('cancelled');
  const third = runOf(await restore(world));
  expect(marks()).toEqual([`mark.${third}`]);
});

test('a new disk on which somebody has started a database before the move is not taken for the old one, whatever lies aside', async () => {
  const { world, run } = await killedWhen(aRestore, 20, stoppedAlone);
  const node = nodeOf(world, 1);
  replaceDisk(node);
  node.disk.write(
    `${directories.data}/system/local-00000000000040008000000000000001/nb-1-big-Data.db`,
    'a new host id',
  );
  world.played.oracle.blind = true;
  await resume(world, run);
  expect(namesAside(world).has(run)).toBe(true);
  const back = await revert(world, run);
  expect([wordOf(back), nextOf(back)]).toEqual(['nothing-aside', expect.stringContaining('--lost node-1 ')]);
});
