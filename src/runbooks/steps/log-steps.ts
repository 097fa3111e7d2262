import { z } from 'zod';
import { isSystemKeyspace } from '../../commitlog/system-tables.ts';
import { formatBytes } from '../../model/bytes.ts';
import { heldRanges } from '../../model/held-ranges.ts';
import { timelineId } from '../../model/identifiers.ts';
import { instantText } from '../../model/instant.ts';
import { type LogPlan, leftOut, plannedBytes, plannedObjects } from '../../model/log-plan.ts';
import { logSchemaDocument } from '../../model/log-schema.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { getLogPlan, keepLogPlan } from '../../ports/log-plan-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { createTables, requireCreatable } from './added-tables.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { getPoint } from '../catalog/point-catalog.ts';
import type { ReplayParams } from '../recovery/replay-params.ts';
import { makeLogPlan } from '../recovery/make-log-plan.ts';
import { patientServices, type RunbookServices } from '../services.ts';
import { namesOf, namesText, someNames } from './some-names.ts';
import { patientRetry } from './standard-steps.ts';
import { verifyLogs } from '../recovery/verify-logs.ts';

interface Work extends NodeJobCall {
  readonly environment: string;
  readonly services: RunbookServices;
  readonly log: (line: string) => void;
}
type Params = ReplayParams & { readonly point: string };
type LogsResult = z.infer<typeof logsResult>;
/** The part of a result that names a plan. */
interface Planned {
  readonly sha256: string;
}

/** SHA-256 of a plan's document. The journal holds it, so the plan cannot become another one in the bucket. */
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What a plan says in short. Its lists have no bound, so they stand in the plan's document alone. */
export const logsResult = z.object({
  sha256,
  /** What the plan goes to. */
  instant: instantText,
  timeline: timelineId,
  exclusions: someNames,
  /** Those that had to be left out because only a part of them is in the log. */
  incomplete: someNames,
  /** Tables that are newer than the base and are created before the replay. */
  addedTables: someNames,
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
  result: z.object({
    /** Of the plan as it holds from here on: damaged objects that are not needed are in it no more. */
    sha256,
    bytes: z.number(),
    left: z.number(),
    seconds: z.number(),
  }),
  run: async (context: Work & { readonly params: Params; readonly results: { 'plan-logs': LogsResult } }) =>
    checkLogs(context, context.params, context.results['plan-logs'].sha256),
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
export async function decideLogs(work: Work, params: Params): Promise<LogsResult> {
  const services = patientServices(work.services, work.signal);
  const plan = await makeLogPlan(services, { ...params, run: work.run, signal: work.signal });
  await requireCreatable(services.platform.bucket, plan);
  const hash = await keepLogPlan(services.platform.bucket, plan);
  const result = { sha256: hash, ...resultOf(plan) };
  work.log(`${formatBytes(result.bytes)} of log from ${result.streams} streams, up to ${plan.instant}`);
  for (const slot of plan.incomplete) {
    work.log(`left out: the transaction of ${slot}, because only a part of it was shipped`);
  }
  return result;
}

/**
 * Reads and checks every byte before anything is changed. Damaged objects that are not needed are left out of the plan.
 */
export async function checkLogs(
  work: Work,
  params: Params,
  planned: string,
): Promise<z.infer<typeof verifyLogsStep.result>> {
  const services = patientServices(work.services, work.signal);
  const { platform, clock } = services;
  const from = clock.monotonic();
  const plan = await planOf(platform, work, { sha256: planned });
  const verified = await verifyLogs(services, plan, params.point, {
    signal: work.signal,
    progress: (done, total) => work.progress({ done, total, unit: 'bytes' }),
  });
  for (const { key, reason } of verified.left) work.log(`left out because it is damaged: ${key}: ${reason}`);
  const hash = verified.left.length > 0 ? await keepLogPlan(platform.bucket, verified.plan) : planned;
  return { sha256: hash, bytes: verified.bytes, left: verified.left.length, seconds: clock.monotonic() - from };
}

/** As `decideLogs` and `checkLogs`, to the log's end: the graph has stopped and the log is shipped to its end. */
export async function extendLogs(work: Work, params: Params, planned: LogsResult): Promise<LogsResult> {
  const result = await decideLogs(work, params);
  const { sha256: checked } = await checkLogs(work, params, result.sha256);
  // Which tables to create was decided and shown before anything stopped.
  if (result.createTables && !planned.createTables) throw schemaChanged(work, result.addedTables);
  return { ...result, sha256: checked };
}

/** Before the logs are placed: see `createTables`. */
export async function createAddedTables(work: Work, platform: Platform, planned: Planned) {
  return createTables(platform, await planOf(platform, work, planned), work.signal);
}

/** `platform`: whose nodes replay, those of the environment or of its copy. `afterDrain`: they were started on the restored files before. */
export async function placeLogs(
  work: Work & { readonly params: Params },
  platform: Platform,
  { sha256: hash, afterDrain }: Planned & { readonly afterDrain: boolean },
): Promise<z.infer<typeof placeLogsStep.result>> {
  const { clock } = work.services;
  const from = clock.monotonic();
  const point = await getPoint(platform.bucket, work.params.point);
  const plan = await planOf(platform, work, { sha256: hash });
  const held = heldRanges(point.nodes, Math.max(point.replicationFactor, await mostReplicas(platform, plan)));
  const done = await onEachNode(platform, work, 'place-logs', (node) => {
    const source = point.nodes[platform.nodes.findIndex(({ name }) => name === node)]?.node ?? node;
    const ranges = held?.get(point.nodes.some((each) => each.node === node) ? node : source);
    return {
      plan: work.run,
      sha256: hash,
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

/** The plan that the journal names. */
export async function planOf({ bucket }: Platform, { run, step }: Pick<Work, 'run' | 'step'>, { sha256 }: Planned) {
  return getLogPlan(bucket, { run, sha256 }, `the step ${step}`);
}

function resultOf(plan: LogPlan): Omit<LogsResult, 'sha256'> {
  const { timeline, exclusions } = leftOut(plan);
  return {
    instant: plan.instant,
    timeline,
    exclusions: namesOf(exclusions),
    incomplete: namesOf(plan.incomplete),
    addedTables: namesOf(plan.addedTables.map(({ name }) => name)),
    createTables: plan.addedTables.length > 0,
    streams: plan.strands.reduce((sum, { streams }) => sum + streams.length, 0),
    objects: plannedObjects(plan).length,
    bytes: plannedBytes(plan),
  };
}

function schemaChanged({ environment }: Work, tables: LogsResult['addedTables']): RefusedProblem {
  return new RefusedProblem({
    code: 'schema-changed',
    happened: `${namesText(tables)} was created while this run was preparing.`,
    state: 'Nothing was moved or deleted.',
    next: `Start the restore of ${environment} again; its plan will include the table.`,
  });
}
