import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { dyingStore } from '../../test/support/dying-store.ts';
import { testWorld, type TestWorld } from '../../test/support/engine-world.ts';
import { refused, runbookOf, start, type Sketch } from '../../test/support/runbook-sketch.ts';
import { verifyAudit } from '../journal/audit.ts';
import { readJournal } from '../journal/journal-reader.ts';
import type { Runbook } from './define.ts';
import { resumeRun, type RunOutcome } from './engine.ts';

interface Drawn {
  readonly needs: readonly number[];
  readonly fails: boolean;
  readonly always: boolean;
}

const graph: fc.Arbitrary<readonly Drawn[]> = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(6), { maxLength: 3 }),
      fails: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      always: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((steps) =>
    steps.map((step, index) => ({
      ...step,
      needs: step.needs.filter((need) => need < index && (step.always || steps[need]?.always !== true)),
    })),
  );

const kills = fc.array(fc.record({ puts: fc.integer({ min: 1, max: 14 }), before: fc.boolean() }), { maxLength: 5 });

/** The drawn graph; each start of a step is told to `onStart` before anything else. */
function drawnRunbook(steps: readonly Drawn[], onStart: (step: string) => Promise<void>): Runbook {
  return runbookOf(
    steps.map(
      ({ needs, fails, always }, index): Sketch => ({
        id: `s${index}`,
        needs: [...new Set(needs)].map((need) => `s${need}`),
        ...(always ? { always: true as const } : {}),
        run: async ({ step, results }) => {
          await onStart(step);
          if (fails) throw refused(`${step}-failed`);
          return { step, from: results };
        },
      }),
    ),
  );
}

test('whatever the graph, every step runs once, after the steps it needs', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(graph, async (drawn) => {
      const steps = drawn.map((step) => ({ ...step, fails: false }));
      const order: string[] = [];
      const outcome = await start(
        testWorld(),
        drawnRunbook(steps, async (step) => void order.push(step)),
      );
      expect(outcome.status).toBe('succeeded');
      expect(order.toSorted()).toEqual(steps.map((_, index) => `s${index}`));
      for (const [index, { needs }] of steps.entries()) {
        for (const need of needs) expect(order.indexOf(`s${need}`)).toBeLessThan(order.indexOf(`s${index}`));
      }
    }),
    { numRuns: 60 },
  );
});

test('killed anywhere and as often as you like, a run resumes to the outcome of an undisturbed one, no finished step is done again, and the audit is clean', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(graph, kills, async (drawn, plannedKills) => {
      const undisturbed = await start(
        testWorld(),
        drawnRunbook(sequential(drawn), async () => undefined),
      );
      const world = testWorld();
      const runbook = drawnRunbook(sequential(drawn), async (step) => {
        const run = runOf(world);
        const { events } = await readJournal(world.store, run);
        const finished = events.some(({ event }) => event.type === 'step-succeeded' && event.step === step);
        expect(finished).toBe(false);
      });
      const outcome = await throughKills(world, runbook, plannedKills);
      expect(outcome).toEqual({ ...undisturbed, run: outcome.run, seconds: outcome.seconds });
      expect((await verifyAudit(world, world.signer.trust())).findings).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('killed once around every single write of a run, it resumes to the same outcome and the audit is clean', {
  timeout: 60_000,
}, async () => {
  const drawn = [
    { needs: [], fails: false, always: false },
    { needs: [0], fails: false, always: false },
    { needs: [1], fails: false, always: true },
  ];
  const undisturbed = await start(
    testWorld(),
    drawnRunbook(drawn, async () => undefined),
  );
  let deaths = 0;
  for (const before of [true, false]) {
    for (let puts = 1; ; puts += 1) {
      const world = testWorld();
      const runbook = drawnRunbook(drawn, async () => undefined);
      const outcome = await throughKills(world, runbook, [{ puts, before }]);
      expect(outcome).toMatchObject({ status: 'succeeded', results: undisturbed.results });
      expect((await verifyAudit(world, world.signer.trust())).findings).toEqual([]);
      const { events } = await readJournal(world.store, outcome.run);
      const finished = events.filter(({ event }) => event.type === 'step-succeeded');
      expect(finished.length).toBe(3);
      expect((await start(world.another(), runbook)).status).toBe('succeeded');
      if (world.machine.deaths === 0) break;
      deaths += 1;
    }
  }
  // Lease, start, its audit entry, two events for each of three steps, the end, its audit entry, the lease's end: twelve writes.
  expect(deaths).toBe(24);
});

/** With failures the order of steps matters to what still starts, so they are put in a row. */
function sequential(steps: readonly Drawn[]): readonly Drawn[] {
  if (!steps.some((step) => step.fails)) return steps;
  return steps.map((step, index) => ({
    ...step,
    needs: [...Array(index).keys()].filter((before) => step.always || steps[before]?.always !== true),
  }));
}

async function throughKills(
  first: TestWorld,
  runbook: Runbook,
  plannedKills: readonly { readonly puts: number; readonly before: boolean }[],
): Promise<RunOutcome> {
  for (const { puts, before } of plannedKills) {
    const { store, death } = dyingStore(first.store, puts, before);
    const process = first.another('here', store);
    const end = await Promise.race([startOrResume(process, first, runbook), death]);
    if (end !== 'dead') return end;
    process.processes.die();
  }
  return startOrResume(first.another(), first, runbook);
}

async function startOrResume(world: TestWorld, shared: TestWorld, runbook: Runbook): Promise<RunOutcome> {
  if (runOf(shared) !== '') return resumeRun(world, () => runbook, { run: runOf(shared), services: undefined });
  return start(world, runbook);
}

function runOf(world: TestWorld): string {
  const key = [...world.store.objects.keys()].find((each) => each.startsWith('runs/'));
  return key?.split('/')[1] ?? '';
}
