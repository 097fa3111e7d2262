/** Metadata of an object. `etag` is opaque: it changes whenever the content does, and is only good for `ifMatch`. */
export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  readonly modifiedAt: Date;
}

export interface StoredObject extends ObjectInfo {
  readonly body: Uint8Array;
}

/** `ifAbsent`: create only. `ifMatch`: replace only what still has this etag. */
export type PutCondition = { readonly ifAbsent: true } | { readonly ifMatch: string };

/**
 * A bucket. Keys are relative, `/`-separated, without empty, `.` or `..` parts; an adapter refuses others with UsageProblem `bad-key`.
 * An object appears whole or not at all: readers never see a torn one, also after a crash of the writer.
 * When a condition does not hold, `put` throws ConflictProblem (see below) and nothing changed.
 * When the store cannot be reached every method throws RetryableProblem `store-unreachable`; when access is denied, RefusedProblem `store-denied`.
 * Every adapter is held to all of this by one suite, test/unit/object-store.contract.ts.
 */
export interface ObjectStore {
  /** For messages: `directory /x/y` or `s3://bucket at host:port`. Never a secret. */
  readonly description: string;
  put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo>;
  /** Large objects, in constant memory. */
  putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<ObjectInfo>;
  get(key: string): Promise<StoredObject | undefined>;
  /** In constant memory; throws FailedProblem `object-missing` when there is none. */
  getStream(key: string): Promise<AsyncIterable<Uint8Array>>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** Every key below the prefix in ascending byte order of the key, strictly after `after` when given. */
  list(prefix: string, options?: { readonly after?: string }): AsyncIterable<ObjectInfo>;
  /** The distinct next path parts below a prefix that ends in `/` (or is empty): `runs/` gives `runs/a/`, `runs/b/`. Ascending; objects directly there too. */
  children(prefix: string, options?: { readonly after?: string }): AsyncIterable<string>;
  /** Deleting an object that does not exist is not an error. */
  delete(key: string): Promise<void>;
  /** What becomes of what is replaced or deleted. Absent where it is gone for good. */
  keeping?(): Promise<StoreKeeping>;
  close(): Promise<void>;
}

/** `unknown`: the store does not say. */
export interface StoreKeeping {
  /** Old versions and deletions are kept. */
  readonly versions: boolean | 'unknown';
  /** Every new object is locked for a time. */
  readonly locked: boolean | 'unknown';
  /** A lifecycle rule removes old versions. */
  readonly expires: boolean | 'unknown';
}

/** A conditional put lost: somebody else created or changed the object first. Expected by writers that rebase; never shown as it is. */
export class ConflictProblem extends Error {
  readonly key: string;
  constructor(key: string) {
    super(`${key} was created or changed by another writer`);
    this.name = 'ConflictProblem';
    this.key = key;
  }
}

/**
 * Creates an object; true when it did. False, and nothing changed, when there is one already: of another writer, or of this one when it
 * comes here again after a kill. Throws what `put` throws besides.
 */
export async function createObject(
  store: Pick<ObjectStore, 'put'>,
  key: string,
  body: Uint8Array | string,
): Promise<boolean> {
  try {
    await store.put(key, body, { ifAbsent: true });
    return true;
  } catch (thrown) {
    if (thrown instanceof ConflictProblem) return false;
    throw thrown;
  }
}
