import { z } from 'zod';
import { pointId, runId } from '../../model/identifiers.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import { foundBefore } from '../catalog/found-before.ts';
import { beginDecision, getOpenRestore, requireSameDecision } from '../catalog/restore-catalog.ts';
import { restoreOf } from '../catalog/restore-standing.ts';
import { resumeOf, type RunbookServices } from '../services.ts';
import { disksMarked } from './kept-data.ts';
import { nodeSet, nodeSetOf } from './node-set.ts';
import { probeStore } from '../catalog/store-probe.ts';

/**
 * What the steps below need of their context. The steps are the same in several runbooks; each runbook adds what the
 * step needs there. A stop counts as destructive, because the environment does not serve afterwards.
 */
interface Context {
  readonly services: RunbookServices;
  readonly signal: AbortSignal;
}

/** A lost connection or a busy node is tried again; anything else ends the step at once. */
export const standardRetry = { attempts: 3, backoff: '1s', max: '10s' };

/**
 * For steps that take hours: what an agent, Medusa, the database or the store cannot do now is tried again over some
 * three minutes, and more where each attempt itself waits, before somebody has to resume the run.
 */
export const patientRetry = { attempts: 8, backoff: '2s', max: '1m' };

export const emptyResult = z.object({});

export const checkStore = {
  id: 'check-store',
  title: 'Check that the store writes, reads and deletes an object, and supports conditional puts',
  effect: 'read',
  guard: true,
  needs: [],
  timeout: '30s',
  result: z.object({ seconds: z.number() }),
  run: async ({ services: { platform, clock } }: Context) => probeStore(platform.bucket, clock),
} as const;

/**
 * After a disaster the agents may be down as well, and a restore needs them. Whatever asks agents after the pivot needs this step by itself: only
 * then does a resume start those that have died since, because other guards are not repeated once data was moved.
 */
export const startAgents = {
  id: 'start-agents',
  title: 'Start the agents that are not running',
  effect: 'write',
  guard: true,
  timeout: '2m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.ensureAgents(signal);
    return {};
  },
} as const;

/** What runs before anything is stopped: a run that moves nothing after all starts these again, and nothing that was down before. */
export const lookAtServices = {
  id: 'look-services',
  title: 'Note which servers run',
  effect: 'read',
  guard: 'until-stopped',
  needs: [],
  timeout: '2m',
  retry: standardRetry,
  result: z.object({ running: nodeSet, graph: z.boolean() }),
  run: async ({ services: { platform } }: Context) => ({
    running: nodeSetOf(platform, await platform.databaseLifecycle.running()),
    graph: await platform.graphLifecycle.running(),
  }),
} as const;

export const stopGraph = {
  id: 'stop-graph',
  title: 'Stop every JanusGraph server',
  effect: 'destroy',
  guard: true,
  timeout: '5m',
  retry: standardRetry,
  result: z.object({ at: z.iso.datetime() }),
  run: async ({ services: { platform }, signal, startedAt }: Context & { readonly startedAt: Date }) => {
    await platform.graphLifecycle.stopAll(signal);
    return { at: startedAt.toISOString() };
  },
} as const;

export const stopDatabase = {
  id: 'stop-database',
  title: 'Drain and stop every node',
  effect: 'destroy',
  guard: true,
  timeout: '15m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.databaseLifecycle.stopAll(signal);
    return {};
  },
} as const;

/**
 * Whether a server of the graph runs although this run has stopped them all: a supervisor or a person has started it.
 * It is stopped again.
 */
export async function stopStartedGraph({ services: { platform }, signal }: Context): Promise<boolean> {
  if (!(await platform.graphLifecycle.running())) return false;
  await platform.graphLifecycle.stopAll(signal);
  return true;
}

/**
 * After a power failure the servers may be down although a run had started them. Whatever asks them needs this step, or `startGraph`, by itself:
 * then a resume starts them again. This one needs `startAgents`, so that no Cassandra replays and deletes log with no agent to keep it.
 */
