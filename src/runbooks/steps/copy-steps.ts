import { z } from 'zod';
import { type pointId, runId } from '../../model/identifiers.ts';
import { FailedProblem, RefusedProblem } from '../../model/problem.ts';
import { proof } from '../../model/restore-point.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { Copies, Platform } from '../../ports/platform.ts';
import type { RunbookBuilder } from '../../runbook/define.ts';
import { acceptPoint } from '../recovery/choose-point.ts';
import { bindInventories, boundInventories, inventoriesNow, inventoriesOf } from '../catalog/bound-inventories.ts';
import { onEachNode } from './each-node.ts';
import { recordingDamage } from './point-damage.ts';
import { makeSoundStep } from './id-steps.ts';
import { createTablesStep, requireTables } from './added-tables.ts';
import { requireRestorableForm } from './graph-form.ts';
import { createAddedTables, placeLogs, placeLogsStep, planLogsStep, planOf, verifyLogsStep } from './log-steps.ts';
import { type ReplayParams, targetName } from '../recovery/replay-params.ts';
import { getOwnPoint, getPoint } from '../catalog/point-catalog.ts';
import {
  indexResult,
  makeGraphSound,
  rebuildIndex,
  soundResult,
  verifiedAsResult,
  verifiedResult,
  verifyRestored,
} from './restored-graph.ts';
import type { RunbookServices } from '../services.ts';
import { patientRetry, standardRetry, checkStore, emptyResult } from './standard-steps.ts';

interface CopyParams extends ReplayParams {
  readonly point: z.infer<typeof pointId>;
  readonly allowTaken: boolean;
}

interface CopyPurpose<Params> {
  readonly purpose: 'rehearsal' | 'restore';
  /** Name of the copy: the same for every attempt and after every resume. */
  readonly nameOf: (context: { readonly run: string; readonly params: Params }) => string;
}

const timed = z.object({ seconds: z.number() });

/**
 * The steps that start the database of a point beside the live environment: a new ring with its own name, addresses and
 * tokens. It does not touch the live ring; this is checked before anything is done with it.
 */
