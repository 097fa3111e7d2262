import { type Micros, instantOf, micros, microsOf } from '../../model/instant.ts';
import type { RestorePoint } from '../../model/restore-point.ts';

/**
 * The cut of the point's snapshots lies between these. For points from before Cardea shipped logs it is estimated, with
 * a second to spare.
 */
export function snapshotOf(point: RestorePoint): { readonly from: Micros; readonly to: Micros } {
  if (point.snapshot !== undefined) return { from: instantOf(point.snapshot.from), to: instantOf(point.snapshot.to) };
  const to = microsOf(new Date(point.takenAt));
  return { from: micros(to - Math.ceil(point.seconds.taken * 1_000_000) - 1_000_000), to };
}
