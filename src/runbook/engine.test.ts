import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readStepLog } from '../journal/step-log.ts';
import { FailedProblem, RetryableProblem } from '../model/problem.ts';
import { saying, type TestWorld, testWorld } from '../../test/support/engine-world.ts';
import { settle } from '../../test/support/fake-clock.ts';
import { plantedAt, plantedFault } from '../../test/support/planted-fault.ts';
import { hanging, refused, retryable, runbookOf, start, type Work } from '../../test/support/runbook-sketch.ts';
import { startRun } from './engine.ts';

test('steps run in parallel where their needs allow, and hand their results on', async () => {
  const world = testWorld();
  const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const meet =
    (mine: 0 | 1): Work =>
    async () => {
      both[mine].resolve();
      await both[1 - mine]?.promise;
      return mine;
    };
  const outcome = await start(
    world,
    runbookOf([
      { id: 'left', run: meet(0) },
      { id: 'right', run: meet(1) },
      { id: 'join', needs: ['left', 'right'], run: async ({ results }) => results },
    ]),
  );
  expect(outcome).toMatchObject({ status: 'succeeded', results: { join: { left: 0, right: 1 } } });
  expect(outcome.run).toMatch(/^sketch-20260219-020000-[a-z0-9]{4}$/);
});

test('wrong params are refused with every mistake, before anything is written', async () => {
  const world = testWorld();
  const params = z.object({ size: z.number(), mode: z.enum(['full']) });
  await expect(start(world, runbookOf([{ id: 'a' }], params), { params: { size: 'x' } })).rejects.toMatchObject({
    code: 'bad-params',
    details: [expect.stringMatching(/^size: /), expect.stringMatching(/^mode: /)],
  });
  expect(world.store.objects.size).toBe(0);
});

test('C1: a step that destroys refuses to run unless the environment was confirmed by name', async () => {
  const world = testWorld();
  const runbook = runbookOf([{ id: 'wipe', effect: 'destroy' }]);
  await expect(start(world, runbook)).rejects.toMatchObject({ code: 'not-confirmed', kind: 'refused' });
  await expect(start(world, runbook, { confirmed: 'prod' })).rejects.toThrow(/"prod" was confirmed/);
  expect(world.store.objects.size).toBe(0);
  expect((await start(world, runbook, { confirmed: 'local' })).status).toBe('succeeded');
});

test('a destroying step that the params rule out needs no confirmation', async () => {
  const world = testWorld();
  const params = z.object({ inPlace: z.boolean() });
  const runbook = runbookOf(
    [
      { id: 'wipe', effect: 'destroy', when: { param: 'inPlace', is: true } },
      { id: 'after', needs: ['wipe'], run: async ({ results }) => results },
    ],
    params,
  );
  const outcome = await start(world, runbook, { params: { inPlace: false } });
  expect(outcome).toMatchObject({ status: 'succeeded', results: { after: {} } });
  expect(saying(world.events)).toContain('step-skipped wipe');
});

test('a condition on the result of a needed step decides whether a step runs', async () => {
  const world = testWorld();
  const outcome = await start(
    world,
    runbookOf([
      { id: 'look', effect: 'read', run: async () => ({ needed: false }) },
      { id: 'mend', needs: ['look'], when: { result: 'look.needed', is: true } },
      { id: 'other', needs: ['look'], when: { result: 'look.needed', is: false } },
    ]),
  );
  expect(Object.keys(outcome.results).sort()).toEqual(['look', 'other']);
});

test('after a failure nothing new starts, what is under way finishes, and the steps for the end run', async () => {
  const world = testWorld();
  const slow = Promise.withResolvers<void>();
  const run = start(
    world,
    runbookOf([
      { id: 'breaks', run: async () => Promise.reject(refused('no')) },
      { id: 'slow', run: () => slow.promise.then(() => 1) },
      { id: 'never', needs: ['breaks'] },
      { id: 'later', needs: ['slow'] },
      { id: 'tidy', always: true, needs: ['later'], run: async ({ results }) => results },
    ]),
  );
  await settle();
  slow.resolve();
  const outcome = await run;
  expect(outcome).toMatchObject({ status: 'failed', problem: { code: 'no', kind: 'failed' } });
  expect(Object.keys(outcome.results).sort()).toEqual(['slow', 'tidy']);
});

test('the failure of a step for the end does not hide the first failure', async () => {
  const outcome = await start(
    testWorld(),
    runbookOf([
      { id: 'breaks', run: async () => Promise.reject(refused('first')) },
      { id: 'tidy', always: true, run: async () => Promise.reject(refused('second')) },
    ]),
  );
  expect(outcome.problem?.code).toBe('first');
});

