import { z } from 'zod';
import { isSystemKeyspace } from '../../commitlog/system-tables.ts';
import { formatBytes } from '../../model/bytes.ts';
import { heldRanges } from '../../model/held-ranges.ts';
import { timelineId } from '../../model/identifiers.ts';
import { formatInstant, instantText } from '../../model/instant.ts';
import { type LogPlan, logPlanDocument, logPlanKey } from '../../model/log-plan.ts';
import { logSchemaDocument } from '../../model/log-schema.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { type AddedTable, addedTable, createTables } from './added-tables.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { getPoint } from '../catalog/point-catalog.ts';
import type { ReplayParams } from '../recovery/replay-params.ts';
import { makeLogPlan } from '../recovery/make-log-plan.ts';
import { patientServices, type RunbookServices } from '../services.ts';
import { patientRetry } from './standard-steps.ts';
import { verifyLogs } from '../recovery/verify-logs.ts';

interface Work extends NodeJobCall {
  readonly environment: string;
  readonly services: RunbookServices;
  readonly log: (line: string) => void;
}
type Params = ReplayParams & { readonly point: string };

export const logsResult = z.object({
  /** What the plan goes to. */
  instant: instantText,
  timeline: timelineId,
  exclusions: z.array(instantText),
  /** Those that had to be left out because only a part of them is in the log. */
  incomplete: z.array(instantText),
  /** Tables that are newer than the base and are created before the replay. */
  addedTables: z.array(addedTable),
  createTables: z.boolean(),
  streams: z.number(),
  objects: z.number(),
  /** Plain bytes that each node reads. */
  bytes: z.number(),
});

export const planLogsStep = {
  id: 'plan-logs',
  title: 'Decide which logs to replay, and where to cut them',
  effect: 'write',
  needs: ['check-point', 'check-store'],
  when: { param: 'replay', is: true },
  timeout: '10m',
  retry: patientRetry,
  result: logsResult,
  run: async (context: Work & { readonly params: Params }) => decideLogs(context, context.params),
} as const;

export const verifyLogsStep = {
  id: 'verify-logs',
  title: 'Check that every byte of these logs is as it was shipped',
  effect: 'read',
  needs: ['plan-logs'],
  when: { param: 'replay', is: true },
  timeout: '4h',
  retry: patientRetry,
  result: z.object({ bytes: z.number(), left: z.number(), seconds: z.number() }),
  run: async (context: Work & { readonly params: Params }) => checkLogs(context, context.params),
} as const;

export const extendLogsStep = {
  id: 'extend-logs',
  title: 'Add the rest of the log to the plan, now that nothing more is written',
  effect: 'write',
  guard: 'until-moved',
  timeout: '1h',
  retry: patientRetry,
  result: logsResult,
} as const;

export const placeLogsStep = {
  id: 'place-logs',
  title: 'Cut the logs and place them on every node for the replay',
  effect: 'destroy',
  timeout: '12h',
  retry: patientRetry,
  result: z.object({
    mutations: z.number(),
    cut: z.number(),
    dropped: z.number(),
    bytes: z.number(),
    /** By node: the highest id of the segments that it was given, null when it was given none. */
    lastSegments: z.record(z.string(), z.string().nullable()),
    seconds: z.number(),
  }),
} as const;

/** Decides, from what is in the store at this moment, and writes the decision down for the nodes. */
export async function decideLogs(work: Work, params: Params): Promise<z.infer<typeof logsResult>> {
  const services = patientServices(work.services, work.signal);
  const { platform } = services;
  const { plan, incomplete, addedTables } = await makeLogPlan(services, {
    ...params,
    run: work.run,
    signal: work.signal,
  });
  await platform.bucket.put(logPlanKey(work.run), logPlanDocument.write(plan));
  const { streams, bytes } = extentOf(plan);
  work.log(`${formatBytes(bytes)} of log from ${streams} streams, up to ${plan.instant}`);
  for (const slot of incomplete) {
    work.log(`left out: the transaction of ${formatInstant(slot)}, because only a part of it was shipped`);
  }
  return {
    ...resultOf(plan),
    incomplete: incomplete.map(formatInstant),
    addedTables: [...addedTables],
    createTables: addedTables.length > 0,
  };
}

/**
 * Reads and checks every byte before anything is changed. Damaged objects that are not needed are left out of the plan.
 */
export async function checkLogs(work: Work, params: Params): Promise<z.infer<typeof verifyLogsStep.result>> {
  const services = patientServices(work.services, work.signal);
  const { platform, clock } = services;
  const from = clock.monotonic();
  const plan = await readLogPlan(platform, work.run);
  const verified = await verifyLogs(services, plan, params.point, {
    signal: work.signal,
    progress: (done, total) => work.progress({ done, total, unit: 'bytes' }),
  });
  for (const { key, reason } of verified.left) work.log(`left out because it is damaged: ${key}: ${reason}`);
  if (verified.left.length > 0) await platform.bucket.put(logPlanKey(work.run), logPlanDocument.write(verified.plan));
  return { bytes: verified.bytes, left: verified.left.length, seconds: clock.monotonic() - from };
}

