import { systemClock } from '../../adapters/system/clock.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { type OwnBucket, ownBucket } from '../../ports/own-bucket.ts';
import { openStore } from '../open-store.ts';
import type { EnvironmentRecord } from './environment-record.ts';

/** The bucket of an environment; of a copy, that of the environment it was made of. */
export function bucketOf(record: Pick<EnvironmentRecord, 'name' | 'project' | 'store' | 'copy'>): OwnBucket {
  const owner = { environment: record.copy?.of ?? record.name, project: record.project };
  return ownBucket(openStore(record.store), { owner, clock: systemClock, ids: systemIds });
}
