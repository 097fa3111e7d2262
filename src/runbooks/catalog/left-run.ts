import { z } from 'zod';
import { RefusedProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type FoundRun, lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import { hasBegun } from '../../runbook/schedule.ts';
import { lookAtUnfinishedRuns } from '../../runbook/unfinished-runs.ts';
import { resumeOf, type RunbookServices } from '../services.ts';
import { getRestore } from './restore-catalog.ts';
import { restoreOf } from './restore-standing.ts';

/**
 * One change at a time: throws RefusedProblem `change-unfinished` while a restore in place or a revert was left after it had stopped servers. Whoever
 * changed the environment beside it would take its marks from the disks, and nobody would start again what it had stopped. `of`: the restore
 * that the asking run `by` decides, whose own run may be what was left.
 */
export async function requireNothingLeft(
  services: RunbookServices,
  { by, of }: { readonly by: string; readonly of?: string },
): Promise<void> {
  const { platform, clock } = services;
  let resume: string | undefined;
  const left = await leftRun(platform.bucket, clock.now(), async ({ run }) => {
    if (run === by || run === of) return false;
    // What nothing carries on is no way: then another change is.
    resume = await resumeOf(services, run);
    return resume !== undefined;
  });
  if (left === undefined) return;
  const { run, runbook, params } = left;
  throw new RefusedProblem({
    code: restoreOf(params) === (of ?? by) ? 'restore-being-decided' : 'change-unfinished',
    happened: `The ${runbook} ${run} of ${platform.environment} has stopped servers, and did not come to its end.`,
    state: 'Nothing was changed by this run.',
    next: hasMoved(left)
      ? `Carry it on: ${resume}`
      : `Carry it on: ${resume}. Or ${await endsBy(platform.bucket, left)}`,
  });
}

function hasMoved({ runbook, steps }: FoundRun): boolean {
  return hasBegun(steps, movers[runbook] ?? '');
}

/** How what was left is ended with the servers as they were before it, or before the restore that it was to bring back, which was left, too. */
async function endsBy(bucket: ObjectStore, left: FoundRun): Promise<string> {
  const end = `cardea run cancel ${left.run}`;
  if (foundServers(left)) return `end it, which starts the servers again: ${end}`;
  const down = `end it, which leaves the servers down, as it found them: ${end}`;
  const restore = restoreOf(left.params);
  const made = restore === undefined ? undefined : await lookAtRunIfReadable(bucket, restore);
  if (made === undefined || made === 'damaged' || made.status !== 'running') return down;
  if (hasMoved(made) || !foundServers(made)) return down;
  return `${down}. Then end ${made.run}, which starts the servers again: cardea run cancel ${made.run}`;
}

const found = z.object({ running: z.object({ nodes: z.number() }) });

/** Whether servers ran when it was about to stop them. Where that is not known it starts none. */
function foundServers({ steps }: FoundRun): boolean {
  const { result, earlier } = steps['look-services'] ?? {};
  return (found.safeParse(result ?? earlier).data?.running.nodes ?? 0) > 0;
}

/** The restore in place or the revert that was left after it had stopped servers, of those that count; undefined when there is none. */
export async function leftRun(
  bucket: ObjectStore,
  now: Date,
  counts: (run: FoundRun) => Promise<boolean>,
): Promise<FoundRun | undefined> {
  for (const { run } of await lookAtUnfinishedRuns(bucket, now, Object.keys(movers))) {
    const state = await lookAtRunIfReadable(bucket, run);
    if (state === undefined || state === 'damaged' || state.status !== 'running') continue;
    if (hasBegun(state.steps, 'stop-graph') && !(await isOver(bucket, state)) && (await counts(state))) return state;
  }
  return undefined;
}

/** The step of each in which it begins to move data. */
const movers: Readonly<Record<string, string>> = { restore: 'set-aside', revert: 'bring-back' };

/** Another run has decided what this one made, or was to bring back. */
async function isOver(bucket: ObjectStore, { run, params }: FoundRun): Promise<boolean> {
  const restore = restoreOf(params) ?? run;
  const record = await getRestore(bucket, restore);
  if (record === undefined || record.state === 'open') return false;
  const decider = record.closed?.run ?? record.deciding;
  return decider !== run;
}
