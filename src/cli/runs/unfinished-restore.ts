import { type RunsWorld, showRun } from '../../journal/runs.ts';
import type { RunState } from '../../journal/run-state.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { listOpenRestores } from '../../runbooks/catalog/restore-catalog.ts';

/**
 * Refuses to start a database whose data a restore or a revert left partly in place: Cassandra would begin an empty
 * ring, or replay logs that were not cut. `aside` are the names under which data lies aside on the nodes; a record with
 * other names belongs to an environment that is gone. Throws RefusedProblem `restore-unfinished`, and what reading that
 * run's journal throws.
 */
export async function refuseUnfinishedRestore(
  world: RunsWorld,
  environment: string,
  aside: ReadonlySet<string>,
): Promise<void> {
  for (const { run, aside: name } of await listOpenRestores(world.store)) {
    if (!aside.has(name)) continue;
    const { state } = await showRun(world, run);
    if (state.status === 'succeeded' || state.steps['start-database']?.status === 'succeeded') continue;
    throw new RefusedProblem({
      code: 'restore-unfinished',
      happened: `${run} ${wordOf(state)}, and the data of ${environment} is only partly in place.`,
      state: 'No server of the environment was started.',
      next: wayOut(state, environment),
    });
  }
}

function wordOf({ status }: RunState): string {
  if (status === 'running') return 'is running';
  return status === 'interrupted' ? 'was interrupted' : `ended as ${status}`;
}

function wayOut({ run, status }: RunState, environment: string): string {
  if (status === 'running') return `The run itself starts the servers. Watch it with: cardea run show ${run} --follow`;
  if (status === 'interrupted') return `Resume the run; it then starts the servers: cardea run resume ${run}`;
  return `Bring back the old data: cardea restore revert ${run} --confirm ${environment}`;
}
