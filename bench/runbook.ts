import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { DirectoryStore } from '../src/adapters/directory/directory-store.ts';
import { fileAuditSigner } from '../src/adapters/system/audit-key.ts';
import { systemClock } from '../src/adapters/system/clock.ts';
import { systemIds } from '../src/adapters/system/ids.ts';
import { systemProcesses } from '../src/adapters/system/processes.ts';
import { eventKey } from '../src/journal/event-file.ts';
import { runId } from '../src/model/identifiers.ts';
import type { Runbook } from '../src/runbook/define.ts';
import { type EngineWorld, resumeRun, startRun } from '../src/runbook/engine.ts';
import { comparedToAim, median, secondsOf } from './rounds.ts';
import type { BenchRow } from './row.ts';

const times = 15;
/** Milliseconds; the aim for ten steps that do nothing. */
const aim = 300;
const interruptedAfter = 5;

/** Runs whose steps do nothing, in a directory with every event synced, lease and signed audit entries included. */
export async function benchRunbook(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cardea-bench-'));
  try {
    const store = new DirectoryStore(join(folder, 'bucket'));
    const world: EngineWorld = {
      store,
      clock: systemClock,
      ids: systemIds,
      processes: systemProcesses(),
      actor: { name: 'bench', via: 'cli', host: 'localhost' },
      signer: await fileAuditSigner(join(folder, 'key'), 'local'),
    };
    const noStop = new AbortController();
    const start = async (runbook: Runbook, signal = noStop.signal) =>
      startRun(world, runbook, { environment: 'local', params: {}, services: undefined, signal });
    const whole: number[] = [];
    const single: number[] = [];
    const resumed: number[] = [];
    const bare: number[] = [];
    await start(chain(10, () => {}));
    for (let time = 0; time < times; time += 1) {
      whole.push(1000 * (await secondsOf(() => start(chain(10, () => {})))));
      single.push(1000 * (await secondsOf(() => start(chain(1, () => {})))));
      const stop = new AbortController();
      const interruptible = chain(10, (step) => {
        if (step === interruptedAfter) stop.abort();
      });
      const { run } = await start(interruptible, stop.signal);
      resumed.push(1000 * (await secondsOf(() => resumeRun(world, () => interruptible, { run, services: undefined }))));
      bare.push(1000 * (await secondsOf(() => eventsAlone(store, time))));
    }
    const [ours, one] = [median(whole), median(single)];
    return [
      comparedToAim({ name: 'runbook of ten empty steps', note: `aim: under ${aim}`, aim }, whole),
      {
        name: 'the same',
        ours,
        reference: median(bare),
        ratio: ours / median(bare),
        unit: 'ms',
        note: 'its 22 events as objects, one durable create after the other',
      },
      { name: 'a step more', ours: (ours - one) / 9, unit: 'ms', note: 'two events: started and succeeded' },
      { name: 'lease, audit entries, start and end', ours: one - (ours - one) / 9, unit: 'ms', note: 'of any run' },
      {
        name: 'resume after the fifth of ten empty steps',
        ours: median(resumed),
        unit: 'ms',
        note: 'the journal read and verified; the steps that are left carried out',
      },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Steps one after the other. `reached` is told the number of each as it runs. */
function chain(length: number, reached: (step: number) => void): Runbook {
  return {
    name: 'bench',
    version: 1,
    title: 'Bench',
    params: z.object({}),
    steps: Array.from({ length }, (_, step) => ({
      id: `step-${step}`,
      title: `Step ${step}`,
      effect: 'write',
      needs: step === 0 ? [] : [`step-${step - 1}`],
      timeout: '1m',
      result: z.object({}),
      run: async () => {
        reached(step);
        return {};
      },
    })),
  };
}

async function eventsAlone(store: DirectoryStore, time: number): Promise<void> {
  const run = runId.parse(`alone-20260219-020000-${String(time).padStart(4, 'a')}`);
  const text = JSON.stringify({ filled: 'x'.repeat(500) });
  for (let event = 1; event <= 22; event += 1) await store.put(eventKey(run, event), text, { ifAbsent: true });
}
