import { type Micros, microsOf } from '../../model/instant.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { Problem } from '../../model/problem.ts';
import type { ShippingOrder } from '../../model/shipping-order.ts';
import { type LogCatalog, type Reading, readLogCatalog } from '../catalog/log-catalog.ts';
import { type DamagedPoint, ownPoints, surveyOwnPoints } from '../catalog/point-catalog.ts';
import { findShippingOrder } from '../catalog/shipping-order.ts';
import type { RunbookServices } from '../services.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import { settleMarginOf } from './arrival.ts';

/**
 * Everything that decides to which instants an environment can be restored. It is read once from the bucket, so it
 * works when the cluster is gone; decisions from it are pure.
 */
export interface RecoveryFacts {
  readonly environment: string;
  /** How far the log reaches; without its pieces. */
  readonly catalog: LogCatalog;
  /** The log with its pieces from an instant on, for plans: see `withPieces`. */
  readonly pieces?: { readonly since: Micros; readonly catalog: LogCatalog };
  /** Reads them. */
  readonly readPieces?: (since: Micros) => Promise<LogCatalog>;
  readonly points: readonly RestorePoint[];
  /** The point that somebody named, which is a base also when its last check failed: whoever uses it checks it anew. */
  readonly asked?: string;
  /** Points whose documents cannot be read: no base. */
  readonly damaged?: readonly DamagedPoint[];
  /** What the agents were told last; absent before any run has told them something. */
  readonly order?: ShippingOrder | undefined;
  /** What is wrong with the order of the shipping, which the next one replaces. */
  readonly orderDamage?: string | undefined;
  readonly now: Micros;
  readonly limits: RecoveryLimits;
}

export interface RecoveryLimits {
  /** The longest that a commit may take between its time and its last write, microseconds. */
  readonly settleMargin: number;
  /** Microseconds. If writers' clocks run further ahead of the nodes' clocks than this, instants are meaningless. */
  readonly clockLead: number;
}

/** A person thinks of an instant in seconds: if clocks differ by two seconds, it is not the instant that was meant. */
export const usualLimits: RecoveryLimits = { settleMargin: 10_000_000, clockLead: 2_000_000 };

/**
 * `reading.damaged`: objects that are known to be damaged, with the reason; they do not count. Only a signal may be
 * given instead.
 */
export async function readRecoveryFacts(
  { platform, config, clock }: RunbookServices,
  reading: AbortSignal | Reading = {},
): Promise<RecoveryFacts> {
  // Reading the log may take long; the age of the watermarks must not include that time.
  let seenAt = clock.now();
  const wanted = reading instanceof AbortSignal ? { signal: reading } : reading;
  const onWatermark = () => {
    seenAt = clock.now();
  };
  const [catalog, { points, damaged }, order] = await Promise.all([
    readLogCatalog(platform.bucket, { ...wanted, onWatermark }),
    surveyOwnPoints(platform.bucket, platform.environment),
    findShippingOrder(platform.bucket).catch(damageOf),
  ]);
  const settleMargin = settleMarginOf(config);
  return {
    environment: platform.environment,
    catalog,
    readPieces: async (since) => readLogCatalog(platform.bucket, { ...wanted, since, piecesSince: since }),
    points,
    damaged,
    ...(order instanceof Problem ? { orderDamage: order.happened } : { order }),
    now: microsOf(seenAt),
    limits: { ...usualLimits, settleMargin },
  };
}

/** With the pieces of the log from the base's snapshots on, as a plan wants them: a month of log has too many to hold them all. */
export async function withPieces(facts: RecoveryFacts, base: RestorePoint): Promise<RecoveryFacts> {
  const { from } = snapshotOf(base);
  if (facts.pieces !== undefined && facts.pieces.since <= from) return facts;
  if (facts.readPieces === undefined) throw new TypeError('these facts cannot be planned with');
  return { ...facts, pieces: { since: from, catalog: await facts.readPieces(from) } };
}

function damageOf(thrown: unknown): Problem {
  if (thrown instanceof Problem && thrown.code === 'bad-document') return thrown;
  throw thrown;
}

/**
 * The facts that decide how far the newest good point can be brought forward: only the log after its snapshots.
 * Undefined when there is no good point. For each node this costs the headers of the indexes since that point, or
 * without them a few headers of objects, and a listing from there on. Of objects that are in no index yet, about an
 * hour's, the headers are read, some hundred at a time. So the cost depends on the time since the newest point alone.
 */
export async function readNewestFacts(services: RunbookServices): Promise<RecoveryFacts | undefined> {
  const points = await ownPoints(services.platform.bucket, services.platform.environment);
  const newest = points.find(({ proof }) => proof === 'checked' || proof === 'proven');
  return newest === undefined ? undefined : readRecoveryFacts(services, { since: snapshotOf(newest).from });
}
