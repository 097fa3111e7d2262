import { expect, test } from 'vitest';
import {
  accept,
  backup,
  environment,
  type Environment,
  halfRestored,
  isUp,
  keysOf,
  nextOf,
  nodeOf,
  replaceDisk,
  restore,
  run,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { backupRunbook, restoreRunbook } from './index.ts';
import { listPoints } from './catalog/point-catalog.ts';
import { choosePoint } from './recovery/choose-point.ts';

/* The clock of the machine that runs Cardea is wrong: those of the nodes are right all the time. */

const day = 86_400;

/** A point, and a second backup in the same second of the next day, whose machine has lost a day. */
async function nightlyTwice(): Promise<{
  world: Environment;
  point: string;
  held: ReadonlySet<string>;
  again: string;
}> {
  const world = await environment();
  const { played } = world;
  const made = runOf(await backup(world));
  const point = made.slice(0, 'backup-YYYYMMDD-HHMMSS'.length);
  const held = new Set(played.oracle.pointHolds(point));
  const startedAt = Date.parse(
    point.replace(/backup-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:$6.000Z'),
  );
  await played.write();
  await played.clock.sleep(day * 1000 - (played.clock.now().getTime() - startedAt) + 100);
  await played.write();
  played.setClock(-day);
  const again = wordOf(await backup(world));
  played.setClock(0);
  return { world, point, held, again };
}

test('a nightly backup whose machine has lost a day, so that its name is that of last night, leaves the point of that name as it was', async () => {
  const { world, point, held, again } = await nightlyTwice();
  expect(again).toBe('point-exists');
  const others = [...world.played.oracle.pointHolds(point)].filter((cell) => !held.has(cell));
  expect(others).toEqual([]);
});

test('a restore of a point over which another backup has written is no success: it brings back what was never in the point', async () => {
  const { world, point, held } = await nightlyTwice();
  const outcome = await run(world, (process) =>
    world.played.begin(process, restoreRunbook, { point, newBase: false }, true),
  );
  const came = keysOf(world).filter(
    (key) => ![...held].some((cell) => cell.includes(Buffer.from(key).toString('hex'))),
  );
  expect(wordOf(outcome) === 'succeeded' ? came : []).toEqual([]);
});

test('the retention of a backup whose machine is forty days ahead removes no point of this week', async () => {
  const world = await environment();
  const { played } = world;
  for (let night = 0; night < 5; night += 1) {
    await played.write();
    expect(wordOf(await backup(world))).toBe('succeeded');
    await played.clock.sleep(3_600_000);
  }
  const before = (await listPoints(played.bucket)).map(({ id }) => id);
  played.setClock(40 * day);
  await backup(world);
  played.setClock(0);
  const after = new Set((await listPoints(played.bucket)).map(({ id }) => id));
  expect(before.filter((id) => !after.has(id))).toEqual([]);
});

test('a restore without a target takes the newest state, not the one whose backup ran on a machine that was a day ahead', async () => {
  const world = await environment();
  const { played } = world;
  played.setClock(day);
  expect(wordOf(await backup(world))).toBe('succeeded');
  played.setClock(0);
  await played.write();
  await played.clock.sleep(3_600_000);
  const good = runOf(await backup(world));
  const { point, warning } = choosePoint(await listPoints(played.bucket), 'local');
  // Either the newer one, or a word about it.
  expect(warning?.includes(good.slice(0, 22)) === true ? good.slice(0, 22) : point.id).toBe(good.slice(0, 22));
});

/** A restore that is given up with its data half in place, because a node has lost what it kept. */
async function givenUp(world: Environment, acceptBy: number): Promise<void> {
  const half = await halfRestored(world);
  replaceDisk(nodeOf(world, 1));
  world.played.setClock(acceptBy);
  expect(wordOf(await accept(world, half, ['node-1']))).toBe('succeeded');
  world.played.setClock(0);
}

test('a restore that was given up by a machine a day ahead is over when the environment was restored since', async () => {
  const world = await environment();
  await givenUp(world, day);
  const anew = await restore(world);
  expect([wordOf(anew), isUp(world)]).toEqual(['succeeded', true]);
  await accept(world, runOf(anew));
  const saved = await backup(world);
  expect([wordOf(saved), nextOf(saved)]).toEqual(['succeeded', '']);
});

test('a restore of before, made by a machine that was a day ahead, does not count as the one that is wanted after a restore was given up', async () => {
  const world = await environment();
  const { played } = world;
  played.setClock(day);
  const earlier = runOf(await restore(world));
  expect(wordOf(await accept(world, earlier))).toBe('succeeded');
  played.setClock(0);
  await givenUp(world, 0);
  // Somebody starts what is there.
  for (const node of played.ring.nodes) node.start();
  await played.ring.startGraph();
  const saved = await run(world, (process) => played.begin(process, backupRunbook, { cut: 'fuzzy' }));
  expect(wordOf(saved)).toBe('restore-unfinished');
});
