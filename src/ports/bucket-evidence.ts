import { z } from 'zod';
import { bucketIdentityDocument, bucketIdentityKey, type BucketIdentity } from '../model/bucket-identity.ts';
import type { ObjectStore } from './object-store.ts';

/** How many documents of one kind are read: of the newest, because what is shared now is shared by the newest. */
const mostOfAKind = 50;

const naming = z.union([
  z.looseObject({ environment: z.string() }).transform(({ environment }) => environment),
  // The first event of a journal.
  z.looseObject({ event: z.looseObject({ environment: z.string() }) }).transform(({ event }) => event.environment),
]);

/** Undefined when there is none. Throws FailedProblem `bad-document` when it cannot be read; `claim` of an own bucket replaces it. */
export async function readIdentity(store: Pick<ObjectStore, 'get'>): Promise<BucketIdentity | undefined> {
  const stored = await store.get(bucketIdentityKey);
  return stored === undefined ? undefined : bucketIdentityDocument.read(stored.body, bucketIdentityKey);
}

/**
 * The environments that restore points, timelines, leases and runs of a bucket name. A document that cannot be read names
 * none: whoever uses it will say so.
 */
export async function environmentsNamedIn(store: ObjectStore): Promise<ReadonlySet<string>> {
  const points: string[] = [];
  for await (const key of store.children('')) if (/^backup-.*\.json$/.test(key)) points.push(key);
  const timelines = await below(store, 'timelines/');
  const leases = (await below(store, 'leases/')).filter((key) => !key.endsWith('/'));
  const runs = (await below(store, 'runs/')).map((folder) => `${folder}000001.json`);
  const named = new Set<string>();
  for (const keys of [points, timelines, leases, runs]) {
    const found = await Promise.all(keys.slice(-mostOfAKind).map(async (key) => environmentIn(store, key)));
    for (const environment of found) if (environment !== undefined) named.add(environment);
  }
  return named;
}

async function below(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  return Array.fromAsync(store.children(prefix));
}

async function environmentIn(store: ObjectStore, key: string): Promise<string | undefined> {
  const stored = await store.get(key);
  if (stored === undefined) return undefined;
  try {
    return naming.safeParse(JSON.parse(new TextDecoder().decode(stored.body))).data;
  } catch {
    return undefined;
  }
}
