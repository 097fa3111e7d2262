import { listRuns, type RunsWorld } from '../../journal/runs.ts';
import { asProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';

/** How many of the newest runs are looked at: of the older ones none can be carried on beside them. */
const recentRuns = 20;

/**
 * Why the agents of these nodes should not be stopped just now, as a clause: a run drives the environment or waits to
 * be resumed, or an agent has a job, which outlives the program that asked for it. A run on a copy has agents of its
 * own. Undefined when nothing would be disturbed. What cannot be found out counts as use.
 */
export async function agentsInUse(
  world: RunsWorld,
  platform: Pick<Platform, 'agent'>,
  nodes: readonly string[],
): Promise<string | undefined> {
  try {
    const runs = await listRuns(world, { limit: recentRuns });
    const open = runs.find(
      (run) => (run.status === 'running' || run.status === 'interrupted') && run.copy === undefined,
    );
    if (open !== undefined) {
      return open.status === 'running' ? `${open.run} is under way` : `${open.run} was interrupted and can be resumed`;
    }
    const health = await Promise.all(nodes.map(async (node) => platform.agent(node).health()));
    const busy = health.find(({ runningJobs }) => runningJobs > 0);
    return busy === undefined ? undefined : `the agent of ${busy.node} has a job`;
  } catch (thrown) {
    const { happened } = asProblem(thrown, 'Asking whether the agents are in use');
    return `it is not known whether its agents are in use (${happened.replace(/\.$/, '')})`;
  }
}
