import type { RunsWorld } from '../../journal/runs.ts';
import type { TrustingWorld } from '../../journal/vouching.ts';
import { runId } from '../../model/identifiers.ts';
import { displacedName, isDisplacedName } from '../../model/displaced-name.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { listRestores } from '../../runbooks/catalog/restore-catalog.ts';
import { restoreDecisions, wayOn } from './undecided-restore.ts';

/**
 * Refuses to start servers on data that a restore or a revert left partly in place, or whose ids it has not yet moved
 * ahead: Cassandra would begin an empty ring, or replay logs that were not cut, and JanusGraph would give out ids twice.
 * `aside` are the names under which data lies aside on the nodes; a record with other names belongs to an environment
 * that is gone, and a name without a record to a bucket that is. So also while a restore that was given up is followed
 * by none: nothing lies aside any more then. `madeAt`, when the environment was made, in ISO: what was given up before is
 * not of its data. Throws RefusedProblem `restore-unfinished`, and what reading that run's
 * journal throws.
 */
export async function refuseUnfinishedRestore(
  world: RunsWorld & TrustingWorld,
  environment: string,
  aside: ReadonlySet<string>,
  madeAt = '',
): Promise<void> {
  const { undecided, givenUp } = await restoreDecisions(world);
  if (givenUp !== undefined && givenUp.startedAt >= madeAt) {
    throw new RefusedProblem({
      code: 'restore-unfinished',
      happened: `The restore ${givenUp.run} of ${environment} was given up with the data half in place, and nothing was restored since.`,
      state: 'No server of the environment was started: what lies on its disks is no whole environment.',
      next: `Restore it, which starts the servers itself: cardea points ${environment} lists what there is to restore.`,
    });
  }
  const recorded = new Set<string>((await listRestores(world.store)).map((record) => record.aside));
  // A revert records what it displaces when everything is done.
  for (const { record } of undecided) recorded.add(displacedName(record.aside));
  // Without a record, too, the old data is in its place again on every node where only that lies aside: nothing is half done there.
  const unknown = [...aside].find((name) => !recorded.has(name) && !isDisplacedName(name));
  if (unknown !== undefined) throw notRecorded(environment, unknown);
  for (const restore of undecided) {
    const { record, state, decider } = restore;
    if (!aside.has(record.aside) && !aside.has(displacedName(record.aside))) continue;
    const { kind, says, next } = wayOn(restore);
    // Before that JanusGraph would give out ids that it has given out before, and a revert would not know that any server had run.
    const deciding = record.state !== 'open';
    const served = (deciding ? decider : state)?.steps['start-graph'] !== undefined;
    if (kind === 'waits' || record.state === 'accepting' || served) continue;
    throw new RefusedProblem({
      code: 'restore-unfinished',
      happened: `${record.run} of ${environment} ${says}.`,
      state: 'No server of the environment was started.',
      next: `It starts the servers itself: ${next}`,
    });
  }
}

/** Nobody can tell whether that restore had come to its end: the old data is what is whole for certain. */
function notRecorded(environment: string, name: string): RefusedProblem {
  const known = runId.safeParse(name).success;
  return new RefusedProblem({
    code: 'restore-unfinished',
    happened: `Data of ${environment} lies aside as ${name}, and the bucket has no record of that restore: it was emptied or exchanged since.`,
    state: 'No server of the environment was started: its data may be half in place.',
    next: known
      ? `Bring the old data back: cardea restore revert ${name} --confirm ${environment}`
      : 'Give the environment the bucket in which that restore is recorded.',
  });
}