export function withCopyDatabase<Params extends CopyParams>(
  builder: RunbookBuilder<Params, RunbookServices, unknown>,
  { purpose, nameOf }: CopyPurpose<Params>,
) {
  return builder
    .step({
      id: 'check-point',
      title: 'Check that the point is good',
      effect: 'read',
      needs: [],
      timeout: '10m',
      retry: standardRetry,
      result: z.object({
        proof,
        bytes: z.number(),
        warning: z.string().optional(),
        inventories: boundInventories,
        /** The run that had proved it before this one. */
        provenBy: runId.optional(),
        /** What an earlier check had found wanting. */
        failure: z.string().optional(),
      }),
      run: async (context) => {
        const { params, log } = context;
        const { platform } = context.services;
        const point = await getOwnPoint(platform.bucket, params.point, context.environment);
        await requireNewName(platform, nameOf(context));
        await requireRestorableForm(platform, point, params.replay);
        const { warning } = acceptPoint(point, { taken: params.allowTaken, failed: true });
        if (warning !== undefined && purpose === 'restore') log(warning);
        const inventories = bindInventories(await inventoriesNow(platform.bucket, point));
        return {
          proof: point.proof,
          bytes: point.bytes,
          inventories,
          ...(warning === undefined ? {} : { warning }),
          ...(point.proven === undefined ? {} : { provenBy: point.proven.run }),
          ...(point.failure === undefined ? {} : { failure: point.failure }),
        };
      },
    })
    .step(checkStore)
    .step(planLogsStep)
    .step(verifyLogsStep)
    .step({
      id: 'prepare-copy',
      title: 'Set up nodes, agents and index of the copy, with their own names and tokens',
      effect: 'write',
      needs: ['check-point', 'check-store', 'verify-logs'],
      timeout: '5m',
      retry: standardRetry,
      result: z.object({ copy: z.string() }),
      run: async (context) => {
        const point = await getPoint(context.services.platform.bucket, context.params.point);
        const copy = nameOf(context);
        const opened = await context.services.platform.copies.prepare(copy, {
          run: context.run,
          nodes: point.nodes.map(({ node, datacenter, rack, tokens }) => ({ source: node, datacenter, rack, tokens })),
          keyspace: point.keyspace,
          purpose,
        });
        await opened.close();
        return { copy };
      },
    })
    .step({
      id: 'restore-files',
      title: 'Restore the files of the point into the copy with Medusa',
      effect: 'write',
      needs: ['prepare-copy', 'check-point'],
      timeout: { atLeast: '12h', perGiB: '5m', of: ['check-point.bytes'] },
      retry: patientRetry,
      result: z.object({ files: z.number(), bytes: z.number(), seconds: z.number() }),
      run: async (context) =>
        inCopy(context, nameOf(context), async (copy) => {
          const from = context.services.clock.monotonic();
          const point = await getPoint(copy.bucket, context.params.point);
          const inventoryOf = await inventoriesOf(copy.bucket, point, context.results['check-point'].inventories);
          const paramsOf = (node: string) => {
            const source = sourceOf(copy, point, node);
            return { point: point.id, source, inPlace: false, inventorySha256: inventoryOf(source) };
          };
          const done = await recordingDamage(context, point.id, async (failed) =>
            onEachNode(copy, context, 'restore-files', paramsOf, failed),
          );
          return {
            files: done.reduce((sum, { result }) => sum + result.files, 0),
            bytes: done.reduce((sum, { result }) => sum + result.bytes, 0),
            seconds: context.services.clock.monotonic() - from,
          };
        }),
    })
    .step({
      ...createTablesStep,
      needs: ['restore-files', 'plan-logs', 'verify-logs'],
      when: { result: 'plan-logs.createTables', is: true },
      run: async (context) =>
        inCopy(context, nameOf(context), async (copy) =>
          createAddedTables(context, copy, context.results['verify-logs']),
        ),
    })
    .step({
      ...placeLogsStep,
      effect: 'write',
      needs: ['restore-files', 'plan-logs', 'verify-logs', 'create-tables'],
      when: { param: 'replay', is: true },
      run: async (context) => {
        const afterDrain = context.results['plan-logs'].createTables;
        const { sha256 } = context.results['verify-logs'];
        return inCopy(context, nameOf(context), async (copy) => placeLogs(context, copy, { sha256, afterDrain }));
      },
    })
    .step({
      id: 'start-database',
      title: "Start the copy's nodes",
      effect: 'write',
      guard: 'to-the-end',
      needs: ['restore-files', 'place-logs', 'check-point', 'verify-logs'],
      timeout: { atLeast: '6h', perGiB: '5m', of: ['check-point.bytes', 'verify-logs.bytes'] },
      retry: standardRetry,
      result: timed,
      run: async (context) =>
        inCopy(context, nameOf(context), async (copy) => {
          const from = context.services.clock.monotonic();
          await copy.databaseLifecycle.startAll(context.signal);
          // After a power failure only the servers are started again.
          if (context.earlier !== undefined) return context.earlier;
          if (context.params.replay) {
            await requireReplayed(copy, context);
            await requireTables(copy, await planOf(copy, context, context.results['verify-logs']));
          }
          await requireIsolation(context.services.platform.copies, nameOf(context));
          return { seconds: context.services.clock.monotonic() - from };
        }),
    });
}

/** Then the graph: a real JanusGraph with its own index opens it, and it is checked. */
export function withCopySteps<Params extends CopyParams>(
  builder: RunbookBuilder<Params, RunbookServices, unknown>,
  copyPurpose: CopyPurpose<Params>,
) {
  const { nameOf } = copyPurpose;
  return withCopyDatabase(builder, copyPurpose)
    .step({
      id: 'make-sound',
      title: "Clear the live environment's registrations and locks from the copy",
      effect: 'write',
      needs: ['start-database', 'check-point'],
      timeout: { ...makeSoundStep.timeout, of: ['check-point.bytes'] },
      retry: standardRetry,
      result: soundResult,
      run: async (context) =>
        inCopy(context, nameOf(context), async (copy) =>
          makeGraphSound({ ...context, platform: copy, clock: context.services.clock }, undefined, { copy: true }),
        ),
    })
    .step({
      id: 'open-graph',
      title: 'Open the copy with a real JanusGraph and rebuild its mixed index',
      effect: 'write',
      guard: 'to-the-end',
      needs: ['make-sound', 'check-point'],
      timeout: { atLeast: '12h', perGiB: '10m', of: ['check-point.bytes'] },
      retry: patientRetry,
      result: indexResult.extend({ seconds: z.number() }),
      run: async (context) =>
        inCopy(context, nameOf(context), async (copy) => {
          const { clock } = context.services;
          const from = clock.monotonic();
          await copy.graphLifecycle.startAll(context.signal);
          if (context.earlier !== undefined) return context.earlier;
          const index = await rebuildIndex({ ...context, platform: copy, clock });
          return { ...index, seconds: clock.monotonic() - from };
        }),
    })
    .step({
      id: 'verify',
      title: 'Check every invariant of the graph, and the fingerprint if the point recorded one',
      effect: 'read',
      needs: ['open-graph', 'check-point', 'verify-logs'],
      timeout: { atLeast: '12h', perGiB: '10m', of: ['check-point.bytes'] },
      retry: patientRetry,
      result: verifiedResult,
      run: async (context) =>
        inCopy(context, nameOf(context), async (copy) => {
          const { clock, platform } = context.services;
          const point = await getPoint(platform.bucket, context.params.point);
          const remedy = `Do not rely on ${point.id}; take a new backup: cardea backup ${context.environment}.`;
          const { replay } = context.params;
          const wanted = replay ? undefined : point.fingerprint;
          const plan = replay ? await planOf(copy, context, context.results['verify-logs']) : undefined;
          const restored = { name: targetName(context.params), point, wanted, plan };
          const verified = await verifyRestored({ ...context, platform: copy, clock }, restored, remedy);
          await requireIsolation(platform.copies, nameOf(context));
          return verifiedAsResult(context, verified);
        }),
    });
}

