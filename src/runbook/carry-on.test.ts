import { expect, test } from 'vitest';
import { z } from 'zod';
import { readJournal } from '../journal/journal-reader.ts';
import { saying, type TestWorld, testWorld } from '../../test/support/engine-world.ts';
import { refused, retryable, runbookOf, type Sketch, start, type Work } from '../../test/support/runbook-sketch.ts';
import { FailedProblem } from '../model/problem.ts';
import type { Runbook } from './define.ts';
import { requestCancel, resumeRun } from './engine.ts';

const broken = () =>
  new FailedProblem({ code: 'broken', happened: 'It broke.', state: 'Half done.', next: 'Look at it.' });

/** The shape of a restore: look, stop, move, bring, start; each step's work may be replaced, and what was done is written down. */
function moving(works: Readonly<Record<string, Work>> = {}) {
  const done: string[] = [];
  const step = (id: string, needs: readonly string[], more: Partial<Sketch> = {}): Sketch => ({
    id,
    needs,
    effect: 'destroy',
    ...more,
    run: async (context) => {
      done.push(id);
      return (await works[id]?.(context)) ?? {};
    },
  });
  const runbook = runbookOf(
    [
      step('look', [], { effect: 'read', guard: true }),
      step('stop', ['look'], { guard: true }),
      step('move', ['stop']),
      step('bring', ['move', 'stop'], { retry: { attempts: 3, backoff: '1s', max: '1s' } }),
      step('start', ['bring'], { effect: 'write' }),
      step('start-again', [], { effect: 'write', always: 'unless-moved' }),
    ],
    z.object({}),
    { pivot: 'move', wayBack: (run, environment) => `cardea restore revert ${run} --confirm ${environment}` },
  );
  return { runbook, done };
}

const confirmed = { confirmed: 'local' };

async function eventsOf(world: TestWorld, run: string) {
  return saying((await readJournal(world.store, run)).events);
}

test('a run that fails before its pivot starts again what it had stopped, ends with everything as it was, and is not carried on', async () => {
  const world = testWorld();
  const { runbook, done } = moving({
    stop: async () => {
      throw broken();
    },
  });
  const outcome = await start(world, runbook, confirmed);
  expect(outcome).toMatchObject({ status: 'failed', problem: { code: 'broken' } });
  expect(outcome.carriesOn).toBeUndefined();
  expect(outcome.problem?.state).toBe(
    'Nothing was moved or deleted. What had been stopped was started again: everything is as it was.',
  );
  expect(outcome.problem?.next).toContain('start the operation anew');
  expect(done).toEqual(['look', 'stop', 'start-again']);
  const again = await resumeRun(world.another(), () => runbook, { run: outcome.run, services: undefined });
  expect(again).toMatchObject({ status: 'failed', problem: { code: 'broken' } });
  expect(done).toHaveLength(3);
});

test('when what was stopped cannot be started again, the run says so and what to do', async () => {
  const world = testWorld();
  const { runbook } = moving({
    stop: async () => {
      throw broken();
    },
    'start-again': async () => {
      throw refused('node 2 does not start');
    },
  });
  const { problem } = await start(world, runbook, confirmed);
  expect(problem).toMatchObject({ code: 'broken' });
  expect(problem?.state).toContain('node 2 does not start');
  expect(problem?.next).toContain('cardea status local');
});

test('nothing is started again when nothing had been stopped, nor after a run that succeeded', async () => {
  const world = testWorld();
  const refusing = moving({
    look: async () => {
      throw refused('no-room');
    },
  });
  expect(await start(world, refusing.runbook, confirmed)).toMatchObject({ status: 'refused' });
  expect(refusing.done).toEqual(['look']);
  const fine = moving();
  expect(await start(world, fine.runbook, confirmed)).toMatchObject({ status: 'succeeded' });
  expect(fine.done).toEqual(['look', 'stop', 'move', 'bring', 'start']);
});

test('a run that failed after its pivot is carried on: guards again, nothing else that had finished, failures counted anew', async () => {
  const world = testWorld();
  let failing = true;
  const { runbook, done } = moving({
    bring: async () => {
      if (failing) throw retryable();
    },
  });
  const going = start(world, runbook, confirmed);
  await world.clock.advance(10_000);
  const outcome = await going;
  expect(outcome).toMatchObject({ status: 'failed', carriesOn: true, problem: { code: 'busy' } });
  expect(outcome.problem?.next).toContain(`cardea run resume ${outcome.run}`);
  expect(outcome.problem?.next).toContain(`cardea restore revert ${outcome.run} --confirm local`);
  expect(done).toEqual(['look', 'stop', 'move', 'bring', 'bring', 'bring']);

  const second = resumeRun(world.another(), () => runbook, { run: outcome.run, services: undefined });
  await world.clock.advance(10_000);
  expect(await second).toMatchObject({ status: 'failed', carriesOn: true });
  expect(done.slice(6)).toEqual(['look', 'stop', 'bring', 'bring', 'bring']);

  failing = false;
  const third = await resumeRun(world.another(), () => runbook, { run: outcome.run, services: undefined });
  expect(third).toMatchObject({ status: 'succeeded' });
  expect(done.slice(11)).toEqual(['look', 'stop', 'bring', 'start']);
  const events = await eventsOf(world, outcome.run);
  expect(events.filter((event) => event === 'run-failed' || event === 'run-succeeded')).toEqual([
    'run-failed',
    'run-failed',
    'run-succeeded',
  ]);
});

test('a guard is not done again once every step that needs it has finished', async () => {
  const world = testWorld();
  let failing = true;
  const { runbook, done } = moving({
    start: async () => {
      if (failing) throw broken();
    },
  });
  const outcome = await start(world, runbook, confirmed);
  expect(outcome).toMatchObject({ status: 'failed', carriesOn: true });
  failing = false;
  const before = done.length;
  await resumeRun(world.another(), () => runbook, { run: outcome.run, services: undefined });
  expect(done.slice(before)).toEqual(['start']);
});

test('a run that was cancelled after its pivot can be carried on, and is not cancelled again', async () => {
  const world = testWorld();
  let cancelling = true;
  const { runbook, done } = moving({
    bring: async ({ run }) => {
      if (!cancelling) return;
      cancelling = false;
      await requestCancel(world.another(), run);
      await world.clock.advance(2000);
      throw broken();
    },
  });
  const outcome = await start(world, runbook, confirmed);
  expect(outcome).toMatchObject({ carriesOn: true });
  expect(outcome.problem?.next).toContain(`cardea run resume ${outcome.run}`);
  expect(await resumeRun(world.another(), () => runbook, { run: outcome.run, services: undefined })).toMatchObject({
    status: 'succeeded',
  });
  expect(done.filter((id) => id === 'move')).toHaveLength(1);
  // Everything that was left, not the word alone.
  expect(done.slice(-2)).toEqual(['bring', 'start']);
});

test('a run that another one has decided is carried on no more', async () => {
  const world = testWorld();
  const { runbook, done } = moving({
    bring: async () => {
      throw broken();
    },
  });
  const outcome = await start(world, runbook, confirmed);
  const decided: Runbook = {
    ...runbook,
    mayResume: async () => {
      throw refused('run-decided');
    },
  };
  const events = await eventsOf(world, outcome.run);
  const resumed = resumeRun(world.another(), () => decided, { run: outcome.run, services: undefined });
  await expect(resumed).rejects.toMatchObject({ code: 'run-decided' });
  expect(done).toHaveLength(4);
  expect(await eventsOf(world, outcome.run)).toEqual(events);
});
