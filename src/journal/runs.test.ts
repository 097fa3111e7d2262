import { expect, test } from 'vitest';
import { testWorld } from '../../test/support/engine-world.ts';
import { hanging, refused, runbookOf, start } from '../../test/support/runbook-sketch.ts';
import { resumeRun } from '../runbook/engine.ts';
import { eventKey } from './event-file.ts';
import { listRuns, measuredRuns, showRun } from './runs.ts';

test('runs are listed newest first whatever their runbook is called, as many as asked for', async () => {
  const world = testWorld();
  const ids: string[] = [];
  for (const name of ['zebra', 'ant', 'moth']) {
    ids.push((await start(world, { ...runbookOf([{ id: 'a' }]), name })).run);
    world.clock.leap(5000);
  }
  const listed = await listRuns(world, { limit: 2 });
  expect(listed.map(({ run }) => run)).toEqual([ids[2], ids[1]]);
  expect(listed[0]).toMatchObject({
    status: 'succeeded',
    runbook: 'moth',
    environment: 'local',
    actor: { name: 'dana' },
    seconds: 0,
  });
  expect((await listRuns(world, { limit: 9, runbook: 'ant' })).map(({ run }) => run)).toEqual([ids[1]]);
});

test('a run is running while its process lives and interrupted afterwards', async () => {
  const world = testWorld();
  const { run, started } = hanging();
  void start(world, runbookOf([{ id: 'slow', run }]));
  await started;
  expect((await listRuns(world, { limit: 1 }))[0]?.status).toBe('running');
  expect((await listRuns(world.another('elsewhere'), { limit: 1 }))[0]?.status).toBe('running');
  world.processes.die();
  const [listed] = await listRuns(world, { limit: 1 });
  expect(listed?.status).toBe('interrupted');
  expect((await showRun(world, listed?.run ?? '')).state).toMatchObject({
    status: 'interrupted',
    steps: { slow: { status: 'running' } },
  });
  world.clock.leap(40_000);
  expect((await listRuns(world.another('elsewhere'), { limit: 1 }))[0]?.status).toBe('interrupted');
});

test('a run that was left in a process that lives on is interrupted', async () => {
  const world = testWorld();
  const interrupt = new AbortController();
  interrupt.abort();
  const left = await start(world, runbookOf([{ id: 'a' }]), { signal: interrupt.signal });
  expect((await showRun(world, left.run)).state.status).toBe('interrupted');
});

test('a damaged run is listed as such and does not hide the others', async () => {
  const world = testWorld();
  const first = await start(world, runbookOf([{ id: 'a' }]));
  world.clock.leap(1000);
  await start(world, runbookOf([{ id: 'a' }]));
  world.store.set(eventKey(first.run, 1), '{}');
  const listed = await listRuns(world, { limit: 5 });
  expect(listed.map(({ status }) => status)).toEqual(['succeeded', 'damaged']);
});

test('a list reads two events a run, however long the runs are', async () => {
  const world = testWorld();
  for (let count = 0; count < 30; count += 1) {
    await start(world, runbookOf([{ id: 'a' }, { id: 'b' }]));
    world.clock.leap(1000);
  }
  let gets = 0;
  const get = world.store.get.bind(world.store);
  world.store.get = async (key) => {
    gets += 1;
    return get(key);
  };
  await listRuns(world, { limit: 10 });
  expect(gets).toBe(20);
});

test('a run that was resumed says so', async () => {
  const world = testWorld();
  const interrupt = new AbortController();
  interrupt.abort();
  const runbook = runbookOf([{ id: 'a' }]);
  const left = await start(world, runbook, { signal: interrupt.signal });
  await resumeRun(world.another(), () => runbook, { run: left.run, services: undefined });
  expect((await showRun(world, left.run)).state).toMatchObject({
    status: 'succeeded',
    resumed: 1,
    epoch: 2,
    holder: { pid: 101 },
  });
});

test('H: the last event of a run tells what its steps took and counted, so that runs are compared by two events each', async () => {
  const world = testWorld();
  const named = (name: string, steps: Parameters<typeof runbookOf>[0]) => ({ ...runbookOf(steps), name });
  const counted = async () => ({ bytes: 7, name: 'x', list: [1] });
  const slow = async () => {
    world.clock.leap(3000);
    return { elements: 9 };
  };
  const steps = [
    { id: 'a', run: counted },
    { id: 'b', needs: ['a'], run: slow },
  ];
  const { run } = await start(world, named('restore', steps));
  for (const name of ['backup', 'rehearse', 'rehearse']) {
    world.clock.leap(1000);
    await start(world, named(name, [{ id: 'a', ...(name === 'backup' ? {} : { run: counted }) }]));
  }
  world.clock.leap(1000);
  const failing = async () => Promise.reject(refused('no'));
  await start(world, named('rehearse', [{ id: 'a', run: failing }]));

  const found = await measuredRuns(world.store, { limit: 3, runbooks: ['restore', 'rehearse'] });
  expect(found.map(({ runbook }) => runbook)).toEqual(['rehearse', 'rehearse', 'restore']);
  expect(found[2]).toEqual({
    run,
    runbook: 'restore',
    params: {},
    measured: {
      a: { seconds: 0, attempts: 1, counts: { bytes: 7 } },
      b: { seconds: 3, attempts: 1, counts: { elements: 9 } },
    },
  });
  expect(await measuredRuns(world.store, { limit: 1, runbooks: ['restore', 'rehearse'] })).toEqual([found[0]]);
  world.store.set(eventKey(run, 1), '{}');
  expect(await measuredRuns(world.store, { limit: 9, runbooks: ['restore'] })).toEqual([]);
});
