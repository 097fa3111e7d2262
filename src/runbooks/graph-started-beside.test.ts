import { expect, test } from 'vitest';
import {
  accept,
  environment,
  type Environment,
  isUp,
  keysOf,
  killed,
  left,
  type Process,
  restore,
  resume,
  revert,
  runOf,
  stateOf,
  withDatabases,
  wordOf,
} from '../../test/support/told-sequences.ts';

/* A supervisor or a person starts JanusGraph between two steps of a run. */

/** Before the databases are stopped: what somebody does then. */
function whenStopping(world: Environment, deed: () => Promise<void>): void {
  withDatabases(world, (databases) => ({
    stopAll: async (signal) => {
      await deed();
      return databases.stopAll(signal);
    },
  }));
}

/** Right after the databases were started. */
function whenStarted(world: Environment, deed: () => Promise<void>): void {
  withDatabases(world, (databases) => ({
    startAll: async (signal, only) => {
      await databases.startAll(signal, only);
      await deed();
    },
  }));
}

test('a JanusGraph that a supervisor starts as soon as the databases answer, before its ids were moved: the restore does not say that it succeeded, and can be accepted', async () => {
  const world = await environment();
  const { played } = world;
  // Ids that were claimed after the point.
  for (let each = 0; each < 3; each += 1) {
    played.ring.graph.up = false;
    await played.ring.startGraph();
  }
  whenStarted(world, async () => played.ring.startGraph());
  const outcome = await restore(world);
  expect(wordOf(outcome)).toBe('graph-started');
  // The graph serves, and a person decides.
  expect(isUp(world)).toBe(true);
  expect(wordOf(await accept(world, runOf(outcome), [], true))).toBe('succeeded');
});

test('a JanusGraph that was started so, and stopped by a process that was killed then, is not forgotten', async () => {
  let seen = 0;
  for (let at = 100; at <= 220; at += 1) {
    const world = await environment();
    const { played } = world;
    let started = false;
    whenStarted(world, async () => {
      if (!started) await played.ring.startGraph();
      started = true;
    });
    const work = async (process: Process) => played.carryOut({ deed: 'restore' }, process);
    if (!(await killed(world, at, work))) break;
    const of = await left(world);
    const state = of === undefined ? undefined : await stateOf(world, of);
    if (of === undefined || state?.steps['make-sound']?.status !== 'running' || played.ring.graph.up) continue;
    seen += 1;
    expect(wordOf(await resume(world, of))).toBe('graph-started');
  }
  expect(seen).toBeGreaterThan(0);
});

test('what was restored so can be reverted instead', async () => {
  const world = await environment();
  whenStarted(world, async () => world.played.ring.startGraph());
  const made = runOf(await restore(world));
  expect(wordOf(await resume(world, made))).toBe('graph-started');
  expect(wordOf(await revert(world, made))).toBe('succeeded');
  expect(isUp(world)).toBe(true);
});

test('a JanusGraph that a supervisor starts between the stop of the graph and that of the databases: no id is given out twice', async () => {
  const world = await environment();
  const { played } = world;
  let once = false;
  whenStopping(world, async () => {
    if (once) return;
    once = true;
    await played.ring.startGraph();
  });
  const outcome = await restore(world);
  expect(wordOf(outcome)).toBe('succeeded');
  // Its servers are restarted, as after any deployment.
  played.ring.graph.up = false;
  await played.ring.startGraph();
  expect({ outcome: wordOf(outcome), doubled: played.ring.doubled }).not.toEqual({
    outcome: 'succeeded',
    doubled: true,
  });
});

test('what such a JanusGraph acknowledged is not left out of a restore to the end of the log that says it succeeded', async () => {
  const world = await environment();
  const { played } = world;
  await played.write();
  await played.clock.sleep(30_000);
  await played.ring.ship();
  let once = false;
  let acknowledged: readonly string[] = [];
  whenStopping(world, async () => {
    if (once) return;
    once = true;
    const before = keysOf(world);
    await played.ring.startGraph();
    await played.write();
    acknowledged = keysOf(world).filter((key) => !before.includes(key));
  });
  const outcome = await played.carryOut({ deed: 'instant' }, played.newProcess());
  await played.clock.sleep(40_000);
  expect(acknowledged).toHaveLength(1);
  const lost = acknowledged.filter((key) => !keysOf(world).includes(key));
  expect(wordOf(outcome) === 'succeeded' ? lost : []).toEqual([]);
  // Nothing was moved, and everything runs again.
  expect(isUp(world)).toBe(true);
  expect(lost).toEqual([]);
});

test('the same of a revert: ids that the server on the restored data gave out meanwhile are not given out again', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  let once = false;
  whenStopping(world, async () => {
    if (once) return;
    once = true;
    await played.ring.startGraph();
  });
  const outcome = await revert(world, made);
  played.ring.graph.up = false;
  await played.ring.startGraph();
  expect({ outcome: wordOf(outcome), doubled: played.ring.doubled }).not.toEqual({
    outcome: 'succeeded',
    doubled: true,
  });
});
