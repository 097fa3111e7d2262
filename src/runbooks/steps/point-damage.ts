import { FailedProblem, type Problem } from '../../model/problem.ts';
import { isBeingRemoved, type RestorePoint } from '../../model/restore-point.ts';
import { objectPatience, patiently } from '../../ports/patience.ts';
import { findPoint, updatePoint } from '../catalog/point-catalog.ts';
import type { RunbookServices } from '../services.ts';
import type { NodeFailure } from './node-failures.ts';

/** Codes of a check that found the backup itself damaged. */
const damageCodes: ReadonlySet<string> = new Set([
  'backup-damaged',
  'restore-damaged',
  'inventory-missing',
  'inventory-damaged',
  'bad-manifest',
  'object-missing',
]);

/**
 * After every byte of the point, on every node, was hashed and found right: what an earlier check found is taken back.
 * The store was wrong for a time, or somebody has brought back what was missing.
 */
export async function takeFailureBack(
  { services: { platform, clock }, signal, log }: Checking & { readonly log: (line: string) => void },
  point: string,
): Promise<void> {
  const found = await findPoint(platform.bucket, point);
  if (found?.proof !== 'failed' || isBeingRemoved(found)) return;
  const back = (each: RestorePoint): RestorePoint => {
    if (each.proof !== 'failed' || isBeingRemoved(each)) return each;
    const { failure: _refuted, ...rest } = each;
    return { ...rest, proof: each.proven === undefined ? 'checked' : 'proven' };
  };
  await patiently(clock, { ...objectPatience, signal }, async () => updatePoint(platform.bucket, point, back));
  log(
    `${point} had failed an earlier check (${found.failure ?? 'no reason is recorded'}); now it is whole, and good again`,
  );
}

interface Checking {
  readonly services: RunbookServices;
  readonly signal: AbortSignal;
}

/** After any other problem the check is unfinished, and another check may find the backup whole. Pure. */
function meansDamage(problem: Problem): boolean {
  return problem instanceof FailedProblem && damageCodes.has(problem.code);
}

/**
 * Does work on a point's files on all nodes; the work hands over what each node failed with. When a node found them damaged, the point is recorded
 * as `failed`, with what is damaged, so that no list shows it as good any more.
 */
export async function recordingDamage<T>(
  { services: { platform, clock }, signal }: Checking,
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
      // One whose removal has begun stays marked as that.
      const mark = (each: RestorePoint): RestorePoint =>
        isBeingRemoved(each) ? each : { ...each, proof: 'failed', failure: first.happened };
      await patiently(clock, { ...objectPatience, signal }, async () => updatePoint(platform.bucket, point, mark));
    }
    throw error;
  }
}
