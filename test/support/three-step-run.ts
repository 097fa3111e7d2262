import { appendFile } from 'node:fs/promises';
import { z } from 'zod';
import { DirectoryStore } from '../../src/adapters/directory/directory-store.ts';
import { withRequestedFault } from '../../src/adapters/faults/kill-after-event.ts';
import { fileAuditSigner } from '../../src/adapters/system/audit-key.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { systemIds } from '../../src/adapters/system/ids.ts';
import { systemProcesses } from '../../src/adapters/system/processes.ts';
import { listRuns } from '../../src/journal/runs.ts';
import { defineRunbook } from '../../src/runbook/define.ts';
import { resumeRun, startRun } from '../../src/runbook/engine.ts';

/**
 * A process of its own: `node three-step-run.ts FOLDER` starts a run of three steps in the bucket FOLDER/bucket, or resumes the one that is there,
 * and prints its outcome. Each step leaves a line in FOLDER/done, so that a test sees what was done how often.
 */
const [, , folder = ''] = process.argv;
const store = withRequestedFault(new DirectoryStore(`${folder}/bucket`), {
  fault: process.env['CARDEA_FAULT'],
  platform: 'sandbox',
});
const world = {
  store,
  clock: systemClock,
  ids: systemIds,
  processes: systemProcesses(),
  actor: { name: 'test', via: 'cli' as const, host: 'here' },
  signer: await fileAuditSigner(`${folder}/key`, 'local'),
};
const done = async ({ step }: { readonly step: string }) => {
  await appendFile(`${folder}/done`, `${step}\n`);
  return { step };
};
const result = z.object({ step: z.string() });
const runbook = defineRunbook<Record<string, never>, unknown>({
  name: 'three',
  version: 1,
  title: 'Three steps',
  params: z.object({}),
})
  .step({ id: 'a', title: 'A', effect: 'write', needs: [], timeout: '1m', result, run: done })
  .step({ id: 'b', title: 'B', effect: 'write', needs: ['a'], timeout: '1m', result, run: done })
  .step({ id: 'c', title: 'C', effect: 'write', needs: ['b'], timeout: '1m', result, run: done })
  .build();

const [existing] = await listRuns(world, { limit: 1 });
const outcome =
  existing === undefined
    ? await startRun(world, runbook, { environment: 'local', params: {}, services: undefined })
    : await resumeRun(world, () => runbook, { run: existing.run, services: undefined });
process.stdout.write(`${JSON.stringify(outcome)}\n`);
