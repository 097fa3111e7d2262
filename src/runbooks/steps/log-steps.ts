import { z } from 'zod';
import { formatBytes } from '../../model/bytes.ts';
import { timelineId } from '../../model/identifiers.ts';
import { instantOf, instantText, type Micros, microsOf } from '../../model/instant.ts';
import { type LogPlan, leftOut, plannedBytes, plannedObjects } from '../../model/log-plan.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { getLogPlan, keepLogPlan } from '../../ports/log-plan-store.ts';
import type { JobParams } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';
import { createTables, requireCreatable } from './added-tables.ts';
import { type NodeJobCall, askEachNode, onEachNode } from './each-node.ts';
import { getPoint } from '../catalog/point-catalog.ts';
import { knownSchema } from '../catalog/schema-catalog.ts';
import { comparedUntil, settleMarginOf } from '../recovery/arrival.ts';
import type { ReplayParams } from '../recovery/replay-params.ts';
import { extendLogPlan, makeLogPlan, settledIn } from '../recovery/make-log-plan.ts';
import { logsOfNodes } from '../recovery/node-logs.ts';
import type { Extent } from '../recovery/plan-logs.ts';
import { patientServices, type RunbookServices } from '../services.ts';
import { keepNotes, nodeNotes } from './node-notes.ts';
import { namesOf, namesText, someNames } from './some-names.ts';
import { patientRetry } from './standard-steps.ts';
import { verifyLogs } from '../recovery/verify-logs.ts';
import { analyseUndo, requireNoConflicts } from '../undo/undo-analysis.ts';

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
  /** The ids that the graph has given out are known without the rest of the log. */
  idsKnown: z.boolean(),
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
  timeout: { atLeast: '1h', perGiB: '5m', of: ['params.logs.bytes'] },
  retry: patientRetry,
  result: logsResult,
  // A copy's ids jump far ahead, so it needs none of those that were given out after the instant.
  run: async (context: Work & { readonly params: Params }) => decideLogs(context, context.params, { idsKnown: true }),
} as const;

export const verifyLogsStep = {
  id: 'verify-logs',
  title: 'Check that every byte of these logs is as it was shipped',
  effect: 'read',
  needs: ['plan-logs'],
  when: { param: 'replay', is: true },
  timeout: { atLeast: '4h', perGiB: '5m', of: ['plan-logs.bytes'] },
  retry: patientRetry,
  result: z.object({
    /** Of the plan as it holds from here on: damaged objects that are not needed are in it no more. */
    sha256,
    bytes: z.number(),
    left: z.number(),
    seconds: z.number(),
  }),
  run: async (context: Work & { readonly params: Params; readonly results: { 'plan-logs': LogsResult } }) =>
    checkLogs(context, context.params, context.results['plan-logs']),
} as const;

export const stageLogsStep = {
  id: 'stage-logs',
  title: 'Cut the logs beside the data, while the graph serves',
  effect: 'write',
  // Another restore may have removed them since, or some of them.
  guard: 'until-stopped',
  timeout: { atLeast: '12h', perGiB: '5m', of: ['verify-logs.bytes'], rates: ['verify-logs'] },
  retry: patientRetry,
  result: z.object({ bytes: z.number(), seconds: z.number() }),
} as const;

export const extendLogsStep = {
  id: 'extend-logs',
  title: 'Add the rest of the log to the plan, now that nothing more is written',
  effect: 'write',
  guard: 'until-moved',
  timeout: { atLeast: '1h', perGiB: '5m', of: ['verify-logs.bytes'], rates: ['verify-logs'] },
  retry: patientRetry,
  result: logsResult,
} as const;

export const placeLogsStep = {
  id: 'place-logs',
  title: 'Place the cut logs on every node for the replay',
  effect: 'destroy',
  timeout: { atLeast: '12h', perGiB: '5m', of: ['verify-logs.bytes'], rates: ['verify-logs'] },
  retry: patientRetry,
  result: z.object({
    mutations: z.number(),
    cut: z.number(),
    dropped: z.number(),
    bytes: z.number(),
    /** Of each node: the highest id of the segments that it was given, null when it was given none. */
    lastSegments: nodeNotes,
    seconds: z.number(),
  }),
} as const;

