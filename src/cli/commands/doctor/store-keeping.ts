import type { StoreKeeping } from '../../../ports/object-store.ts';
import type { DoctorFinding } from './findings.ts';
import { replacedADay } from './log-cost.ts';

const rule =
  'Add a lifecycle rule that removes noncurrent versions and expired delete markers; docs/backup.md has it (A bucket that keeps versions).';

/** What it means for a bucket that it keeps versions or locks objects. `interval`: of shipping, a duration. Pure. */
export function keepingFinding(
  { versions, locked, expires }: StoreKeeping,
  interval: string,
): Omit<DoctorFinding, 'name'> {
  const aDay = `some ${replacedADay(interval)} old versions and delete markers a day for each node that is written to`;
  if (locked === true) {
    return {
      level: 'warning',
      says: 'the bucket locks every object for a time: nothing that Cardea replaces or removes frees space before that',
      details: [
        `The shipped log alone leaves ${aDay}.`,
        'Some servers refuse to delete a locked object: then retention fails.',
      ],
      next: `Set the lock on a second bucket that copies of the points are replicated to, not on this one. ${rule}`,
    };
  }
  if (versions === true && expires !== true) {
    const unsure =
      expires === 'unknown' ? 'whether a lifecycle rule removes them cannot be told' : 'no lifecycle rule removes them';
    return {
      level: 'warning',
      says: `the bucket keeps every version of every object, and ${unsure}`,
      details: [`The shipped log alone leaves ${aDay}.`],
      next: rule,
    };
  }
  if (versions === 'unknown' || locked === 'unknown') {
    return {
      level: 'unknown',
      says: `the store does not say whether it ${versions === 'unknown' ? 'keeps versions' : 'locks objects'}`,
      next: 'Allow the key s3:GetBucketVersioning, s3:GetBucketObjectLockConfiguration and s3:GetLifecycleConfiguration, or ask whoever runs the store.',
    };
  }
  return {
    level: 'good',
    says: versions
      ? 'the bucket keeps old versions, and a lifecycle rule removes them'
      : 'what is replaced or removed is gone: the bucket keeps no versions',
  };
}