export const startDatabase = {
  id: 'start-database',
  title: 'Start every node and wait for one schema',
  effect: 'write',
  guard: 'to-the-end',
  timeout: '6h',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.databaseLifecycle.startAll(signal);
    return {};
  },
} as const;

const servesSince = z.object({ at: z.iso.datetime() });

export const startGraph = {
  id: 'start-graph',
  title: 'Start JanusGraph and wait until it answers',
  effect: 'write',
  guard: 'to-the-end',
  timeout: '10m',
  retry: standardRetry,
  result: servesSince,
  run: async ({
    services: { platform, clock },
    signal,
    earlier,
  }: Context & { readonly earlier: z.output<typeof servesSince> | undefined }) => {
    const servesAlready = earlier !== undefined && (await platform.graphLifecycle.running());
    await platform.graphLifecycle.startAll(signal);
    // A graph that served all the time was away no longer because the run was resumed.
    return servesAlready ? earlier : { at: clock.now().toISOString() };
  },
} as const;

/** Seconds in which the graph did not serve, from the results of a run; undefined when it was not stopped and started in it. */
export function outageOf(results: Readonly<Record<string, unknown>>): number | undefined {
  const time = z.object({ at: z.iso.datetime() });
  const stopped = time.safeParse(results['stop-graph']);
  const started = time.safeParse(results['start-graph']);
  if (!stopped.success || !started.success) return undefined;
  return (Date.parse(started.data.at) - Date.parse(stopped.data.at)) / 1000;
}

/** The parameter of `accept` and `revert`: the run of the restore. */
export const decisionParams = z.object({ restore: runId });

/** `wanted`: what the run is about to do with the restore. */
export function checkRestore(wanted: 'accepting' | 'reverting') {
  return {
    id: 'check-restore',
    title: 'Check that the restore waits for this decision',
    effect: 'read',
    guard: true,
    needs: [],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({
      aside: z.string(),
      /** Absent where the bucket had lost it. */
      point: pointId.optional(),
      /** Every node had moved everything aside. */
      whole: z.boolean(),
      /** The restore finished: the data that it brought is complete. */
      succeeded: z.boolean(),
      /** It did, or everything but its proof is done and a person keeps what it brought unproven. */
      finished: z.boolean(),
      /** Servers of the graph may have run on the data that it brought, and given out ids there. */
      served: z.boolean(),
      /** It can be neither carried on nor reverted, because a node has lost what it kept: what is in place is no whole environment. */
      givenUp: z.boolean(),
      disks: disksMarked,
    }),
    run: async ({
      run,
      params,
      services,
    }: Context & {
      readonly run: string;
      readonly params: z.output<typeof decisionParams> & {
        readonly lost?: readonly string[];
        readonly unproven?: boolean;
      };
    }) => {
      const { platform } = services;
      const record = await getOpenRestore(platform.bucket, params.restore, run);
      const namesLost = wanted === 'accepting' && (params.lost ?? []).length > 0;
      if (!namesLost) await requireSameDecision(platform.bucket, record, wanted);
      const found = await lookAtRunIfReadable(platform.bucket, params.restore);
      const state = found === 'damaged' ? undefined : found;
      // Of a journal that cannot be read nobody knows how far its run came, unless it was known when a decision began.
      const before = state === undefined ? await foundBefore(platform.bucket, params.restore) : undefined;
      const succeeded = before?.succeeded ?? state?.status === 'succeeded';
      if (state?.runbook === 'revert' && !succeeded && !namesLost)
        throw revertUnfinished(record, await resumeOf(services, record.run), restoreOf(state.params));
      // Without its journal nobody knows how far the restore came: what serves on every node may be kept by a person who has looked at it.
      const serves =
        state === undefined ? await servesNow(platform) : state.steps['rebuild-index']?.status === 'succeeded';
      // What a restore that broke off had brought is deleted when the revert has recorded it, which it does at its end.
      const finished = (before?.finished ?? succeeded) || (serves && params.unproven === true) || record.half === true;
      const givenUp = namesLost && (!finished || record.state === 'reverting' || record.givenUp !== undefined);
      if (wanted === 'accepting' && !finished && record.state === 'open' && !givenUp)
        throw unfinished(record, { resume: await resumeOf(services, record.run), serves, known: state !== undefined });
      if (wanted === 'reverting' && record.half === true) throw halfRestored(record);
      const moved = ['set-aside', 'bring-back'].some((step) => state?.steps[step]?.status === 'succeeded');
      const whole = before?.whole ?? moved;
      const served = before?.served ?? (state === undefined || state.steps['start-graph'] !== undefined);
      const marks = state?.steps['mark-disks']?.status === 'succeeded' ? 'yes' : 'no';
      const disks: z.output<typeof disksMarked> = before?.disks ?? (state === undefined ? 'unknown' : marks);
      return { aside: record.aside, point: record.point, whole, succeeded, finished, served, givenUp, disks };
    },
  } as const;
}