/** Decides, from what is in the store at this moment, and writes the decision down for the nodes. */
export async function decideLogs(
  work: Work,
  params: Params,
  { idsKnown }: { readonly idsKnown: boolean },
): Promise<LogsResult> {
  const services = patientServices(work.services, work.signal);
  const wanted = { ...params, run: work.run, signal: work.signal };
  const { plan, damaged } = await makeLogPlan(services, wanted, { idsKnown });
  for (const { key, reason } of damaged) work.log(`the plan does without ${key}: ${reason}`);
  return keep(work, plan, { idsKnown });
}

async function keep(work: Work, plan: LogPlan, { idsKnown }: { readonly idsKnown: boolean }): Promise<LogsResult> {
  const { bucket } = patientServices(work.services, work.signal).platform;
  await requireCreatable(bucket, plan);
  const result = { sha256: await keepLogPlan(bucket, plan), idsKnown, ...resultOf(plan) };
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
  planned: Pick<LogsResult, 'sha256' | 'idsKnown'>,
): Promise<z.infer<typeof verifyLogsStep.result>> {
  const plan = await planOf(work.services.platform, work, planned);
  const extent = { idsKnown: planned.idsKnown, ...(params.toEnd ? { settled: settledIn(plan) } : {}) };
  await requireStillNoConflicts(work, params, undefined);
  return check(work, params, plan, { extent });
}

async function check(
  work: Work,
  params: Params,
  plan: LogPlan,
  known: { readonly extent: Extent; readonly sound?: ReadonlyMap<string, string> },
): Promise<z.infer<typeof verifyLogsStep.result>> {
  const services = patientServices(work.services, work.signal);
  const { platform, clock } = services;
  const from = clock.monotonic();
  const verified = await verifyLogs(services, plan, params.point, {
    ...known,
    signal: work.signal,
    progress: (done, total) => work.progress({ done, total, unit: 'bytes' }),
  });
  for (const { key, reason } of verified.left) work.log(`left out because it is damaged: ${key}: ${reason}`);
  // Of a plan that stands this writes the same document once more.
  const hash = await keepLogPlan(platform.bucket, verified.plan);
  return { sha256: hash, bytes: verified.bytes, left: verified.left.length, seconds: clock.monotonic() - from };
}

/**
 * The rest of a plan to the log's end, now that the graph has stopped and the log is shipped to its end: a second plan,
 * which is placed together with the first. What was found right in the first is not read again.
 */
export async function extendLogs(
  work: Work,
  params: Params,
  { planned, verified }: { readonly planned: LogsResult; readonly verified: Planned },
): Promise<LogsResult> {
  const services = patientServices(work.services, work.signal);
  const settled = await planOf(services.platform, work, verified);
  const wanted = { ...params, run: work.run, signal: work.signal };
  const { plan, damaged, extent } = await extendLogPlan(services, wanted, settled);
  for (const { key, reason } of damaged) work.log(`the plan does without ${key}: ${reason}`);
  // Which tables to create was decided and shown before anything stopped.
  const before = new Set(settled.addedTables.map(({ id }) => id));
  const newer = plan.addedTables.filter(({ id }) => !before.has(id)).map(({ name }) => name);
  if (newer.length > 0) throw schemaChanged(work, namesOf(newer));
  await requireStillNoConflicts(work, params, instantOf(settled.instant));
  const { idsKnown } = planned;
  const result = await keep(work, plan, { idsKnown });
  const sound = new Map(plannedObjects(settled).map(({ key, sha256 }) => [key, sha256]));
  const { sha256 } = await check(work, params, plan, { extent, sound });
  return { ...result, sha256 };
}

/**
 * For an undo, which goes to the end of the log: while its files are brought, applications may build on what it takes back. Nothing can be written
 * any more when the log is extended, and until then the graph serves. `since`: up to there it was compared. Throws RefusedProblem `undo-conflicts`.
 */
async function requireStillNoConflicts(work: Work, params: Params, since: Micros | undefined): Promise<void> {
  const { logs, toEnd } = params;
  if (!toEnd || logs === undefined || logs.exclusions.length === 0) return;
  const { platform, config, clock } = patientServices(work.services, work.signal);
  const settleMargin = settleMarginOf(config);
  const question = {
    groups: logs.exclusions.map((slot) => `${slot}/*`),
    timeline: logs.timeline,
    settleMargin,
    ...(since === undefined ? {} : { since: comparedUntil(since, settleMargin) }),
  };
  const known = await knownSchema(platform, microsOf(clock.now()));
  requireNoConflicts(await analyseUndo(platform, known, question, work.signal), work.environment);
}

