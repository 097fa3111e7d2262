import { z } from 'zod';
import {
  bucketChanged,
  type BucketIdentity,
  bucketIdentityDocument,
  bucketIdentityKey,
  type BucketOwner,
  requireOwnDocuments,
  requireOwner,
} from '../model/bucket-identity.ts';
import { environmentsNamedIn, readIdentity } from './bucket-evidence.ts';
import type { Clock, Ids } from './clock.ts';
import { Problem, RefusedProblem, RetryableProblem } from '../model/problem.ts';
import { ConflictProblem, createObject, type ObjectStore } from './object-store.ts';

/** What a process remembers of the bucket from one start to the next. */
export interface BucketPin {
  /** Who remembers it, as the beginning of a sentence: `The agent of n1 remembers`. */
  readonly who: string;
  load(): Promise<string | undefined>;
  save(id: string): Promise<void>;
}

export interface OwnBucketParts {
  readonly owner: BucketOwner;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Absent for a process that ends soon. */
  readonly pin?: BucketPin;
}

export interface OwnBucket extends ObjectStore {
  /** Looks now, whatever was seen before. The identity; undefined while nobody has written anything. Throws as below. */
  look(): Promise<BucketIdentity | undefined>;
  /**
   * Makes it this environment's by a person's word. As the first write does, and besides: what is of other environments may
   * lie beside what is of this one, and an identity that cannot be read is replaced. Never takes a bucket from another.
   */
  claim(): Promise<BucketIdentity>;
}

/** Seconds for which a look is good where there is a pin: a bucket may be exchanged behind a process that runs for months. */
const goodFor = 10;

/**
 * The same bucket, and only if it is this environment's: nothing is read or written before its identity was looked at.
 * The first write creates one where there is none. Every call throws RefusedProblem `bucket-of-another-environment`, or
 * `bucket-changed` when it is not the bucket that is remembered.
 */
