import { parseCron } from './cron.ts';
import { formatSeconds, milliseconds } from './duration.ts';
import { type RestorePoint, snapshotEnd } from './restore-point.ts';

interface DueFacts {
  /** Newest first. */
  readonly points: readonly RestorePoint[];
  /** Whether a point is of a history that a restore has left: it protects nothing of the present one. */
  readonly isLeft: (point: RestorePoint) => boolean;
  /** `backup.schedule`, cron in UTC. */
  readonly schedule: string;
  /** `backup.bases`. */
  readonly bases: string | undefined;
  /** Why nothing later can be restored without a new base, as the window has it. */
  readonly wanted: string | null;
  readonly now: Date;
}

export interface BackupDue {
  readonly due: boolean;
  /** A clause for people. */
  readonly why: string;
}

/** `every 4h` is `4h`. */
export function basesEvery(bases: string): string {
  return bases.replace(/^every /, '');
}

/**
 * When the schedule was due since the newest good point, undefined when it was not. Clocks of nodes may differ by some
 * seconds from the one that begins a backup.
 */
export function dueSince(schedule: string, newest: RestorePoint, now: Date): Date | undefined {
  const due = parseCron(schedule).latest(now);
  return due === undefined || snapshotEnd(newest) + 60_000 >= due.getTime() ? undefined : due;
}

/**
 * Whether a backup is to be taken now: by the schedule, by the time between bases, or because the window needs a new base. One that failed is tried
 * again after an hour. Pure.
 */
export function backupDue({ points, isLeft, schedule, bases, wanted, now }: DueFacts): BackupDue {
  const yes = (why: string): BackupDue => ({ due: true, why });
  const newest = points.find((point) => point.proof !== 'failed' && !isLeft(point));
  const [last] = points;
  if (last?.proof === 'failed' && now.getTime() - Date.parse(last.takenAt) < pauseAfterFailure) {
    return { due: false, why: `${last.id} failed at ${last.takenAt}, and the next one is tried an hour after it` };
  }
  if (newest === undefined) return yes('there is no good backup of the present history yet');
  const due = dueSince(schedule, newest, now);
  if (due !== undefined)
    return yes(`backup.schedule was due at ${due.toISOString().slice(0, 16).replace('T', ' ')} UTC`);
  const age = now.getTime() - snapshotEnd(newest);
  const old = `${newest.id} is ${formatSeconds(age / 1000)} old`;
  if (bases !== undefined && age >= milliseconds(basesEvery(bases)))
    return yes(`${old}, and backup.bases says ${bases}`);
  if (wanted !== null) return yes(`nothing later can be restored without a new base: ${wanted}`);
  return { due: false, why: `${old}, and nothing asks for another one` };
}

const pauseAfterFailure = 3_600_000;
