import { z } from 'zod';
import { checkGraph } from '../graph/check.ts';
import { exactId } from '../graph/codec/byte-reader.ts';
import { cacheSeconds, reindexElements } from '../graph/indexes/reindex-elements.ts';
import { formatSeconds } from '../model/duration.ts';
import { pointId } from '../model/identifiers.ts';
import { commitSlot } from '../model/commit-slot.ts';
import { formatInstant, instantOf, micros } from '../model/instant.ts';
import { FailedProblem, RefusedProblem } from '../model/problem.ts';
import { defineRunbook } from '../runbook/define.ts';
import { batchesOf, batchLimit, writeBatch } from './undo/compensating-write.ts';
import { inCopy, removeCopyStep, withCopyDatabase } from './steps/copy-steps.ts';
import { replayParams, requireTarget } from './recovery/replay-params.ts';
import { requireNoUnfinishedRestore } from './catalog/restore-catalog.ts';
import { knownSchema } from './catalog/schema-catalog.ts';
import { knownFindings } from './catalog/finding-catalog.ts';
import type { RunbookServices } from './services.ts';
import { findingLines, knownLines } from './steps/restored-graph.ts';
import { requireSameHistory, requireStillWritten, sameHistoryStep, stillWrittenStep } from './steps/same-history.ts';
import { linesOf, someLines } from './steps/some-names.ts';
import { standardRetry } from './steps/standard-steps.ts';
import { settleMarginOf } from './recovery/arrival.ts';
import { presentRing, waitUntilShipped } from './recovery/wait-until-shipped.ts';
import { analyseUndo, requireNoConflicts } from './undo/undo-analysis.ts';
import { requireStanding } from './undo/undo-standing.ts';
import { getUndoPlan, keepUndoPlan, makeUndoPlan } from './undo/undo-plan.ts';
import { writingNow } from './undo/writing-now.ts';

const params = z
  .object({
    /** Ids as `cardea transactions` prints them. */
    groups: z.array(z.string()).min(1),
    /** The base that the copy is made from; `logs.instant` is the one just before the first group. */
    point: pointId,
    allowTaken: z.boolean().default(false),
    /** Bytes of log from the first group on, as whoever decided this has read them: they are read again, twice. */
    compared: z.number().optional(),
    ...replayParams,
  })
  .superRefine(requireTarget);
export type UndoCompensateParams = z.output<typeof params>;

/** `undo-k3f9`: short, and the same after a resume. */
function copyOfRun({ run }: { readonly run: string }): string {
  return `undo-${run.slice(-4)}`;
}

/** How long to wait until the log holds what was just written. */
const shippingPatienceMs = 60_000;

/**
 * Undoes some transactions while the graph keeps serving. A copy of the database as it was just before them shows the
 * old values of their cells; cells that nobody changed since get their old values back in one transaction with one
 * commit time. If anything later depends on the transactions, the whole undo is refused.
 */
