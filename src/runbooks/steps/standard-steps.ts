import { z } from 'zod';
import { pointId, runId } from '../../model/identifiers.ts';
import { getOpenRestore } from '../catalog/restore-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { probeStore } from '../catalog/store-probe.ts';

/**
 * Steps that are the same in several runbooks; each runbook adds what the step needs there. A stop counts as
 * destructive, because the environment does not serve afterwards.
 */
interface Context {
  readonly services: RunbookServices;
  readonly signal: AbortSignal;
}

/** A lost connection or a busy node is tried again; anything else ends the step at once. */
export const standardRetry = { attempts: 3, backoff: '1s', max: '10s' };

export const emptyResult = z.object({});

export const checkStore = {
  id: 'check-store',
  title: 'Check that the store writes, reads and deletes an object, and supports conditional puts',
  effect: 'read',
  needs: [],
  timeout: '30s',
  result: z.object({ seconds: z.number() }),
  run: async ({ services: { platform, clock } }: Context) => probeStore(platform.bucket, clock),
} as const;

/**
 * After a disaster the agents may be down as well, and a restore needs them. This step comes after the checks that only
 * read: once something was started, a refusal could no longer say that nothing was changed.
 */
export const startAgents = {
  id: 'start-agents',
  title: 'Start the agents that are not running',
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

/** The parameter of `accept` and `revert`: the run of the restore. */
export const decisionParams = z.object({ restore: runId });

export const checkRestore = {
  id: 'check-restore',
  title: 'Check that the restore was neither accepted nor reverted',
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