export function ownBucket(store: ObjectStore, { owner, clock, ids, pin }: OwnBucketParts): OwnBucket {
  let seen: { readonly identity: BucketIdentity | undefined; readonly at: number } | undefined;
  let looking: Promise<BucketIdentity | undefined> | undefined;

  const lookOnce = async (): Promise<BucketIdentity | undefined> => {
    seen = undefined;
    const [identity, pinned] = await Promise.all([legible(store, owner), pin?.load()]);
    if (identity === undefined) requireOwnDocuments(store.description, await environmentsNamedIn(store), owner);
    else requireOwner(store.description, identity, owner);
    if (pin !== undefined && pinned !== undefined && pinned !== identity?.id) {
      const { environment } = owner;
      throw bucketChanged(store.description, { who: pin.who, remembered: pinned, found: identity?.id, environment });
    }
    if (pin !== undefined && pinned === undefined && identity !== undefined) await pin.save(identity.id);
    seen = { identity, at: clock.monotonic() };
    return identity;
  };
  const look = async (): Promise<BucketIdentity | undefined> => {
    // Calls that are made side by side share one look.
    looking ??= lookOnce().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const forReading = async (): Promise<void> => {
    if (seen === undefined || (pin !== undefined && clock.monotonic() - seen.at >= goodFor)) await look();
  };
  const forWriting = async (): Promise<void> => {
    await forReading();
    if (seen?.identity !== undefined || (await look()) !== undefined) return;
    await createIdentity(store, { owner, clock, ids });
    await look();
  };

  return {
    description: store.description,
    look,
    async claim() {
      const damaged = await damagedIdentity(store);
      const identity = damaged === undefined ? await readIdentity(store) : undefined;
      if (identity !== undefined) {
        requireOwner(store.description, identity, owner);
        return identity;
      }
      const named = await environmentsNamedIn(store);
      if (!named.has(owner.environment)) requireOwnDocuments(store.description, named, owner);
      seen = undefined;
      return createIdentity(store, { owner, clock, ids }, damaged);
    },
    async put(key, body, condition) {
      await forWriting();
      return store.put(key, body, condition);
    },
    async putStream(key, body) {
      await forWriting();
      return store.putStream(key, body);
    },
    async get(key) {
      await forReading();
      return store.get(key);
    },
    async getStream(key) {
      await forReading();
      return store.getStream(key);
    },
    async head(key) {
      await forReading();
      return store.head(key);
    },
    async *list(prefix, options) {
      await forReading();
      yield* store.list(prefix, options);
    },
    async *children(prefix, options) {
      await forReading();
      yield* store.children(prefix, options);
    },
    async delete(key) {
      await forWriting();
      return store.delete(key);
    },
    close: async () => store.close(),
  };
}

/** Throws RefusedProblem `identity-damaged`. */
async function legible(store: ObjectStore, { environment }: BucketOwner): Promise<BucketIdentity | undefined> {
  try {
    return await readIdentity(store);
  } catch (thrown) {
    throw thrown instanceof Problem && isDamage(thrown) ? identityDamaged(thrown, environment) : thrown;
  }
}

/** Whoever comes first names the bucket; who comes second finds the name there, which may be another's. */
async function createIdentity(
  store: ObjectStore,
  { owner, clock, ids }: Pick<OwnBucketParts, 'owner' | 'clock' | 'ids'>,
  damaged?: string,
): Promise<BucketIdentity> {
  const { environment, project } = owner;
  const identity = {
    environment,
    ...(project === undefined ? {} : { project }),
    id: ids.token(20),
    madeAt: clock.now().toISOString(),
  };
  const text = bucketIdentityDocument.write(identity);
  if (damaged === undefined) await createObject(store, bucketIdentityKey, text);
  else await replaceObject(store, bucketIdentityKey, text, damaged);
  const stored = await readIdentity(store);
  if (stored === undefined) throw identityVanished(store.description);
  requireOwner(store.description, stored, owner);
  return stored;
}

/** The etag of an identity that is damaged; undefined when it can be read, or when there is none. */
async function damagedIdentity(store: ObjectStore): Promise<string | undefined> {
  const stored = await store.get(bucketIdentityKey);
  if (stored === undefined) return undefined;
  try {
    bucketIdentityDocument.read(stored.body, bucketIdentityKey);
    return undefined;
  } catch (thrown) {
    if (!isDamage(thrown) || isOfNewerVersion(stored.body)) throw thrown;
    return stored.etag;
  }
}

function isDamage(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.code === 'bad-document';
}

/** What a newer Cardea wrote is not damaged, and is never replaced. */
function isOfNewerVersion(body: Uint8Array): boolean {
  try {
    const { kind, version } = bucketIdentityDocument;
    const head = z.looseObject({ kind: z.literal(kind), version: z.number().int().gt(version) });
    return head.safeParse(JSON.parse(new TextDecoder().decode(body))).success;
  } catch {
    return false;
  }
}

function identityDamaged({ happened }: Problem, environment: string): RefusedProblem {
  return new RefusedProblem({
    code: 'identity-damaged',
    happened,
    state: 'Nothing was changed.',
    next: `If it is the bucket of ${environment}, write it anew: cardea agents bind ${environment} --confirm ${environment}. What a newer Cardea wrote is not replaced: use that one.`,
  });
}

/** If another writer was first, what it wrote is read and judged next. */
async function replaceObject(store: ObjectStore, key: string, text: string, etag: string): Promise<void> {
  try {
    await store.put(key, text, { ifMatch: etag });
  } catch (thrown) {
    if (!(thrown instanceof ConflictProblem)) throw thrown;
  }
}

function identityVanished(bucket: string): RetryableProblem {
  return new RetryableProblem({
    code: 'identity-vanished',
    happened: `${bucketIdentityKey} was removed from ${bucket} while it was written.`,
    state: 'Nothing else was written.',
    next: 'Find out who empties the bucket, then run the same command again.',
  });
}