/** For runs that always remove their copy at the end. `nameOf` as for the steps that make the copy. */
export function removeCopyStep(nameOf: (context: { readonly run: string }) => string) {
  return {
    id: 'remove-copy',
    title: 'Stop and remove the copy',
    effect: 'write',
    needs: ['check-point'],
    always: 'after-change',
    timeout: { atLeast: '1h', perGiB: '1m', of: ['check-point.bytes'] },
    retry: standardRetry,
    result: emptyResult,
    run: async (context: { readonly run: string; readonly services: RunbookServices }) => {
      await context.services.platform.copies.remove(nameOf(context));
      return {};
    },
  } as const;
}

/**
 * This step runs before the run makes its copy, so a copy with this name belongs to somebody else and may be in use.
 */
async function requireNewName(platform: Platform, name: string): Promise<void> {
  if (!(await platform.copies.list()).includes(name)) return;
  throw new RefusedProblem({
    code: 'copy-exists',
    happened: `There is already a copy ${name} of ${platform.environment}.`,
    state: 'Nothing was changed.',
    next: `Choose another name, or remove that copy first: cardea sandbox down ${platform.environment}~${name} --confirm ${platform.environment}~${name}`,
  });
}

export async function inCopy<Result>(
  context: { readonly services: RunbookServices },
  name: string,
  work: (copy: Platform) => Promise<Result>,
): Promise<Result> {
  const copy = await context.services.platform.copies.open(name);
  if (copy === undefined) {
    throw new FailedProblem({
      code: 'copy-vanished',
      happened: `Somebody removed the copy ${name} while the run was working on it.`,
      state: 'The live environment was not touched.',
      next: 'Start the run again.',
    });
  }
  try {
    return await work(copy);
  } finally {
    await copy.close();
  }
}

/** The copy's nodes are in the order of the point's nodes: its first node takes the files of the first node. */
function sourceOf(copy: Platform, point: RestorePoint, node: string): string {
  const source = point.nodes[copy.nodes.findIndex((each) => each.name === node)]?.node;
  if (source !== undefined) return source;
  throw new FailedProblem({
    code: 'copy-layout-differs',
    happened: `The node ${node} of the copy has no matching node in ${point.id}.`,
    state: 'The live environment was not touched.',
    next: 'Remove the copy (`cardea sandbox status` lists copies) and start the run again.',
  });
}

/** A copy that talks to the live ring could join it, or serve its reads. Throws, naming every connection. */
async function requireIsolation(copies: Copies, name: string): Promise<void> {
  const connections = await copies.connectionsToLive(name);
  if (connections.length === 0) return;
  await copies.remove(name);
  throw new FailedProblem({
    code: 'copy-not-isolated',
    happened: `The copy ${name} had connections to the live environment.`,
    state: `The copy was stopped and removed at once. Check the live environment with \`cardea doctor\`.`,
    next: 'Report this as a defect of Cardea: a copy must not know any address of the live environment.',
    details: connections,
  });
}
import { requireReplayed } from './replayed-logs.ts';
