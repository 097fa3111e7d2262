import { join } from 'node:path';
import { openNodeFiles } from '../../../src/adapters/node-files/node-files.ts';
import { systemClock } from '../../../src/adapters/system/clock.ts';
import { runId } from '../../../src/model/identifiers.ts';
import { type Micros, microsOf } from '../../../src/model/instant.ts';
import type { NodeParts } from '../../../src/node/node-parts.ts';
import { placeLogs } from '../../../src/node/jobs/place-logs-job.ts';
import { keepLogPlan } from '../../../src/ports/log-plan-store.ts';
import type { JobResult } from '../../../src/ports/node-agent.ts';
import type { Platform } from '../../../src/ports/platform.ts';
import { chooseBase } from '../../../src/runbooks/recovery/choose-base.ts';
import { readLogCatalog } from '../../../src/runbooks/catalog/log-catalog.ts';
import { planLogs } from '../../../src/runbooks/recovery/plan-logs.ts';
import { listPoints } from '../../../src/runbooks/catalog/point-catalog.ts';
import { usualLimits, withPieces } from '../../../src/runbooks/recovery/recovery-facts.ts';
import type { History } from './history.ts';
import type { LogReturn } from './replay-ring.ts';

export interface ShippedReturn extends LogReturn {
  /** What was placed on each node by now. */
  readonly placed: ReadonlyArray<JobResult['place-logs']>;
}

/** As `cardea restore --to INSTANT` has it: base and logs chosen from the bucket, cut and placed by the agent's own job. */
export async function shippedReturn(
  { bucket, environment }: Platform,
  { base }: Pick<History, 'base'>,
  instant: Micros,
): Promise<ShippedReturn> {
  const run = runId.parse(`restore-20260219-020000-${String(instant).slice(-4)}`);
  const facts = {
    environment,
    catalog: await readLogCatalog(bucket),
    readPieces: async (since: Micros) => readLogCatalog(bucket, { since, piecesSince: since }),
    points: await listPoints(bucket),
    now: microsOf(new Date()),
    limits: usualLimits,
  };
  const choice = chooseBase(facts, { instant, timeline: base.timeline });
  if (choice.point.id !== base.id) throw new TypeError(`${choice.point.id} was chosen, and ${base.id} is in place`);
  const sha256 = await keepLogPlan(bucket, { run, ...planLogs(await withPieces(facts, choice.point), choice) });
  const placed: JobResult['place-logs'][] = [];
  return {
    placed,
    async place({ name }, commitlog) {
      const beside = (folder: string) => join(commitlog, '..', folder);
      const parts: NodeParts = {
        node: name,
        clock: systemClock,
        bucket,
        files: openNodeFiles(beside('hashes.json')),
        directories: {
          data: beside('data'),
          commitlog,
          hints: beside('hints'),
          savedCaches: beside('saved_caches'),
          aside: beside('aside'),
        },
        ...notUsed,
      };
      const { signal } = new AbortController();
      placed.push(await placeLogs(parts, { plan: run, sha256 }, { signal, progress: () => {}, log: () => {} }));
    },
  };
}

const never = () => Promise.reject(new TypeError('placing logs does not ask for this'));

const notUsed: Pick<NodeParts, 'tool' | 'database'> = {
  tool: {
    upload: never,
    remove: never,
    contents: never,
    folderOf: () => '',
    download: never,
    endLeftOver: never,
  },
  database: {
    runningPid: () => Promise.resolve(undefined),
    standing: () => Promise.resolve({ lock: 'free', seen: undefined, seesAll: true }),
    takeLock: () => Promise.resolve({ release: () => Promise.resolve() }),
    tables: never,
    snapshot: never,
    clearSnapshot: never,
    repair: never,
  },
};
