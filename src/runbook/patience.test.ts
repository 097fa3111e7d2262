import { expect, test } from 'vitest';
import { verifyAudit } from '../journal/audit.ts';
import { readStepLog, stepLogKey } from '../journal/step-log.ts';
import { RetryableProblem } from '../model/problem.ts';
import { saying, type TestWorld, testWorld } from '../../test/support/engine-world.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { runbookOf, start } from '../../test/support/runbook-sketch.ts';
import { requestCancel, resumeRun, type RunOutcome } from './engine.ts';

const lasts = 60;

interface Call {
  readonly method: string;
  readonly key: string;
}

interface Stage {
  readonly world: TestWorld;
  readonly calls: readonly Call[];
  readonly runbook: ReturnType<typeof runbookOf>;
  readonly attempts: () => number;
}

/**
 * A run of one long step that says a line a second, in a bucket that `away` takes away: asked at each call, by its
 * number and the time.
 */
function stage(
  away: (call: Call, index: number, seconds: number) => boolean,
  effect: 'read' | 'write' = 'write',
): Stage {
  const calls: Call[] = [];
  const world = testWorld();
  const store = new MemoryStore({
    calls: async (method, key) => {
      const index = calls.push({ method, key }) - 1;
      if (!away({ method, key }, index, world.clock.monotonic())) return;
      throw new RetryableProblem({ code: 'store-unreachable', happened: 'Away.', state: 's', next: 'n' });
    },
  });
  let attempts = 0;
  const runbook = runbookOf([
    {
      id: 'long',
      effect,
      run: async ({ log, progress, signal }) => {
        attempts += 1;
        for (let second = 1; second <= lasts; second += 1) {
          log(`second ${second}`);
          progress({ done: second, total: lasts, unit: 'items' });
          await world.clock.sleep(1000, signal);
        }
        return 'done';
      },
    },
  ]);
  return { world: world.another('here', store), calls, runbook, attempts: () => attempts };
}

/** From the call of this number on, everything is away for so long. */
function awayFrom(first: number, seconds: number): Parameters<typeof stage>[0] {
  let since: number | undefined;
  return (_call, index, now) => {
    if (index >= first) since ??= now;
    return since !== undefined && now - since < seconds;
  };
}

async function carriedOut({ world, runbook }: Stage, seconds: number): Promise<RunOutcome> {
  const going = start(world, runbook);
  await world.clock.advance(seconds * 1000);
  return going;
}

async function loggedSeconds({ store }: TestWorld, run: string): Promise<readonly number[]> {
  const text = await readStepLog(store, run, 'long');
  return Array.from(text.matchAll(/second (\d+)$/gm), ([, second]) => Number(second));
}

const everySecond = Array.from({ length: lasts }, (_, index) => index + 1);

async function undisturbed(): Promise<{ calls: readonly Call[]; begun: number }> {
  const calm = stage(() => false);
  expect(await carriedOut(calm, 100)).toMatchObject({ status: 'succeeded' });
  return {
    calls: calm.calls,
    begun: calm.calls.findIndex(({ method, key }) => method === 'put' && key.startsWith('runs/')),
  };
}

test('a store away for twenty seconds, from whichever call on, costs time and not the run', async () => {
  const { calls, begun } = await undisturbed();
  for (let first = begun; first < calls.length - 1; first += 1) {
    const shaken = stage(awayFrom(first, 20));
    const outcome = await carriedOut(shaken, 150);
    const at = `from call ${first}, ${calls[first]?.method} ${calls[first]?.key}`;
    expect(outcome, at).toMatchObject({ status: 'succeeded', results: { long: 'done' } });
    expect(outcome.unwritten, at).toBeUndefined();
    expect(shaken.attempts(), at).toBe(1);
    expect(await loggedSeconds(shaken.world, outcome.run), at).toEqual(everySecond);
    const report = await verifyAudit(shaken.world, shaken.world.signer.trust());
    expect(report, at).toMatchObject({ ok: true, findings: [], entries: 2 });
  }
});

test('a store away for longer than the lease leaves a run that a resume ends well, from whichever call on', async () => {
  const { calls, begun } = await undisturbed();
  for (let first = begun + 1; first < calls.length - 1; first += 3) {
    const shaken = stage(awayFrom(first, 100));
    const outcome = await carriedOut(shaken, 300);
    const at = `from call ${first}, ${calls[first]?.method} ${calls[first]?.key}`;
    if (outcome.status === 'interrupted') {
      expect(outcome.problem?.code, at).toMatch(/fenced|store-unreachable/);
    } else {
      expect(outcome, at).toMatchObject({ status: 'succeeded', unwritten: [expect.stringMatching(/audit chain/)] });
    }
    const { run } = outcome;
    const next = shaken.world.another('here', shaken.world.store);
    const going = resumeRun(next, () => shaken.runbook, { run, services: undefined });
    await shaken.world.clock.advance(100_000);
    expect(await going, at).toMatchObject({ status: 'succeeded' });
    expect(await verifyAudit(next, next.signer.trust()), at).toMatchObject({ ok: true });
  }
});

