import { z } from 'zod';
import { pointId, runId } from '../../model/identifiers.ts';
import { getOpenRestore } from '../catalog/restore-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { probeStore } from '../catalog/store-probe.ts';

/**
 * Steps that mean the same in several runbooks; each runbook adds what the step needs there. Stopping counts as destructive: from then on the
 * environment does not serve.
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
  title: 'The store takes, keeps and returns an object, and knows conditional puts',
  effect: 'read',
  needs: [],
  timeout: '30s',
  result: z.object({ seconds: z.number() }),
  run: async ({ services: { platform, clock } }: Context) => probeStore(platform.bucket, clock),
} as const;

/**
 * After a disaster the agents may be dead as well, and nothing of a restore goes without them. Comes after the checks that only read: what
 * starts something is no longer refused with nothing changed.
 */
export const startAgents = {
  id: 'start-agents',
  title: "Start the nodes' agents that do not run",
  effect: 'write',
  timeout: '2m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.ensureAgents(signal);
    return {};
  },
} as const;

export const stopGraph = {
  id: 'stop-graph',
  title: 'Stop every JanusGraph server',
  effect: 'destroy',
  timeout: '5m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.graphLifecycle.stopAll(signal);
    return {};
  },
} as const;

export const stopDatabase = {
  id: 'stop-database',
  title: 'Drain and stop every node',
  effect: 'destroy',
  timeout: '15m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.databaseLifecycle.stopAll(signal);
    return {};
  },
} as const;

export const startDatabase = {
  id: 'start-database',
  title: 'Start every node and wait for one schema',
  effect: 'write',
  timeout: '30m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.databaseLifecycle.startAll(signal);
    return {};
  },
} as const;

export const startGraph = {
  id: 'start-graph',
  title: 'Start JanusGraph and wait until it answers',
  effect: 'write',
  timeout: '10m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform }, signal }: Context) => {
    await platform.graphLifecycle.startAll(signal);
    return {};
  },
} as const;

/** What `accept` and `revert` are told: the run of the restore that they decide. */
export const decisionParams = z.object({ restore: runId });

export const checkRestore = {
  id: 'check-restore',
  title: 'The restore waits for a decision',
  effect: 'read',
  needs: [],
  timeout: '1m',
  retry: standardRetry,
  result: z.object({ aside: z.string(), point: pointId }),
  run: async ({
    run,
    params,
    services: { platform },
  }: Context & { readonly run: string; readonly params: z.output<typeof decisionParams> }) => {
    const { aside, point } = await getOpenRestore(platform.bucket, params.restore, run);
    return { aside, point };
  },
} as const;
