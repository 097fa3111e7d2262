import { FailedProblem, type Problem } from '../../model/problem.ts';
import type { JobResult } from '../../ports/node-agent.ts';
import { objectPatience, patiently } from '../../ports/patience.ts';
import { updatePoint } from '../catalog/point-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';

/** Codes of a check that found the backup itself damaged, for good. */
const damageCodes: ReadonlySet<string> = new Set(['backup-damaged', 'inventory-missing', 'object-missing']);

/** After any other problem the check is unfinished, and another check may find the backup whole. Pure. */
function meansDamage(problem: Problem): boolean {
  return problem instanceof FailedProblem && damageCodes.has(problem.code);
}

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
  const { platform, clock } = context.services;
  const damage: Problem[] = [];
  try {
    return await onEachNode(
      platform,
      context,
      'verify',
      () => ({ point, knownPoints: [...knownPoints] }),
      ({ problem }) => {
        if (meansDamage(problem)) damage.push(problem);
      },
    );
  } catch (error) {
    const [first] = damage;
    // Told to stop, by Ctrl-C, a cancel, the time limit or a lost lease, a check says nothing; and without the
    // lease nothing is written.
    if (first !== undefined && !context.signal.aborted) {
      await patiently(clock, { ...objectPatience, signal: context.signal }, async () =>
        updatePoint(platform.bucket, point, (each) => ({ ...each, proof: 'failed', failure: first.happened })),
      );
    }
    throw error;
  }
}