test.each([
  ['the look for a cancel', ({ method, key }: Call) => method === 'get' && key.startsWith('runs/')],
  ['the step’s log', ({ key }: Call) => key.includes('/logs/')],
  ['the audit chain', ({ key }: Call) => key.startsWith('audit/')],
  ['the lease', ({ key }: Call) => key.startsWith('leases/')],
  ['the journal', ({ method, key }: Call) => method === 'put' && /\d+\.json$/.test(key) && key.startsWith('runs/')],
])('%s alone away for twenty seconds in the middle of a step does not end the run', async (_what, concerns) => {
  const shaken = stage((call, _index, now) => concerns(call) && now >= 10 && now < 30);
  const outcome = await carriedOut(shaken, 100);
  expect(outcome).toMatchObject({ status: 'succeeded' });
  expect(await loggedSeconds(shaken.world, outcome.run)).toEqual(everySecond);
});

test('a run without a lease is not ended by looks that fail for a minute', async () => {
  const shaken = stage(
    ({ method, key }, _index, now) => method === 'get' && key.startsWith('runs/') && now < 60,
    'read',
  );
  expect(await carriedOut(shaken, 100)).toMatchObject({ status: 'succeeded' });
});

test('a cancel asked for while the looks fail is found by the first that does not', async () => {
  const shaken = stage(
    ({ method, key }, _index, now) => method === 'get' && key.startsWith('runs/') && now > 5 && now < 20,
  );
  const going = start(shaken.world, shaken.runbook);
  await shaken.world.clock.advance(5000);
  const run = shaken.world.events[0]?.run ?? '';
  await requestCancel(shaken.world, run);
  await shaken.world.clock.advance(20_000);
  expect(await going).toMatchObject({ status: 'cancelled' });
});

test('a log that cannot be written is said at the end, and fails nothing', async () => {
  const shaken = stage(({ method, key }) => method === 'put' && key.includes('/logs/'));
  const outcome = await carriedOut(shaken, 400);
  expect(outcome).toMatchObject({ status: 'succeeded', results: { long: 'done' } });
  expect(outcome.unwritten).toEqual(['The log of step long lacks its newest lines: Away.']);
  expect(shaken.world.store.objects.has(stepLogKey(outcome.run, 'long'))).toBe(false);
});

test('an end that the audit chain does not take is said, found by the audit, and recorded by a resume', async () => {
  let gone = true;
  const shaken = stage(({ key }, _index, now) => key.startsWith('audit/') && gone && now > 10);
  const outcome = await carriedOut(shaken, 500);
  expect(outcome).toMatchObject({ status: 'succeeded' });
  expect(outcome.unwritten?.[0]).toContain(`cardea run resume ${outcome.run}`);
  gone = false;
  const { world } = shaken;
  expect((await verifyAudit(world, world.signer.trust())).findings).toMatchObject([{ kind: 'end-unrecorded' }]);
  await resumeRun(world.another('here', world.store), () => shaken.runbook, { run: outcome.run, services: undefined });
  expect(await verifyAudit(world, world.signer.trust())).toMatchObject({ ok: true });
});

test('a run whose start the audit chain does not take does nothing and can be resumed', async () => {
  let gone = true;
  const shaken = stage(({ key }) => key.startsWith('audit/') && gone);
  const outcome = await carriedOut(shaken, 400);
  expect(outcome).toMatchObject({ status: 'interrupted', problem: { code: 'store-unreachable' } });
  expect(shaken.attempts()).toBe(0);
  expect(saying(shaken.world.events)).toEqual(['run-started']);
  gone = false;
  const going = resumeRun(shaken.world.another('here', shaken.world.store), () => shaken.runbook, {
    run: outcome.run,
    services: undefined,
  });
  await shaken.world.clock.advance(100_000);
  expect(await going).toMatchObject({ status: 'succeeded' });
});

test('a process that lost the lease leaves the log to the next holder', async () => {
  const shaken = stage(({ key }, _index, now) => key.startsWith('leases/') && now > 5);
  const outcome = await carriedOut(shaken, 100);
  expect(outcome).toMatchObject({ status: 'interrupted', problem: { code: 'fenced' } });
  const written = shaken.calls.filter(({ method, key }) => method === 'put' && key.includes('/logs/')).length;
  await shaken.world.clock.advance(100_000);
  expect(shaken.calls.filter(({ method, key }) => method === 'put' && key.includes('/logs/'))).toHaveLength(written);
});
