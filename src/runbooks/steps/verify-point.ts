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
