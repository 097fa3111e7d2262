import { z } from 'zod';
import { readIdMark } from '../../graph/clean-after-restore.ts';
import { faultTrace } from '../../model/fault-trace.ts';
import { asProblem, type Problem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { findIdMark, keepIdMark } from '../catalog/id-mark.ts';

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
    await keepIdMark(platform.bucket, run, { epoch, mark: await readIdMark(platform.database, platform.keyspace) });
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

/** Its own work differs: what is known of the ids that were given out, and the bytes of the data, whose locks are cleared row by row. */
export const makeSoundStep = {
  id: 'make-sound',
  title: 'Clear dead instances and locks; move the id counters past every id ever given out',
  effect: 'write',
  timeout: { atLeast: '1h', perGiB: '1m' },
} as const;
