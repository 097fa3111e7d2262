import { FailedProblem } from '../model/problem.ts';
import type { NodeParts } from './node-parts.ts';

/**
 * Aborts `signal` with FailedProblem `database-stopped` when Cassandra is found stopped twice in a row before `end` is
 * called. It is for work that asks Cassandra and would otherwise retry for minutes without an answer.
 */
export function watchDatabase(
  { node, database }: Pick<NodeParts, 'node' | 'database'>,
  everyMs = 2000,
): { readonly signal: AbortSignal; end(): void } {
  const stopped = new AbortController();
  let missed = 0;
  let busy = false;
  const look = async () => {
    missed = (await database.runningPid()) === undefined ? missed + 1 : 0;
    if (missed >= 2) stopped.abort(databaseStopped(node));
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    // A failed check says nothing; the next one may.
    void look()
      .catch(() => undefined)
      .finally(() => {
        busy = false;
      });
  }, everyMs);
  return {
    signal: stopped.signal,
    end: () => clearInterval(timer),
  };
}

function databaseStopped(node: string): FailedProblem {
  return new FailedProblem({
    code: 'database-stopped',
    happened: `Cassandra on ${node} stopped while Medusa needed it.`,
    state: 'Medusa was ended. The files that it had already stored must not be used.',
    next: "Read Cassandra's log of that time, start Cassandra, and take the backup again.",
  });
}