export const undoCompensateRunbook = withCopyDatabase(
  defineRunbook<UndoCompensateParams, RunbookServices>({
    name: 'undo-compensate',
    version: 11,
    title: 'Undo transactions with a compensating transaction, without stopping the graph',
    params,
    // What was written stays written, so the rest can be done as often as it takes.
    pivot: 'write-undo',
    noWayOn: ['history-changed', 'undo-changed'],
  }),
  { purpose: 'rehearsal', nameOf: copyOfRun },
)
  .step({
    id: 'check-servers',
    title: 'Check that the servers will let go of old values, and that the mixed index can be updated',
    effect: 'read',
    guard: 'until-moved',
    needs: [],
    timeout: '5m',
    retry: standardRetry,
    result: z.object({ cacheSeconds: z.number() }),
    run: async ({ services: { platform }, signal }) => {
      const { database, graph, keyspace, indexBackend } = platform;
      const cached = await cacheSeconds(graph);
      if (cached === undefined || cached > longestCache) throw cachesTooLong(cached);
      // Of no vertex: what would stop the update of documents after the write stops here.
      if (indexBackend !== undefined) {
        await reindexElements({ database, graph, keyspace, backend: indexBackend, vertices: [], gone: [], signal });
      }
      return { cacheSeconds: cached };
    },
  })
  .step({
    id: 'plan-undo',
    title: 'Compare the old and the present value of every touched cell',
    effect: 'write',
    needs: ['start-database', 'verify-logs'],
    timeout: { atLeast: '1h', perGiB: '5m', of: ['params.compared', 'verify-logs.bytes'], rates: ['verify-logs'] },
    retry: standardRetry,
    result: z.object({
      /** Of the plan, for the steps that follow it. */
      sha256: z.string(),
      bytes: z.number(),
      writes: z.number(),
      unchanged: z.number(),
      vertices: z.number(),
      related: z.number(),
    }),
    run: async (context) => {
      const { run, environment, params, signal, log } = context;
      const { platform, config } = context.services;
      await requireNoUnfinishedRestore(platform.bucket);
      const known = await knownSchema(platform, instantOf(params.logs?.instant ?? ''));
      const settleMargin = settleMarginOf(config);
      const question = { groups: params.groups, timeline: params.logs?.timeline, settleMargin };
      const analysis = await analyseUndo(platform, known, question, signal);
      requireNoConflicts(analysis, environment);
      const { related } = analysis.report;
      if (related.count > 0)
        log(`later transactions changed other things at the same vertices: ${related.groups.join(', ')}`);
      const { plan, unchanged } = await inCopy(context, copyOfRun(context), async (copy) =>
        makeUndoPlan({
          run,
          environment,
          live: platform,
          copy,
          schema: known.schema,
          analysis,
          now: await writingNow(context),
          signal,
        }),
      );
      const { writes, vertices } = plan;
      return {
        ...(await keepUndoPlan(platform.bucket, plan)),
        writes: writes.length,
        unchanged,
        vertices: vertices.length,
        related: related.count,
      };
    },
  })
  .step({
    ...sameHistoryStep,
    needs: ['plan-undo'],
    run: async ({ run, environment, results, services: { platform } }) => {
      const { timeline } = await getUndoPlan(platform.bucket, { run, sha256: results['plan-undo'].sha256 });
      const state =
        'Nothing more is written by this run, which cannot be carried on: what it has seen is the data of before.';
      return requireSameHistory(platform.bucket, environment, timeline, state);
    },
  })
  .step({
    id: 'same-cells',
    title: 'Nobody has changed what would be written, or what it stands on, since it was decided',
    effect: 'read',
    guard: 'until-moved',
    needs: ['plan-undo', 'same-history', 'verify-logs'],
    timeout: { atLeast: '1h', perGiB: '5m', of: ['params.compared', 'verify-logs.bytes'], rates: ['verify-logs'] },
    retry: standardRetry,
    /** `commit`: the time of the transaction. Log that is written long after its commit time is found by nobody. */
    result: z.object({ commit: z.string() }),
    run: async (context) => {
      const { run, environment, results, services, signal, log } = context;
      const { platform, clock, config } = services;
      const plan = await getUndoPlan(platform.bucket, { run, sha256: results['plan-undo'].sha256 });
      const now = await writingNow(context);
      const settleMargin = settleMarginOf(config);
      const asking = { platform, clock, now, environment, plan, settleMargin, patienceMs: shippingPatienceMs };
      await requireStanding({ ...asking, signal, log });
      const commit = Math.max(await writingNow(context), instantOf(plan.commit));
      return { commit: formatInstant(commitSlot(micros(commit))) };
    },
  })
  .step({
    id: 'write-undo',
    title: 'Write the compensating transaction',
    effect: 'destroy',
    needs: ['plan-undo', 'same-history', 'same-cells', 'check-servers'],
    // A GiB of plan has some five million cells.
    timeout: { atLeast: '1h', perGiB: '24h', of: ['plan-undo.bytes'] },
    retry: standardRetry,
    result: z.object({ batches: z.number(), cells: z.number() }),
    run: async ({ run, results, services: { platform }, signal, progress, log }) => {
      const { writes } = await getUndoPlan(platform.bucket, { run, sha256: results['plan-undo'].sha256 });
      const { commit } = results['same-cells'];
      const batches = batchesOf(writes, await batchLimit(platform.database));
      if (batches.length > 1) {
        log(
          `writing ${writes.length} cells in ${batches.length} batches with one commit time; readers may see a part of them until the last batch`,
        );
      }
      let done = 0;
      for (const batch of batches) {
        // Once begun, all batches are written: after a cancel between two batches, only a resume could complete the
        // transaction.
        if (done === 0) signal.throwIfAborted();
        await writeBatch(platform.database, platform.keyspace, commit, batch);
        done += batch.length;
        progress({ done, total: writes.length, unit: 'items', label: 'cells' });
      }
      return { batches: batches.length, cells: writes.length };
    },
  })
  .step({
    ...stillWrittenStep,
    needs: ['plan-undo', 'same-cells', 'write-undo'],
    run: async ({ run, environment, results, services: { platform } }) => {
      const { timeline } = await getUndoPlan(platform.bucket, { run, sha256: results['plan-undo'].sha256 });
      const commit = instantOf(results['same-cells'].commit);
      return requireStillWritten(platform.bucket, environment, { timeline, commit });
    },
  })
  .step({
    id: 'reindex',
    title: 'Update the mixed index and the caches of the servers',
    effect: 'write',
    needs: ['plan-undo', 'write-undo', 'still-written'],
    // JanusGraph makes the documents one by one.
    timeout: { atLeast: '1h', perGiB: '5d', of: ['plan-undo.bytes'] },
    retry: standardRetry,
    result: z.object({ documents: z.number(), cacheSeconds: z.number() }),
    run: async ({ run, results, services: { platform, clock }, signal, log }) => {
      const { vertices, gone } = await getUndoPlan(platform.bucket, { run, sha256: results['plan-undo'].sha256 });
      const lasting = await cacheSeconds(platform.graph);
      const cached = Math.min(lasting ?? 0, longestCache);
      // Set so since the run asked; who sets it restarts the servers.
      if (lasting !== cached) log(`WARNING: ${restartServers}`);
      if (cached > 0) await clock.sleep(cached * 1000, signal);
      const { database, graph, keyspace, indexBackend } = platform;
      const ids = vertices.map((id) => exactId(BigInt(id)));
      const documents =
        indexBackend === undefined
          ? 0
          : await reindexElements({ database, graph, keyspace, backend: indexBackend, vertices: ids, gone, signal });
      return { documents, cacheSeconds: cached };
    },
  })
  .step({
    id: 'verify-undo',
    title: 'Check that nobody wrote the same cells meanwhile, and that the graph is consistent',
    effect: 'read',
    needs: ['plan-undo', 'same-cells', 'still-written', 'reindex', 'check-point', 'verify-logs'],
    timeout: { atLeast: '12h', perGiB: '10m', of: ['check-point.bytes', 'verify-logs.bytes', 'params.compared'] },
    retry: standardRetry,
    result: z.object({
      elements: z.number(),
      comparedUpTo: z.string(),
      /** Later transactions that wrote the same meanwhile. */
      met: someLines,
      known: z.number().default(0),
    }),
    run: async ({ run, params, results, services: { platform, config, clock }, signal, progress, log }) => {
      const plan = await getUndoPlan(platform.bucket, { run, sha256: results['plan-undo'].sha256 });
      const { commit: written } = results['same-cells'];
      const commit = instantOf(written);
      const known = await knownSchema(platform, commit);
      // Of a restore that kept what was written, the log goes on there.
      const { timeline } = results['still-written'];
      const shipped = await waitUntilShipped(
        platform.bucket,
        { timeline, instant: commit, ring: await presentRing(platform.database) },
        { clock, patienceMs: shippingPatienceMs, signal },
      );
      const settleMargin = settleMarginOf(config);
      const question = { groups: params.groups, timeline, ignoring: commit, settleMargin };
      const { report } = await analyseUndo(platform, known, question, signal);
      const met = report.conflicts.map(({ group, element, why }) => `${group} ${why}: ${element}`);
      if (!shipped)
        log('the newest log is not in the store yet, so the transactions of the last moments were not compared');
      for (const line of met) log(`during the write: ${line}`);
      const metCount = Math.max(met.length, report.conflictCount);
      if (metCount > met.length) log(`during the write: … and ${metCount - met.length} more`);
      const { database, graph, keyspace, indexBackend } = platform;
      const before = await knownFindings(platform.bucket);
      const options = { database, graph, keyspace, indexBackend, clock, progress, signal };
      const check = await checkGraph({ ...options, known: before.judge });
      for (const line of knownLines(check)) log(line);
      if (!check.ok) {
        throw new FailedProblem({
          code: 'graph-unsound',
          happened: `After the undo the graph is not consistent: ${check.findingCount} new findings.`,
          state: 'The compensating transaction is written; the graph keeps running.',
          next: `Look at the findings. The compensating transaction can be undone like any other: cardea undo ENV --group ${written}.`,
          details: [...met, ...findingLines(check.findings)],
        });
      }
      const comparedUpTo = shipped ? written : plan.compared;
      return {
        elements: check.elements,
        comparedUpTo,
        met: { ...linesOf(met), count: metCount },
        known: check.knownCount,
      };
    },
  })
  .step(removeCopyStep(copyOfRun))
  .build();

const restartServers =
  'the JanusGraph servers go on caching rows of the database (cache.db-cache-time was changed): restart one after the other.';

/** Seconds. An undo waits until the servers have forgotten the old values. */
const longestCache = 1800;

function cachesTooLong(seconds: number | undefined): RefusedProblem {
  const long =
    seconds === undefined
      ? 'forever (cache.db-cache-time is 0)'
      : `for ${formatSeconds(seconds)} (cache.db-cache-time), longer than the ${formatSeconds(longestCache)} that an undo waits`;
  return new RefusedProblem({
    code: 'graph-caches',
    happened: `The JanusGraph servers cache rows of the database ${long}.`,
    state: 'Nothing was written: after an undo the servers would go on returning the old values.',
    next: 'Set cache.db-cache-time to milliseconds, or cache.db-cache to false, and restart the servers. Or undo with --way restore, which stops them.',
  });
}