test('a refusal before anything was changed ends the run as refused; after a change it is a failure', async () => {
  const breaks: Work = async () => Promise.reject(refused('disk-too-small'));
  const early = await start(
    testWorld(),
    runbookOf([
      { id: 'check', effect: 'read', run: breaks },
      { id: 'tidy', always: true },
    ]),
  );
  expect(early).toMatchObject({ status: 'refused', problem: { kind: 'refused', code: 'disk-too-small' } });
  const late = await start(
    testWorld(),
    runbookOf([{ id: 'copy' }, { id: 'check', needs: ['copy'], effect: 'read', run: breaks }]),
  );
  expect(late).toMatchObject({ status: 'failed', problem: { kind: 'failed', code: 'disk-too-small' } });
});

test('what a check could not reach refuses the run; after a change it is a failure', async () => {
  const away: Work = async () => Promise.reject(retryable());
  const early = await start(testWorld(), runbookOf([{ id: 'check', effect: 'read', run: away }]));
  expect(early).toMatchObject({ status: 'refused', problem: { kind: 'refused', code: 'busy' } });
  const late = await start(
    testWorld(),
    runbookOf([{ id: 'copy' }, { id: 'check', needs: ['copy'], effect: 'read', run: away }]),
  );
  expect(late).toMatchObject({ status: 'failed', problem: { kind: 'retryable', code: 'busy' } });
});

test('only what is retryable is tried again, with growing waits, as often as allowed', async () => {
  const world = testWorld();
  const at: number[] = [];
  const run = start(
    world,
    runbookOf([
      {
        id: 'busy',
        retry: { attempts: 4, backoff: '2s', max: '5s' },
        run: async ({ attempt }) => {
          at.push(world.clock.monotonic());
          if (attempt < 4) throw retryable();
          return attempt;
        },
      },
    ]),
  );
  await world.clock.advance(60_000);
  expect((await run).results).toEqual({ busy: 4 });
  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  expect(waits[0]).toBeLessThanOrEqual(2);
  expect(waits[0]).toBeGreaterThanOrEqual(1);
  expect(waits[1]).toBeGreaterThanOrEqual(2);
  expect(waits[2]).toBeLessThanOrEqual(5);
});

test('retries end with the last problem when the attempts are used up; what is not retryable is tried once', async () => {
  const world = testWorld();
  const counts = { busy: 0, broken: 0 };
  const retry = { attempts: 2, backoff: '1s', max: '1s' };
  const first = start(
    world,
    runbookOf([
      {
        id: 'busy',
        retry,
        run: async () => {
          counts.busy += 1;
          throw retryable();
        },
      },
    ]),
  );
  await world.clock.advance(10_000);
  expect(await first).toMatchObject({ status: 'failed', problem: { code: 'busy' } });
  const second = start(
    world,
    runbookOf([
      {
        id: 'broken',
        retry,
        run: async () => {
          counts.broken += 1;
          throw new TypeError('oops');
        },
      },
    ]),
  );
  expect(await second).toMatchObject({ status: 'failed', problem: { code: 'unexpected' } });
  expect(counts).toEqual({ busy: 2, broken: 1 });
});

test('a step that is not done in time is told to stop and fails by name', async () => {
  const world = testWorld();
  const { run, started, signals } = hanging();
  const outcome = start(world, runbookOf([{ id: 'slow', timeout: '90s', run }]));
  await started;
  await world.clock.advance(91_000);
  expect(await outcome).toMatchObject({ status: 'failed', problem: { code: 'timeout' } });
  expect((await outcome).problem?.happened).toContain('Step slow did not finish within its limit of 1 min 30 s');
  expect(signals[0]?.aborted).toBe(true);
});

test('a step that ignores its signal is left behind after a moment of grace', async () => {
  const world = testWorld();
  const outcome = start(world, runbookOf([{ id: 'deaf', timeout: '10s', run: () => new Promise(() => undefined) }]));
  await world.clock.advance(20_000);
  expect(await outcome).toMatchObject({ status: 'failed', problem: { code: 'timeout' } });
});

test('a result that does not fit its schema, or is too large to be handed on, fails the step', async () => {
  const wrong = await start(
    testWorld(),
    runbookOf([{ id: 'a', result: z.object({ n: z.number() }), run: async () => ({ n: 'x' }) }]),
  );
  expect(wrong.problem?.code).toBe('bad-result');
  const large = await start(testWorld(), runbookOf([{ id: 'a', run: async () => 'x'.repeat(5000) }]));
  expect(large.problem?.code).toBe('result-too-large');
});

