import { formatSeconds, milliseconds } from '../../../model/duration.ts';
import type { Problem } from '../../../model/problem.ts';
import type { NewestRestore } from '../../../runbooks/recovery/newest-restore.ts';
import {
  againstRto,
  type Duration,
  type RestoreTime,
  type StageTime,
} from '../../../runbooks/recovery/restore-time.ts';

interface RtoVerdict {
  readonly level: 'good' | 'warning' | 'bad' | 'unknown';
  readonly says: string;
  readonly next?: string;
}

/**
 * Whether a restore of everything that can come back keeps the objective. `rto`: a duration of the configuration. Pure.
 */
export function rtoVerdict(
  restore: NewestRestore | Problem | undefined,
  { environment, rto }: { readonly environment: string; readonly rto: string },
): RtoVerdict {
  if (restore === undefined) return { level: 'unknown', says: 'nothing to restore yet' };
  if (restore instanceof Error) return { level: 'unknown', says: restore.happened, next: restore.next };
  const { time, instant } = restore;
  const objective = milliseconds(rto) / 1000;
  const plan = `cardea restore ${environment} --to ${instant === null ? restore.base : 'newest'} --plan`;
  const says = `a restore now takes ${durationText(time.total)} (objective ${formatSeconds(objective)}), and serves after ${durationText(time.serves)}${doubtText(time)}`;
  switch (againstRto(time, objective)) {
    case 'missed':
      return { level: 'bad', says: `${says}: over the RTO`, next: plan };
    case 'near':
      return { level: 'warning', says: `${says}: near the RTO`, next: plan };
    case 'unknown':
      return { level: 'unknown', says, next: `cardea rehearse ${environment}` };
    case 'kept':
      return { level: 'good', says };
  }
}

/** `at least 4 min 10 s` where a stage of it is unknown. */
export function durationText({ seconds, atLeast }: Duration): string {
  return `${atLeast ? 'at least ' : ''}${formatSeconds(seconds)}`;
}

/** What of it is assumed, and what is unknown and why; nothing where all was measured. */
function doubtText({ stages, assumedSeconds, total }: RestoreTime): string {
  const unknown = stages.filter((each): each is Extract<StageTime, { from: 'unknown' }> => each.from === 'unknown');
  const [first] = unknown;
  if (first !== undefined) return `; ${unknown.map(({ stage }) => stage).join(', ')} unknown: ${first.why}`;
  // Seconds of small steps change nothing.
  return assumedSeconds < total.seconds / 20 ? '' : `; ${formatSeconds(assumedSeconds)} of it assumed, not measured`;
}
