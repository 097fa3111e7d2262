import { z } from 'zod';
import { timelineId } from '../../model/identifiers.ts';
import { formatInstant, type Micros } from '../../model/instant.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { listRestores, requireNoUnfinishedRestore } from '../catalog/restore-catalog.ts';
import { listTimelines } from '../catalog/timeline-catalog.ts';
import { currentTimeline } from '../catalog/timeline-record.ts';
import { isInHistory } from '../recovery/present-history.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

/**
 * For runs that go on with what an earlier step saw of the live data. While such a run was interrupted, the environment
 * may have been restored or reverted: then the rest of it would be about other data.
 */
export const sameHistoryStep = {
  id: 'same-history',
  title: 'The environment was not restored or reverted since this run began',
  effect: 'read',
  guard: true,
  timeout: '1m',
  retry: standardRetry,
  result: emptyResult,
} as const;

/** The timeline on which a run begins, for `same-history`. */
export const noteHistoryStep = {
  id: 'note-history',
  title: 'Note the timeline that the environment writes',
  effect: 'read',
  timeout: '1m',
  retry: standardRetry,
  result: z.object({ timeline: timelineId }),
} as const;

/** For a run that has written into the graph and has more to do about that: a restore or a revert may have taken it away since. */
export const stillWrittenStep = {
  id: 'still-written',
  title: 'What was written is part of the history that the environment has now',
  effect: 'read',
  guard: true,
  timeout: '1m',
  retry: standardRetry,
  result: z.object({ timeline: timelineId }),
} as const;

/**
 * `state`: what is so when it throws. Throws FailedProblem `history-changed`, and RefusedProblem `restore-unfinished` while a restore is half
 * done.
 */
export async function requireSameHistory(
  bucket: ObjectStore,
  environment: string,
  timeline: string,
  state?: string,
): Promise<Record<string, never>> {
  await requireNoUnfinishedRestore(bucket);
  return requireSameTimeline(bucket, environment, timeline, state);
}

/** For a restore, whose own record may be open already. Throws FailedProblem `history-changed`. */
export async function requireSameTimeline(
  bucket: ObjectStore,
  environment: string,
  timeline: string,
  state?: string,
): Promise<Record<string, never>> {
  const now = await currentTimeline(bucket);
  if (now === timeline) return {};
  throw historyChanged(environment, `it began on ${timeline}, and now ${now} is current`, state);
}

/**
 * Gives the timeline that is current now, whose history holds what was written. Throws FailedProblem `history-changed` where it does not, and
 * RefusedProblem `restore-unfinished` while a restore is half done.
 */
export async function requireStillWritten(
  bucket: ObjectStore,
  environment: string,
  written: { readonly timeline: string; readonly commit: Micros },
): Promise<z.infer<typeof stillWrittenStep.result>> {
  await requireNoUnfinishedRestore(bucket);
  if (isInHistory(await listTimelines(bucket), written)) return { timeline: await currentTimeline(bucket) };
  const commit = formatInstant(written.commit);
  throw historyChanged(
    environment,
    `what it has written, at ${commit}, is not part of the present data`,
    'There is nothing left that this run could complete.',
  );
}

/**
 * For a run that was left before it had noted its timeline. By the epochs of leases: `begun` is that of its first event. Throws FailedProblem
 * `history-changed`.
 */
export async function requireNoRestoreSince(
  bucket: ObjectStore,
  { run, environment, begun }: { readonly run: string; readonly environment: string; readonly begun: number },
): Promise<void> {
  for (const record of await listRestores(bucket)) {
    const { run: other, epoch = 0, closed } = record;
    // One that moved nothing has closed its own record.
    if (other === run || closed?.run === other) continue;
    // Also where it was accepted: it may have been half done when this run began, and have brought its data since.
    const decided = (closed?.epoch ?? 0) > begun;
    if (epoch > begun || decided) throw historyChanged(environment, `${closed?.run ?? other} has changed its data`);
  }
}

function historyChanged(
  environment: string,
  how: string,
  state = 'This run changed nothing of the data, and it cannot be carried on: what it has seen is the data of before.',
): FailedProblem {
  return new FailedProblem({
    code: 'history-changed',
    happened: `${environment} was restored or reverted since this run began: ${how}.`,
    state,
    next: `See what ${environment} holds now: cardea status ${environment}.`,
  });
}
