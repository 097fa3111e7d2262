import { milliseconds } from '../../model/duration.ts';
import { type Micros, microsOf } from '../../model/instant.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { type LogCatalog, type Reading, readLogCatalog } from '../catalog/log-catalog.ts';
import { listPoints } from '../catalog/point-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';

/** All that decides to which instants an environment can be restored: read once, then judged without asking anybody. Works when the cluster is gone. */
export interface RecoveryFacts {
  readonly environment: string;
  readonly catalog: LogCatalog;
  readonly points: readonly RestorePoint[];
  readonly now: Micros;
  readonly limits: RecoveryLimits;
}

export interface RecoveryLimits {
  /** The longest that a commit may take between its time and its last write, microseconds. */
  readonly settleMargin: number;
  /** Clocks of writers further ahead of the nodes' than this make instants meaningless, microseconds. */
  readonly clockLead: number;
}

/** A person thinks of an instant in seconds: with clocks two of them apart it would not be the one that was meant. */
export const usualLimits: RecoveryLimits = { settleMargin: 10_000_000, clockLead: 2_000_000 };

/** `reading.damaged`: objects, with the reason, that are known to be no good and do not count. A signal alone may stand for it. */
export async function readRecoveryFacts(
  { platform, config, clock }: RunbookServices,
  reading: AbortSignal | Reading = {},
): Promise<RecoveryFacts> {
  // The log may take long to read; how old the watermarks are does not depend on that.
  let seenAt = clock.now();
  const wanted = reading instanceof AbortSignal ? { signal: reading } : reading;
  const onWatermark = () => {
    seenAt = clock.now();
  };
  const [catalog, points] = await Promise.all([
    readLogCatalog(platform.bucket, { ...wanted, onWatermark }),
    listPoints(platform.bucket),
  ]);
  const settleMargin = milliseconds(config.backup.log.settleMargin) * 1000;
  return {
    environment: platform.environment,
    catalog,
    points,
    now: microsOf(seenAt),
    limits: { ...usualLimits, settleMargin },
  };
}

/**
 * What decides how far the newest good point can be brought forward, and no more: the log from its snapshots on. Undefined when there is
 * no good point. It costs, for each node, a listing of every object of its log that is kept, a few headers to find where the time since
 * that point begins, and the header of every object since then, with all its links in memory: the time since the newest point decides, and
 * for the listing the age of the log.
 */
export async function readNewestFacts(services: RunbookServices): Promise<RecoveryFacts | undefined> {
  const points = await listPoints(services.platform.bucket);
  const newest = points.find(({ proof }) => proof === 'checked' || proof === 'proven');
  return newest === undefined ? undefined : readRecoveryFacts(services, { since: snapshotOf(newest).from });
}