/** As `decideLogs` and `checkLogs`, to the log's end: the graph has stopped and the log is shipped to its end. */
export async function extendLogs(
  work: Work,
  params: Params,
  planned: z.infer<typeof logsResult>,
): Promise<z.infer<typeof logsResult>> {
  const result = await decideLogs(work, params);
  await checkLogs(work, params);
  // Which tables to create was decided and shown before anything stopped.
  if (result.createTables && !planned.createTables) throw schemaChanged(work, result.addedTables);
  return result;
}

/** Before the logs are placed: see `createTables`. */
export async function createAddedTables(work: Work, platform: Platform, { addedTables }: z.infer<typeof logsResult>) {
  const plan = await readLogPlan(platform, work.run);
  return createTables(platform, addedTables, plan, work.signal);
}

/** `platform`: whose nodes replay, those of the environment or of its copy. `afterDrain`: they were started on the restored files before. */
export async function placeLogs(
  work: Work & { readonly params: Params },
  platform: Platform,
  { afterDrain }: { readonly afterDrain: boolean },
): Promise<z.infer<typeof placeLogsStep.result>> {
  const { clock } = work.services;
  const from = clock.monotonic();
  const point = await getPoint(platform.bucket, work.params.point);
  const plan = await readLogPlan(platform, work.run);
  const held = heldRanges(point.nodes, Math.max(point.replicationFactor, await mostReplicas(platform, plan)));
  const done = await onEachNode(platform, work, 'place-logs', (node) => {
    const source = point.nodes[platform.nodes.findIndex(({ name }) => name === node)]?.node ?? node;
    const ranges = held?.get(point.nodes.some((each) => each.node === node) ? node : source);
    return {
      plan: work.run,
      ...(ranges === undefined ? {} : { ranges }),
      ...(afterDrain ? { afterDrain } : {}),
    };
  });
  const sum = (what: 'mutations' | 'cut' | 'dropped' | 'bytes') =>
    done.reduce((total, { result }) => total + result[what], 0);
  work.log(`${sum('mutations')} mutations placed, ${sum('cut')} of them only in part; ${sum('dropped')} left out`);
  return {
    mutations: sum('mutations'),
    cut: sum('cut'),
    dropped: sum('dropped'),
    bytes: sum('bytes'),
    lastSegments: Object.fromEntries(done.map(({ node, result }) => [node, result.lastSegment])),
    seconds: clock.monotonic() - from,
  };
}

/**
 * For every keyspace in the logs the same ranges of a node are used; if a node gets more than it needs, that does no
 * harm.
 */
async function mostReplicas({ bucket }: Platform, { strands }: LogPlan): Promise<number> {
  const counts: number[] = [];
  for (const key of strands.flatMap(({ schemas }) => schemas.slice(-1))) {
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    for (const { keyspace, replication } of logSchemaDocument.read(stored.body, key).keyspaces) {
      if (isSystemKeyspace(keyspace)) continue;
      counts.push(...Object.values(replication).flatMap((value) => (/^\d{1,3}$/.test(value) ? [Number(value)] : [])));
    }
  }
  return Math.max(0, ...counts);
}

async function readLogPlan({ bucket }: Platform, run: string): Promise<LogPlan> {
  const stored = await bucket.get(logPlanKey(run));
  return logPlanDocument.read(stored?.body ?? '', logPlanKey(run));
}

function resultOf(plan: LogPlan): Omit<z.infer<typeof logsResult>, 'incomplete' | 'addedTables' | 'createTables'> {
  const last = plan.strands.at(-1);
  return {
    instant: plan.instant,
    timeline: timelineId.parse(last?.timeline),
    exclusions: [...(last?.exclusions ?? [])],
    ...extentOf(plan),
  };
}

function extentOf({ strands }: LogPlan) {
  const objects = strands.flatMap(({ streams }) => streams.flatMap((stream) => stream.objects));
  return {
    streams: strands.reduce((sum, { streams }) => sum + streams.length, 0),
    objects: objects.length,
    bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function schemaChanged({ environment }: Work, tables: readonly AddedTable[]): RefusedProblem {
  return new RefusedProblem({
    code: 'schema-changed',
    happened: `${tables.map(({ name }) => name).join(', ')} was created while this run was preparing.`,
    state: 'Nothing was moved or deleted.',
    next: `Start the restore of ${environment} again; its plan will include the table.`,
  });
}