async function servesNow({ nodes, databaseLifecycle, graphLifecycle }: Platform): Promise<boolean> {
  const running = await databaseLifecycle.running();
  return nodes.every(({ name }) => running.includes(name)) && (await graphLifecycle.running());
}

/** From here on only this decision about the restore is possible, and the run that made it cannot be resumed. */
export function beginDecisionStep(state: 'accepting' | 'reverting') {
  return {
    id: 'begin-decision',
    title: `Note that the restore is ${state === 'accepting' ? 'accepted' : 'reverted'} from here on`,
    effect: 'write',
    timeout: '1m',
    retry: standardRetry,
    result: emptyResult,
    run: async ({
      run,
      params,
      results,
      services: { platform },
    }: Context & {
      readonly run: string;
      readonly params: z.output<typeof decisionParams>;
      readonly results: { readonly 'check-restore': { readonly givenUp: boolean } };
    }) => {
      const { givenUp } = results['check-restore'];
      await beginDecision(platform.bucket, params.restore, { state, by: runId.parse(run), givenUp });
      return {};
    },
  } as const;
}

function unfinished(
  { run, environment }: RestoreRecord,
  { resume, serves, known }: { readonly resume: string | undefined; readonly serves: boolean; readonly known: boolean },
): RefusedProblem {
  const revert = `cardea restore revert ${run} --confirm ${environment}`;
  const keep = serves
    ? ` Or, when you have looked at the graph and keep it as it is, unproven: cardea restore accept ${run} --unproven --confirm ${environment}`
    : '';
  return new RefusedProblem({
    code: 'restore-unfinished',
    happened: known
      ? `The restore ${run} has not come to its end: what lies aside may be the only whole data of ${environment}.`
      : `The journal of the restore ${run} cannot be read, so nobody knows whether it came to its end: what lies aside may be the only whole data of ${environment}.`,
    state: 'Nothing was changed or deleted.',
    next:
      resume === undefined
        ? `Bring the old data back: ${revert}.${keep}`
        : `Carry the restore on (${resume}), or bring the old data back: ${revert}.${keep}`,
  });
}

/** What a revert has displaced is decided when the revert is over, not before. */
function revertUnfinished(
  { run, environment }: RestoreRecord,
  resume: string | undefined,
  restore: string | undefined,
): RefusedProblem {
  const again = restore === undefined ? undefined : `cardea restore revert ${restore} --confirm ${environment}`;
  return new RefusedProblem({
    code: 'restore-unfinished',
    happened: `The revert ${run} has not come to its end, so what it moved aside cannot be decided yet.`,
    state: 'Nothing was changed or deleted.',
    next: `Finish it first: ${resume ?? again ?? `cardea status ${environment} says how`}`,
  });
}

function halfRestored({ run, environment }: RestoreRecord): RefusedProblem {
  return new RefusedProblem({
    code: 'half-restored',
    happened: `What ${run} moved aside is what a restore that broke off had brought: it was never a whole environment.`,
    state: 'Nothing was changed.',
    next: `Free its space: cardea restore accept ${run} --confirm ${environment}. For another state of the data restore a point.`,
  });
}
