import { type RunsWorld, showRun } from '../../journal/runs.ts';
import type { RunState } from '../../journal/run-state.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { listOpenRestores } from '../../runbooks/catalog/restore-catalog.ts';

/**
 * Refuses to start a database on what a restore or a revert left half in place: Cassandra would make an empty ring of it, or replay logs that
 * nobody cut. `aside` are the names under which data lies aside on the nodes: a record of others is of an environment that is gone. Throws RefusedProblem `restore-unfinished`; also what reading that run's journal throws.
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
      happened: `${run} of ${environment} ${wordOf(state)}, with the data of ${environment} half in place.`,
      state: 'No server of the environment was started.',
      next: wayOut(state, environment),
    });
  }
}

function wordOf({ status }: RunState): string {
  if (status === 'running') return 'is under way';
  return status === 'interrupted' ? 'was interrupted' : `ended as ${status}`;
}

function wayOut({ run, status }: RunState, environment: string): string {
  if (status === 'running') return `It starts the servers itself; watch it with: cardea run show ${run}`;
  if (status === 'interrupted') return `Let it finish, which starts the servers: cardea run resume ${run}`;
  return `Bring back the data that was there: cardea restore revert ${run} --confirm ${environment}`;
}
