import { FailedProblem, type Problem } from '../../model/problem.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { objectPatience, patiently } from '../../ports/patience.ts';
import { updatePoint } from '../catalog/point-catalog.ts';
import type { RunbookServices } from '../services.ts';
import type { NodeFailure } from './node-failures.ts';

/** Codes of a check that found the backup itself damaged, for good. */
const damageCodes: ReadonlySet<string> = new Set([
  'backup-damaged',
  'restore-damaged',
  'inventory-missing',
  'inventory-damaged',
  'bad-manifest',
  'object-missing',
]);

/** After any other problem the check is unfinished, and another check may find the backup whole. Pure. */
function meansDamage(problem: Problem): boolean {
  return problem instanceof FailedProblem && damageCodes.has(problem.code);
}

/**
 * Does work on a point's files on all nodes; the work hands over what each node failed with. When a node found them damaged, the point is recorded
 * as `failed`, with what is damaged, so that no list shows it as good any more.
 */
export async function recordingDamage<T>(
  { services: { platform, clock }, signal }: { readonly services: RunbookServices; readonly signal: AbortSignal },
  point: string,
  work: (failed: (failure: NodeFailure) => void) => Promise<T>,
): Promise<T> {
  const damage: Problem[] = [];
  try {
    return await work(({ problem }) => {
      if (meansDamage(problem)) damage.push(problem);
    });
  } catch (error) {
    const [first] = damage;
    // Told to stop, by Ctrl-C, a cancel, the time limit or a lost lease, a check says nothing; and without the lease
    // nothing is written.
    if (first !== undefined && !signal.aborted) {
      const mark = (each: RestorePoint): RestorePoint => ({ ...each, proof: 'failed', failure: first.happened });
      await patiently(clock, { ...objectPatience, signal }, async () => updatePoint(platform.bucket, point, mark));
    }
    throw error;
  }
}
