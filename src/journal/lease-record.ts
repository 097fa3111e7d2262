import { z } from 'zod';
import { documentType } from '../model/document.ts';
import { processIdentity } from '../model/process-identity.ts';
import { ConflictProblem, type ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';
import { actor } from './event.ts';
import { sequenceOf } from './event-file.ts';

/** `leases/<epoch>.json`: who may change the environment. Only the one with the highest epoch counts. */
const leaseDocument = documentType('lease', 1, {
  epoch: z.number().int().positive(),
  environment: z.string(),
  run: z.string(),
  actor,
  holder: processIdentity,
  acquiredAt: z.iso.datetime(),
  renewedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  ended: z.object({ at: z.iso.datetime(), why: z.enum(['released', 'taken-over']) }).optional(),
});
export type LeaseRecord = Omit<z.infer<typeof leaseDocument.schema>, 'kind' | 'version'>;

/** The lease with the highest epoch, ended or not; undefined when no run ever held one. */
export async function currentLease(store: ObjectStore): Promise<LeaseRecord | undefined> {
  return (await newestLease(store))?.record;
}

/**
 * `held`: by a process that is not known to be dead. `abandoned`: not expired, but its process is dead. `free`: expired
 * or ended.
 */
export function claimOf(record: LeaseRecord, now: Date, processes: Processes): 'held' | 'abandoned' | 'free' {
  if (record.ended !== undefined || now.getTime() >= Date.parse(record.expiresAt)) return 'free';
  return processes.isAlive(record.holder) === false ? 'abandoned' : 'held';
}

/** The highest epoch's lease with its etag, and the keys of the older ones, oldest first. */
export async function newestLease(
  store: ObjectStore,
): Promise<{ record: LeaseRecord; etag: string; older: readonly string[] } | undefined> {
  const keys: string[] = [];
  for await (const { key } of store.list('leases/')) if (sequenceOf(key) !== undefined) keys.push(key);
  const newest = keys.pop();
  const object = newest === undefined ? undefined : await store.get(newest);
  if (newest === undefined || object === undefined) return undefined;
  return { record: leaseDocument.read(object.body, newest), etag: object.etag, older: keys };
}

/**
 * The new etag; undefined when another writer was first. If an adapter repeated a put, the second may fail because of
 * the first: no loss.
 */
export async function putLease(
  store: ObjectStore,
  record: LeaseRecord,
  condition: { readonly ifAbsent: true } | { readonly ifMatch: string },
): Promise<string | undefined> {
  const key = leaseKey(record.epoch);
  try {
    return (await store.put(key, leaseDocument.write(record), condition)).etag;
  } catch (error) {
    if (!(error instanceof ConflictProblem)) throw error;
    return etagOfOwn(store, record);
  }
}

/**
 * Replaces the record if it is one of `earlier`, the puts that had no answer. The new etag; undefined if it is none of
 * them.
 */
export async function replaceOwn(
  store: ObjectStore,
  earlier: readonly LeaseRecord[],
  wanted: LeaseRecord,
): Promise<string | undefined> {
  for (const record of earlier) {
    const etag = await etagOfOwn(store, record);
    if (etag !== undefined) return putLease(store, wanted, { ifMatch: etag });
  }
  return undefined;
}

/** The etag of the stored record, if it is exactly this one. */
async function etagOfOwn(store: ObjectStore, record: LeaseRecord): Promise<string | undefined> {
  const found = await store.get(leaseKey(record.epoch));
  return found !== undefined && new TextDecoder().decode(found.body) === leaseDocument.write(record)
    ? found.etag
    : undefined;
}

function leaseKey(epoch: number): string {
  return `leases/${String(epoch).padStart(8, '0')}.json`;
}
