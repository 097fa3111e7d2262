import { RefusedProblem } from '../../model/problem.ts';
import type { JobResult } from '../../ports/node-agent.ts';
import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { recordingDamage } from './point-damage.ts';

/**
 * Has every node look for its files of the point in the store, and resolves with what each found. A point that is
 * damaged is marked `failed` with what is wrong, so that no restore chooses it, and the problem is thrown all the same.
 * `knownPoints`: whose files were read before, so that only their sizes are asked.
 */
export async function verifyPoint(
  context: NodeJobCall & { readonly services: RunbookServices },
  point: string,
  knownPoints: readonly string[],
): Promise<ReadonlyArray<{ readonly node: string; readonly result: JobResult['verify'] }>> {
  return recordingDamage(context, point, async (failed) =>
    onEachNode(context.services.platform, context, 'verify', () => ({ point, knownPoints: [...knownPoints] }), failed),
  );
}

/**
 * By node the inventory that it compared the store with. Throws RefusedProblem `agent-outdated` where an agent does not say, because it would follow
 * any other one afterwards.
 */
export function verifiedInventories(
  done: ReadonlyArray<{ readonly node: string; readonly result: JobResult['verify'] }>,
): ReadonlyMap<string, string> {
  const silent = done.filter(({ result }) => result.inventorySha256 === undefined).map(({ node }) => node);
  if (silent.length > 0) {
    throw new RefusedProblem({
      code: 'agent-outdated',
      happened: `The agents of ${silent.join(', ')} are of an older version, which cannot be held to the files that were checked.`,
      state: 'Nothing was changed.',
      next: 'Start these agents with the version of this command line: `cardea doctor ENV` shows both. Then start again.',
    });
  }
  return new Map(done.map(({ node, result }) => [node, result.inventorySha256 ?? '']));
}
