import { formatBytes } from '../../../model/bytes.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { type Proof, type RestorePoint, snapshotEnd } from '../../../model/restore-point.ts';
import type { DamagedPoint } from '../../../runbooks/catalog/point-catalog.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';
import { table } from '../../terminal/table.ts';

/** Restore points for people, in the given order. */
export function pointsText(
  points: ReadonlyArray<RestorePoint | DamagedPoint>,
  now: Date,
  paint: Paint = noPaint,
): string {
  if (points.length === 0) return 'No restore points.';
  return table(
    points,
    [
      { title: 'POINT', cell: (point) => point.id },
      { title: 'AGE', right: true, cell: readable((point) => pointAge(point, now)) },
      { title: 'SIZE', right: true, cell: readable((point) => formatBytes(point.bytes)) },
      { title: 'NEW', right: true, cell: readable((point) => formatBytes(point.newBytes)) },
      { title: 'MODE', cell: readable((point) => point.mode) },
      { title: 'CUT', cell: readable((point) => point.cut) },
      { title: 'PROOF', cell: (point) => proofWord(isDamaged(point) ? 'failed' : point.proof, paint) },
      { title: 'RESTORES IN', right: true, cell: readable(restoreTime) },
      { title: 'WHY', cell: (point) => point.failure ?? '' },
    ],
    paint,
  );
}

function isDamaged(point: RestorePoint | DamagedPoint): point is DamagedPoint {
  return !('proof' in point);
}

/** Nothing that a damaged document says is shown. */
function readable(cell: (point: RestorePoint) => string): (point: RestorePoint | DamagedPoint) => string {
  return (point) => (isDamaged(point) ? '' : cell(point));
}

/** One point as `points --json` lists it. */
export function pointJson(point: RestorePoint | DamagedPoint): object {
  if (isDamaged(point)) return { id: point.id, proof: 'failed', failure: point.failure };
  const { id, takenAt, bytes, newBytes, mode, cut, proof, timeline, run } = point;
  return {
    id,
    takenAt,
    bytes,
    newBytes,
    mode,
    cut,
    proof,
    timeline,
    run,
    ...(point.failure === undefined ? {} : { failure: point.failure }),
    ...(point.proven === undefined ? {} : { proven: point.proven }),
  };
}

/** `3 h 5 min` since an ISO time. */
export function age(iso: string, now: Date): string {
  return since(Date.parse(iso), now);
}

/** Since its snapshots had ended by the nodes' clocks: the clock of the machine that took it may have been wrong. */
export function pointAge(point: Pick<RestorePoint, 'snapshot' | 'takenAt'>, now: Date): string {
  return since(snapshotEnd(point), now);
}

function since(milliseconds: number, now: Date): string {
  return formatSeconds(Math.max(0, (now.getTime() - milliseconds) / 1000));
}

/**
 * Seconds from the decision to restore until the graph is checked, as a rehearsal measured them; undefined without a
 * rehearsal.
 */
export function measuredRestore(point: RestorePoint): number | undefined {
  const seconds = point.proven?.seconds;
  return seconds === undefined ? undefined : seconds.restore + seconds.start + seconds.open + seconds.check;
}

export function proofWord(proof: Proof, paint: Paint): string {
  switch (proof) {
    case 'proven':
      return paint('green', 'proven');
    case 'checked':
      return 'checked';
    case 'taken':
      return paint('yellow', 'taken');
    case 'failed':
      return paint('red', 'FAILED');
  }
}

function restoreTime(point: RestorePoint): string {
  const seconds = measuredRestore(point);
  return seconds === undefined ? '' : formatSeconds(seconds);
}
