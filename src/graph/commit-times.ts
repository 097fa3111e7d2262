import { z } from 'zod';
import { RefusedProblem } from '../model/problem.ts';
import type { GraphService } from '../ports/graph-service.ts';

/** How a graph server gives its transactions their time. */
export const commitTimes = z.object({
  /** `graph.assign-timestamp`: the transaction has one time, the server's; else each write has one of the database driver's. */
  assigned: z.boolean(),
  /** `graph.timestamps`: the unit that times are counted in. */
  unit: z.string(),
});
export type CommitTimes = z.infer<typeof commitTimes>;

/**
 * Asks one server: the first setting is each server's own, and the database does not know it. Throws RetryableProblem `graph-unreachable`,
 * FailedProblem `graph-script-failed`.
 */
export async function readCommitTimes(graph: GraphService): Promise<CommitTimes> {
  const [answer] = await graph.submit<unknown>(script, {}, { timeoutMs: 10_000 });
  return commitTimes.parse(answer);
}

/** Why the log of such a graph cannot be cut at an instant; undefined when it can. */
export function untimely({ assigned, unit }: CommitTimes): string | undefined {
  if (!assigned) return 'graph.assign-timestamp is false, so the writes of one transaction have several times';
  return unit === 'MICRO'
    ? undefined
    : `graph.timestamps is ${unit}, so many transactions share one time, and deletions cannot be told from additions`;
}

/** Throws RefusedProblem `times-not-assigned` unless a cut at an instant is whole per transaction. Nothing is known of points of before this was recorded. */
export function requireTimely(times: CommitTimes | undefined, point: string): void {
  const why = times === undefined ? undefined : untimely(times);
  if (why === undefined) return;
  throw new RefusedProblem({
    code: 'times-not-assigned',
    happened: `The graph cannot be restored to an instant. When ${point} was taken, ${why}.`,
    state: 'Nothing was changed.',
    next: `Restore the point itself. To make this possible in future, set graph.assign-timestamp=true and graph.timestamps=MICRO (JanusGraph's defaults on Cassandra) on every server, then take a backup.`,
  });
}

const script = `
  def settings = graph.getConfiguration()
  def assign = org.janusgraph.graphdb.configuration.GraphDatabaseConfiguration.ASSIGN_TIMESTAMP
  [[assigned: settings.getConfiguration().get(assign), unit: settings.getTimestampProvider().toString()]]
`;
