import { milliseconds } from './duration.ts';
import { newestFirst, snapshotEnd, type RestorePoint } from './restore-point.ts';

export interface RetentionRule {
  /** A duration such as `30d`: points younger than this stay. */
  readonly keep: string;
  /** At least this many good points stay, however old. */
  readonly atLeast: number;
}

export interface RetentionDecision {
  readonly point: RestorePoint;
  readonly keep: boolean;
  /** One clause for people: why it stays, or why it goes. */
  readonly why: string;
  /** Why it would go, if it were not needed. */
  readonly spared?: string;
  /** Whether the log since it stays, too. Without it the point is a plain one. */
  readonly log: boolean;
}

/**
 * Decides for every point whether it stays; newest first. Pure. `now` is compared with the ends of snapshots, so it is to
 * be a time of the nodes' clocks. What stays: everything younger than `keep`, the newest
 * `atLeast` good ones (checked or proven), the newest proven one however old, the newest good one (of these the ones of
 * the present history come first: those of one that was left, `isLeft`, are no restore's choice), and each point in
 * `needed` (by id, with the reason as a clause: the caller gives those that runs still use). The log stays since the oldest
 * point that is younger than `keep` or needed, and at least since the newest good one: a point that is kept for longer is
 * kept without it, else one rehearsal long ago would keep all log since then. That a kept differential
 * backup shares files with a removed one is Medusa's bookkeeping: removal goes through Medusa alone, and the caller
 * looks afterwards whether every kept file is still there.
 */
export function decideRetention(
  points: readonly RestorePoint[],
  rule: RetentionRule,
  now: Date,
  needed: ReadonlyMap<string, string> = new Map(),
  isLeft: (point: RestorePoint) => boolean = () => false,
): readonly RetentionDecision[] {
  const sorted = points.toSorted(newestFirst);
  const horizon = now.getTime() - milliseconds(rule.keep);
  const good = sorted
    .filter((point) => point.proof === 'checked' || point.proof === 'proven')
    .toSorted((a, b) => Number(isLeft(a)) - Number(isLeft(b)));
  const newestProven = good.find((point) => point.proof === 'proven');
  const protectedByCount = new Set(good.slice(0, rule.atLeast).map((point) => point.id));

  return sorted.map((point) => {
    const young = snapshotEnd(point) >= horizon;
    const log = young || needed.has(point.id) || point.id === good[0]?.id;
    const stays = (why: string): RetentionDecision => ({ point, keep: true, why, log });
    if (point.id === newestProven?.id) return stays('the newest proven point');
    if (young) return stays(`younger than ${rule.keep}`);
    if (protectedByCount.has(point.id)) return stays(`among the newest ${rule.atLeast} good points`);
    const old = `older than ${rule.keep}`;
    const why = needed.get(point.id);
    return why === undefined ? { point, keep: false, why: old, log: false } : { ...stays(why), spared: old };
  });
}
