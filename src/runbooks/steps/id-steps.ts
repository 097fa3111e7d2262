import { z } from 'zod';
import { type IdMark, readIdMark } from '../../graph/clean-after-restore.ts';
import { faultTrace } from '../../model/fault-trace.ts';
import { asProblem, FailedProblem, type Problem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { findIdFloor, findIdMark, keepIdMark, raiseIdFloor } from '../catalog/id-mark.ts';
import type { RunbookServices } from '../services.ts';
import { soundResult } from './restored-graph.ts';
import { hasStepDocument, keepStepDocument } from '../catalog/step-document.ts';
import { stopDatabase, stopStartedGraph } from './standard-steps.ts';

interface Work {
  readonly run: string;
  /** Of the lease. */
  readonly epoch: number;
  readonly services: { readonly platform: Platform };
  readonly log: (line: string) => void;
}

/**
 * Before the data of an environment is exchanged for older data, which does not know the ids that were given out since.
 * It comes after the stop of the graph's servers, because none of them may claim a block of ids after it.
 */
export const noteIdsStep = {
  id: 'note-ids',
  title: 'Record the highest ids that JanusGraph gave out, while they can still be read',
  effect: 'read',
  guard: 'until-moved',
  timeout: '30m',
  result: z.object({ known: z.boolean() }),
} as const;

/** `passOver`: whether the ids may jump far ahead instead where they cannot be read because of this. */
export async function noteIds(
  { run, epoch, services: { platform }, log }: Work,
  { passOver }: { readonly passOver: (problem: Problem) => boolean },
): Promise<{ known: boolean }> {
  try {
    const mark = await readIdMark(platform.database, platform.keyspace);
    await keepIdMark(platform.bucket, run, { epoch, mark });
    await tellLaterRuns(platform.bucket, run, mark, log);
    return { known: true };
  } catch (error) {
    const problem = asProblem(error, 'Reading the id claims');
    if (!passOver(problem)) throw error;
    // After a disaster there may be no database to read. Then the ids jump far ahead instead.
    log(`the live id claims cannot be read: ${problem.happened}`);
    for (const line of faultTrace(error)) log(`  ${line}`);
    const noted = await findIdMark(platform.bucket, run, log);
    // Done again after this process stopped the database: what was noted before it still holds.
    if (noted === undefined || noted.epoch === epoch) return { known: noted !== undefined };
    // Between two processes somebody may have started the servers, and they gave out ids.
    await keepIdMark(platform.bucket, run, { ...noted, mayBeOld: true });
    return { known: false };
  }
}

/** Servers have given out ids after they were noted, and the database is stopped: they jump ahead from what is known. */
export async function noteStaleIds({ run, services: { platform }, log }: Omit<Work, 'epoch'>): Promise<void> {
  const noted = await findIdMark(platform.bucket, run, log);
  if (noted !== undefined) await keepIdMark(platform.bucket, run, { ...noted, mayBeOld: true });
}

/**
 * When this run is given up with the data half in place, the next one may find databases that were started on that half: they answer, and know
 * less. A floor that cannot be told stays so: whoever moves the ids must see that.
 */
async function tellLaterRuns(
  bucket: ObjectStore,
  run: string,
  mark: IdMark,
  log: (line: string) => void,
): Promise<void> {
  const floor = await findIdFloor(bucket, run, log);
  if (floor !== undefined) await raiseIdFloor(bucket, floor, mark);
}

/**
 * Whether the ids that were given out can be read from the database when the graph has stopped. If they can be now and
 * cannot then, they jump far ahead.
 */
export async function liveIdsAnswer({ database, keyspace }: Platform, log: (line: string) => void): Promise<boolean> {
  try {
    await readIdMark(database, keyspace);
    return true;
  } catch (error) {
    const { happened } = asProblem(error, 'Reading the id claims');
    log(`the live id claims cannot be read, so those in the log are taken to its end: ${happened}`);
    return false;
  }
}

/**
 * Stops every node, and sees that no server of the graph wrote to them after `stop-graph`: one that a supervisor has
 * started since would have acknowledged what nobody shipped, and given out ids that nobody noted. Then the ids jump far
 * ahead. Throws FailedProblem `graph-started` where all that was acknowledged is wanted (`toEnd`).
 */
export async function stopDatabases(
  work: Work & { readonly services: RunbookServices; readonly signal: AbortSignal; readonly environment: string },
  { toEnd }: { readonly toEnd: boolean },
): Promise<Record<string, never>> {
  const { databaseLifecycle } = work.services.platform;
  const couldWrite = (await databaseLifecycle.running()).length > 0;
  await stopDatabase.run(work);
  // Only now: while the nodes stopped it could still be started. Without them it can write nothing more.
  const started = await stopStartedGraph(work);
  if (!started || !couldWrite) return {};
  work.log('JanusGraph was started by something else while the databases were stopped; it is stopped again');
  await noteStaleIds(work);
  if (toEnd) throw graphStarted(work.environment);
  return {};
}

function graphStarted(environment: string): FailedProblem {
  return new FailedProblem({
    code: 'graph-started',
    happened: `A JanusGraph of ${environment} was started by something else after this run had stopped it and shipped the log: what was written through it is in no log that is shipped, so the end of the log is not the end of what was acknowledged.`,
    state: 'Nothing was moved.',
    next: 'Switch off what starts JanusGraph by itself (a supervisor, a timer, a person), then run the restore again.',
  });
}

/** Its own work differs: what is known of the ids that were given out, and the bytes of the data, whose locks are cleared row by row. */
export const makeSoundStep = {
  id: 'make-sound',
  title: 'Clear dead instances and locks; move the id counters past every id ever given out',
  effect: 'write',
  timeout: { atLeast: '1h', perGiB: '1m' },
  result: soundResult.extend({
    /** A server that something else had started ran on the data before, and may have given out ids a second time. */
    graphRan: z.boolean().default(false),
  }),
} as const;

/** Before `makeGraphSound`, which no server of the graph may disturb. Whether one ran, also one that a process has stopped which was killed since. */
export async function stopBeforeSound(
  work: Parameters<typeof keepStepDocument>[0] & { readonly log: (line: string) => void },
): Promise<boolean> {
  if (await work.services.platform.graphLifecycle.running()) await keepStepDocument(work, ranBefore);
  const graphRan = (await stopStartedGraph(work)) || (await hasStepDocument(work, ranBefore));
  if (graphRan) {
    work.log(
      'JanusGraph was started by something else before its ids were moved ahead: it may have given out some again',
    );
  }
  return graphRan;
}

const ranBefore = { graphRan: true };
