import { RefusedProblem } from '../../model/problem.ts';
import type { NodeParts } from '../node-parts.ts';

/** Throws RefusedProblem `database-running`: files are never moved under a running Cassandra. */
export async function requireStopped({ node, database }: Pick<NodeParts, 'node' | 'database'>): Promise<void> {
  const pid = await database.runningPid();
  if (pid === undefined) return;
  throw new RefusedProblem({
    code: 'database-running',
    happened: `Cassandra on ${node} is running (${pid === 0 ? 'its CQL port answers' : `process ${pid}`}), but it must be stopped.`,
    state: 'No file was moved.',
    next: 'Stop the node first; a restore does this itself in an earlier step.',
  });
}
