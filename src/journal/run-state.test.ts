import { expect, test } from 'vitest';
import { testWorld } from '../../test/support/engine-world.ts';
import { refused, retryable, runbookOf, start } from '../../test/support/runbook-sketch.ts';
import type { Sketch } from '../../test/support/runbook-sketch.ts';
import { replay } from './run-state.ts';

async function replayed(steps: readonly Sketch[]) {
  const world = testWorld();
  const going = start(world, runbookOf(steps));
  await world.clock.advance(60_000);
  await going;
  return replay(world.events);
}

test('a run’s state is what its events say: who, what, when, and how each step went', async () => {
  const state = await replayed([
    {
      id: 'a',
      run: async ({ progress }) => {
        progress({ done: 3, total: 4, unit: 'items' });
        return { n: 1 };
      },
    },
    { id: 'b', when: { param: 'x', is: 1 } },
  ]);
  expect(state).toMatchObject({
    runbook: 'sketch',
    environment: 'local',
    status: 'succeeded',
    actor: { name: 'dana' },
    leased: true,
    epoch: 1,
    resumed: 0,
    startedAt: '2026-02-19T02:00:00.000Z',
    endedAt: '2026-02-19T02:00:00.000Z',
    steps: {
      a: { status: 'succeeded', attempts: 1, failures: 0, result: { n: 1 }, progress: { done: 3 } },
      b: { status: 'skipped', skipped: 'only when x is 1' },
    },
  });
});

test('attempts and failures are counted, and a step that waits for its next attempt says until when', async () => {
  const world = testWorld();
  void start(
    world,
    runbookOf([
      {
        id: 'a',
        retry: { attempts: 3, backoff: '8s', max: '8s' },
        run: async () => {
          throw retryable();
        },
      },
    ]),
  );
  await world.clock.advance(1000);
  expect(replay(world.events)?.steps['a']).toMatchObject({
    status: 'retrying',
    attempts: 1,
    failures: 1,
    problem: { code: 'busy' },
  });
  await world.clock.advance(60_000);
  expect(replay(world.events)).toMatchObject({
    status: 'failed',
    steps: { a: { status: 'failed', attempts: 3, failures: 3 } },
  });
});

test('a refusal is its own status', async () => {
  const state = await replayed([{ id: 'a', effect: 'read', run: async () => Promise.reject(refused('no')) }]);
  expect(state).toMatchObject({ status: 'refused', problem: { code: 'no', next: 'go on' } });
});

test('no events, no run', () => {
  expect(replay([])).toBeUndefined();
});
