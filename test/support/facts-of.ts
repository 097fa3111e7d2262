import { micros } from '../../src/model/instant.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { readLogCatalog } from '../../src/runbooks/catalog/log-catalog.ts';
import { listPoints } from '../../src/runbooks/catalog/point-catalog.ts';
import { type RecoveryFacts, usualLimits } from '../../src/runbooks/recovery/recovery-facts.ts';
import { second } from './shipped-bucket.ts';

/** What decides how far a told history reaches, at that second, with every piece of its log. */
export async function factsAt(bucket: ObjectStore, now: number): Promise<RecoveryFacts> {
  const [catalog, points] = await Promise.all([readLogCatalog(bucket, { piecesSince: micros(0) }), listPoints(bucket)]);
  return {
    environment: 'local',
    catalog,
    pieces: { since: micros(0), catalog },
    points,
    now: second(now),
    limits: usualLimits,
  };
}
