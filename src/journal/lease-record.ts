import { z } from 'zod';
import { documentType } from '../model/document.ts';
import { environmentText } from '../model/identifiers.ts';
import { leaseEpoch } from '../model/lease-epoch.ts';
import { asProblem, RefusedProblem } from '../model/problem.ts';
import { processIdentity } from '../model/process-identity.ts';
import { ConflictProblem, type ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';
import { actor } from './event.ts';

/**
 * `leases/<epoch>.json`: who may change the environment, and `leases/copies/<copy>/<epoch>.json`: who may make and use
 * this copy beside it. Of each only the one with the highest epoch counts.
 */
const leaseDocument = documentType(
  'lease',
  1,
  {
    epoch: leaseEpoch.positive(),
    environment: z.string(),
    /** Absent from a lease of the environment. */
    copy: environmentText.optional(),
    run: z.string(),
    actor,
    holder: processIdentity,
    acquiredAt: z.iso.datetime(),
    renewedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    ended: z.object({ at: z.iso.datetime(), why: z.enum(['released', 'taken-over']) }).optional(),
  },
  { sealed: true },
);
export type LeaseRecord = Omit<z.infer<typeof leaseDocument.schema>, 'kind' | 'version'>;

/**
 * The lease with the highest epoch, of the environment or of a copy, ended or not; undefined when no run ever held one,
 * and when what stands there is none: the next run says so.
 */
export async function currentLease(store: ObjectStore, copy?: string): Promise<LeaseRecord | undefined> {
  return (await newestLease(store, copy))?.record;
}

/**
 * What the record says by this clock, for people. `held`: by a process that is not known to be dead. `abandoned`: not
 * expired, but its process is dead. `free`: expired or ended. Whether it may be taken over is decided by `acquireLease`.
 */
export function claimOf(record: LeaseRecord, now: Date, processes: Processes): 'held' | 'abandoned' | 'free' {
  if (record.ended !== undefined || now.getTime() >= Date.parse(record.expiresAt)) return 'free';
  return processes.isAlive(record.holder) === false ? 'abandoned' : 'held';
}

export interface StoredLease {
  readonly key: string;
  /** By its name. */
  readonly epoch: number;
  readonly etag: string;
  /** Undefined when the object is no lease of this epoch: damaged, or not made by Cardea. */
  readonly record: LeaseRecord | undefined;
  /** The ones before it, oldest first. */
  readonly older: ReadonlyArray<{ readonly key: string; readonly epoch: number }>;
}

/**
 * The lease with the highest epoch, of the environment or of a copy. Objects whose names are of another form are none.
 */
export async function newestLease(store: ObjectStore, copy?: string): Promise<StoredLease | undefined> {
  const folder = leaseFolder(copy);
  const all: Array<{ key: string; epoch: number }> = [];
  for await (const key of store.children(folder)) {
    const epoch = /^(\d{8})\.json$/.exec(key.slice(folder.length))?.[1];
    if (epoch !== undefined) all.push({ key, epoch: Number(epoch) });
  }
  const newest = all.pop();
  const object = newest === undefined ? undefined : await store.get(newest.key);
  if (newest === undefined || object === undefined) return undefined;
  return { ...newest, etag: object.etag, record: recordIn(object.body, { ...newest, copy }), older: all };
}

function recordIn(
  body: Uint8Array,
  { key, epoch, copy }: { key: string; epoch: number; copy: string | undefined },
): LeaseRecord | undefined {
  try {
    const record = leaseDocument.read(body, key);
    return record.epoch === epoch && record.copy === copy ? record : undefined;
  } catch (thrown) {
    if (asProblem(thrown, 'Reading a lease').code === 'bad-document') return undefined;
    throw thrown;
  }
}

export function leaseNotUsable(environment: string, key: string, why: string): RefusedProblem {
  return new RefusedProblem({
    code: 'lease-not-usable',
    happened: `${key} in the bucket of ${environment} cannot be the lease of a run: ${why}.`,
    state: 'Nothing was changed.',
    next: `Find out who wrote it. Then set it aside and bind the agents anew: cardea agents bind ${environment} --confirm ${environment}.`,
  });
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
  const key = leaseKey(record);
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
  const found = await store.get(leaseKey(record));
  return found !== undefined && new TextDecoder().decode(found.body) === leaseDocument.write(record)
    ? found.etag
    : undefined;
}

function leaseKey({ epoch, copy }: Pick<LeaseRecord, 'epoch' | 'copy'>): string {
  return `${leaseFolder(copy)}${String(epoch).padStart(8, '0')}.json`;
}

const copiesFolder = 'leases/copies/';

function leaseFolder(copy: string | undefined): string {
  return copy === undefined ? 'leases/' : `${copiesFolder}${copy}/`;
}

/** The copies of which there were ever leases. */
export async function leasedCopies(store: ObjectStore): Promise<readonly string[]> {
  const folders = await Array.fromAsync(store.children(copiesFolder));
  return folders.filter((key) => key.endsWith('/')).map((key) => key.slice(copiesFolder.length, -1));
}

/** What the lease is of, for people. */
export function leasedName({ environment, copy }: Pick<LeaseRecord, 'environment' | 'copy'>): string {
  return copy === undefined ? `environment ${environment}` : `the copy ${copy} of ${environment}`;
}
