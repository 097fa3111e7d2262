import { RefusedProblem } from '../../model/problem.ts';
import type { NodeParts } from '../node-parts.ts';

/** Throws RefusedProblem `database-running`: files are never moved under a running Cassandra. */
export async function requireStopped({ node, database }: Pick<NodeParts, 'node' | 'database'>): Promise<void> {
  const pid = await database.runningPid();
  if (pid === undefined) return;
  throw new RefusedProblem({
    code: 'database-running',
    happened: `Cassandra of ${node} is running (${pid === 0 ? 'its CQL port answers' : `process ${pid}`}).`,
    state: 'No file was moved.',
    next: 'Stop the node first; a restore does so itself in its own step.',
  });
}