/** Before the logs are placed: see `createTables`. */
export async function createAddedTables(work: Work, platform: Platform, planned: Planned) {
  const stop = async () => {
    // By the nodes' own clocks, while the databases still run that this step has started: what a later one writes is not ours to remove.
    const ran = await askEachNode(platform, work, 'Asking the agent', async (node) => platform.agent(node).health());
    await platform.databaseLifecycle.stopAll(work.signal);
    const ranAt = new Map(ran.map(({ node, value }) => [node, value.at]));
    await onEachNode(platform, work, 'note-drained', (node) => ({ run: work.run, ranAt: ranAt.get(node) ?? '' }));
  };
  return createTables(platform, await planOf(platform, work, planned), work.signal, stop);
}

/** While the graph serves: `place-logs` of the same plan then only has to move the new segments. */
export async function stageLogs(
  work: Work & { readonly params: Params },
  platform: Platform,
  { sha256 }: Planned,
): Promise<z.infer<typeof stageLogsStep.result>> {
  const { clock } = work.services;
  const from = clock.monotonic();
  const plan = await planOf(platform, work, { sha256 });
  const logsOf = await logsOfNodes(platform, await getPoint(platform.bucket, work.params.point), plan);
  const done = await onEachNode(platform, work, 'stage-logs', (node) => {
    const { ranges, bytes } = logsOf(node);
    return { plan: work.run, sha256, ...(ranges === undefined ? {} : { ranges }), bytes };
  });
  const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
  work.log(`${formatBytes(bytes)} of log lie cut beside the data`);
  return { bytes, seconds: clock.monotonic() - from };
}

interface PlannedPlacement extends Planned {
  readonly extension?: string;
  readonly afterDrain: boolean;
}

/** What each node's agent is told to place. */
export async function logsToPlace(
  work: Work & { readonly params: Params },
  platform: Platform,
  { sha256: hash, extension, afterDrain }: PlannedPlacement,
): Promise<(node: string) => JobParams['place-logs']> {
  const plan = await planOf(platform, work, { sha256: hash });
  const logsOf = await logsOfNodes(platform, await getPoint(platform.bucket, work.params.point), plan);
  return (node) => {
    const { ranges, bytes } = logsOf(node);
    return {
      plan: work.run,
      sha256: hash,
      ...(extension === undefined ? {} : { extension }),
      ...(ranges === undefined ? {} : { ranges }),
      bytes,
      ...(afterDrain ? { afterDrain } : {}),
    };
  };
}

/** `platform`: whose nodes replay, those of the environment or of its copy. `afterDrain`: they were started on the restored files before. */
export async function placeLogs(
  work: Work & { readonly params: Params },
  platform: Platform,
  planned: PlannedPlacement,
): Promise<z.infer<typeof placeLogsStep.result>> {
  const { clock } = work.services;
  const from = clock.monotonic();
  const done = await onEachNode(platform, work, 'place-logs', await logsToPlace(work, platform, planned));
  const sum = (what: 'mutations' | 'cut' | 'dropped' | 'bytes') =>
    done.reduce((total, { result }) => total + result[what], 0);
  work.log(`${sum('mutations')} mutations placed, ${sum('cut')} of them only in part; ${sum('dropped')} left out`);
  return {
    mutations: sum('mutations'),
    cut: sum('cut'),
    dropped: sum('dropped'),
    bytes: sum('bytes'),
    lastSegments: await keepNotes(work, Object.fromEntries(done.map(({ node, result }) => [node, result.lastSegment]))),
    seconds: clock.monotonic() - from,
  };
}

/** The plan that the journal names. */
export async function planOf({ bucket }: Platform, { run, step }: Pick<Work, 'run' | 'step'>, { sha256 }: Planned) {
  return getLogPlan(bucket, { run, sha256 }, `the step ${step}`);
}

function resultOf(plan: LogPlan): Omit<LogsResult, 'sha256' | 'idsKnown'> {
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