test('a store that is gone for good leaves the run interrupted, one that comes back does not', async () => {
  const world = testWorld();
  const cut =
    (seconds: number): Work =>
    async () => {
      world.store.unreachable = true;
      const mend = async () => {
        await world.clock.sleep(seconds * 1000);
        world.store.unreachable = false;
      };
      void mend();
    };
  const brief = start(world, runbookOf([{ id: 'a', run: cut(5) }]));
  await world.clock.advance(20_000);
  expect((await brief).status).toBe('succeeded');
  const long = start(world, runbookOf([{ id: 'a', run: cut(100) }]));
  await world.clock.advance(120_000);
  expect(await long).toMatchObject({
    status: 'interrupted',
    problem: { code: expect.stringMatching(/fenced|store-unreachable/) },
  });
});

test('progress is shown at once and journaled at most every two seconds', async () => {
  const world = testWorld();
  const shown: number[] = [];
  const run = startRun(
    { ...world, onProgress: (_step, { done }) => void shown.push(done) },
    runbookOf([
      {
        id: 'long',
        run: async ({ progress }) => {
          for (let done = 0; done < 100; done += 1) {
            progress({ done, total: 100, unit: 'items' });
            await world.clock.sleep(100);
          }
        },
      },
    ]),
    { environment: 'local', params: {}, services: undefined },
  );
  await world.clock.advance(11_000);
  await run;
  expect(shown.length).toBe(100);
  expect(saying(world.events).filter((said) => said === 'step-progress long').length).toBe(5);
});

test('a failure that is not one of ours names the step it broke', async () => {
  const outcome = await start(
    testWorld(),
    runbookOf([
      {
        id: 'odd',
        run: async () => {
          throw new TypeError('x is undefined');
        },
      },
    ]),
  );
  expect(outcome.problem).toBeInstanceOf(FailedProblem);
  expect(outcome.problem?.happened).toBe('Step odd failed: x is undefined');
});

describe('the trace of a fault', () => {
  const log = async (world: TestWorld, run: string, step = 'a') => readStepLog(world.store, run, step);

  test('is in the log of its step at every attempt, and a problem of our own has none', async () => {
    const world = testWorld();
    const away = { code: 'away', happened: 'Away.', state: 's', next: 'n' };
    const below = (): never => {
      throw new RetryableProblem({ ...away, cause: new RangeError('too far') });
    };
    const running = start(
      world,
      runbookOf([
        { id: 'a', retry: { attempts: 2, backoff: '1s', max: '1s' }, run: async () => below() },
        { id: 'b', run: async () => Promise.reject(refused('not-now')) },
      ]),
    );
    await world.clock.advance(5000);
    const { run } = await running;
    const lines = (await log(world, run)).split('\n').map((line) => line.slice(25));
    expect(lines.filter((line) => !line.startsWith('    '))).toEqual([
      'attempt 1 failed: Away.',
      '  RangeError: too far',
      'attempt 2 failed: Away.',
      '  RangeError: too far',
      '',
    ]);
    expect(await log(world, run, 'b')).toBe('');
  });

  test('waits for a store that is away for a while, as the journal does', async () => {
    const world = testWorld();
    const cut: Work = async () => {
      world.store.unreachable = true;
      const mend = async () => {
        await world.clock.sleep(8000);
        world.store.unreachable = false;
      };
      void mend();
      return plantedFault();
    };
    const running = start(world, runbookOf([{ id: 'a', run: cut }]));
    await world.clock.advance(20_000);
    const { run, status } = await running;
    expect(status).toBe('failed');
    expect(await log(world, run)).toContain(plantedAt);
  });

  test('is kept when the step had been told to stop, unless that is all it says', async () => {
    const world = testWorld();
    const stopping =
      (thrown: (signal: AbortSignal) => unknown): Work =>
      async ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            try {
              reject(thrown(signal));
            } catch (fault) {
              reject(fault);
            }
          });
        });
    const running = start(
      world,
      runbookOf([
        { id: 'a', timeout: '1s', run: stopping(plantedFault) },
        { id: 'b', timeout: '1s', run: stopping(({ reason }) => reason as unknown) },
        { id: 'c', timeout: '1s', run: stopping(() => new DOMException('ended', 'AbortError')) },
      ]),
    );
    await world.clock.advance(10_000);
    const { run, problem } = await running;
    expect(problem?.code).toBe('timeout');
    expect(await log(world, run)).toContain(plantedAt);
    expect(await log(world, run, 'b')).toBe('');
    expect(await log(world, run, 'c')).toBe('');
  });

  test('of a fault that is in no step is told with the problem, because no log has it', async () => {
    const world = testWorld();
    const outcome = await start(
      { ...world, onEvent: ({ event }) => void (event.type === 'step-started' && plantedFault()) },
      runbookOf([{ id: 'a' }]),
    );
    expect(outcome).toMatchObject({ status: 'interrupted', problem: { code: 'unexpected' } });
    expect(outcome.problem?.details.join('\n')).toContain(plantedAt);
  });
});
