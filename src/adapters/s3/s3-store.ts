import { setTimeout as pause } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { checkKey, checkPrefix, compareKeys } from '../../model/object-key.ts';
import { FailedProblem, type RetryableProblem } from '../../model/problem.ts';
import {
  ConflictProblem,
  type ObjectInfo,
  type ObjectStore,
  type PutCondition,
  type StoredObject,
  type StoreKeeping,
} from '../../ports/object-store.ts';
import { readKeeping } from './bucket-keeping.ts';
import { connectS3, s3Attempts, type S3Connection, type S3Location } from './s3-client.ts';
import { s3Error, s3Fault, unreachable } from './s3-fault.ts';

/** How long an S3 server may be silent, and how often it is asked again. */
export interface S3Limits {
  /**
   * Milliseconds until the answer to a call begins, with retries, and between two pieces of a body: a bucket that hangs
   * is reported within ten seconds, and one that is only slow may take its time.
   */
  readonly silenceMs: number;
  readonly attempts: number;
}

const defaultLimits: S3Limits = { silenceMs: 9000, attempts: s3Attempts };

/**
 * The slowest connection that a whole object is sent over, in bytes a second: a call may take longer by the time that
 * its object needs at this speed.
 */
const slowestUpload = 256 * 1024;
const partBytes = 16 * 1024 * 1024;

/**
 * A bucket of an S3 server. The SDK and the credentials are loaded at first use. An interrupted streamed upload leaves no object; its parts
 * wait for the bucket's lifecycle rule for unfinished uploads.
 */
export class S3Store implements ObjectStore {
  readonly description: string;
  readonly #location: S3Location;
  readonly #limits: S3Limits;
  #connection: Promise<S3Connection> | undefined;

  constructor(location: S3Location, limits: Partial<S3Limits> = {}) {
    this.#location = location;
    this.#limits = { ...defaultLimits, ...limits };
    const host = location.endpoint === undefined ? `AWS ${location.region}` : new URL(location.endpoint).host;
    this.description = `s3://${location.bucket} at ${host}`;
  }

  async put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo> {
    checkKey(key);
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const etag = await this.#call(
          ({ sdk, client }, abortSignal) =>
            client.send(
              new sdk.PutObjectCommand({ ...this.#target(key), Body: bytes, ...conditionHeaders(condition) }),
              { abortSignal },
            ),
          (bytes.byteLength / slowestUpload) * 1000,
        );
        return infoOf(key, bytes.byteLength, etag.ETag);
      } catch (thrown) {
        const ours = condition === undefined ? undefined : await this.#afterLoss(key, bytes, thrown, attempt);
        if (ours === 'again') continue;
        if (ours !== undefined) return ours;
        throw s3Fault(thrown, this.description, key);
      }
    }
  }

  async putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<ObjectInfo> {
    checkKey(key);
    let bytes = 0;
    const counted = async function* (): AsyncIterable<Uint8Array> {
      for await (const chunk of body) {
        bytes += chunk.byteLength;
        yield chunk;
      }
    };
    try {
      const [{ client }, { Upload }] = await Promise.all([this.#connect(), import('@aws-sdk/lib-storage')]);
      const upload = new Upload({
        client,
        params: { ...this.#target(key), Body: Readable.from(counted(), { objectMode: false }) },
        partSize: partBytes,
        queueSize: 2,
      });
      const { ETag } = await upload.done();
      return infoOf(key, bytes, ETag);
    } catch (thrown) {
      throw s3Fault(thrown, this.description, key);
    }
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const found = await this.#orMissing(key, () => this.#begin(key));
    if (found === undefined) return undefined;
    const chunks = await Array.fromAsync(found.body);
    const body = Buffer.concat(chunks);
    return { ...infoOf(key, body.byteLength, found.etag, found.modifiedAt), body };
  }

  async getStream(key: string): Promise<AsyncIterable<Uint8Array>> {
    const found = await this.#orMissing(key, () => this.#begin(key));
    if (found === undefined) throw missing(key, this.description);
    return found.body;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#orMissing(key, () =>
      this.#call(async ({ sdk, client }, abortSignal) => {
        const found = await client.send(new sdk.HeadObjectCommand(this.#object(key)), { abortSignal });
        return infoOf(key, found.ContentLength ?? 0, found.ETag, found.LastModified);
      }),
    );
  }

  async *list(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<ObjectInfo> {
    for await (const page of this.#pages(prefix, options.after)) {
      for (const found of page.Contents ?? []) {
        // Servers over a file system list folders as empty objects whose key ends in a slash.
        if (found.Key === undefined || found.Key.endsWith('/')) continue;
        yield infoOf(found.Key, found.Size ?? 0, found.ETag, found.LastModified);
      }
    }
  }

  async *children(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<string> {
    for await (const page of this.#pages(prefix, options.after, '/')) {
      const objects = (page.Contents ?? []).flatMap((found) =>
        found.Key === undefined || found.Key.endsWith('/') ? [] : [found.Key],
      );
      const folders = (page.CommonPrefixes ?? []).flatMap((found) => found.Prefix ?? []);
      for (const child of [...objects, ...folders].sort(compareKeys)) {
        // S3 groups keys after `after` that lie in the very folder `after` names.
        if (options.after === undefined || compareKeys(child, options.after) > 0) yield child;
      }
    }
  }

  async delete(key: string): Promise<void> {
    await this.#orMissing(key, () =>
      this.#call(({ sdk, client }, abortSignal) =>
        client.send(new sdk.DeleteObjectCommand(this.#object(key)), { abortSignal }),
      ),
    );
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) (await connection).client.destroy();
  }

  async *#pages(prefix: string, after: string | undefined, delimiter?: string) {
    checkPrefix(prefix);
    let token: string | undefined;
    do {
      const page = await this.#orFault('', () =>
        this.#call(({ sdk, client }, abortSignal) =>
          client.send(
            new sdk.ListObjectsV2Command({
              Bucket: this.#location.bucket,
              Prefix: prefix,
              ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
              ...(after === undefined ? {} : { StartAfter: after }),
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
            { abortSignal },
          ),
        ),
      );
      yield page;
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  /**
   * Handles a conditional put that the server refused. ConflictProblem if another writer was first. But if the SDK sent
   * the put twice, the first may have succeeded and its answer was lost: then the stored object is ours. `again` if the
   * server only says that two writers met.
   */
  async #afterLoss(
    key: string,
    bytes: Uint8Array,
    thrown: unknown,
    attempt: number,
  ): Promise<ObjectInfo | 'again' | undefined> {
    const error = s3Error(thrown);
    if (error.status === 409 && attempt < 5) {
      await pause(20 * attempt * (0.5 + Math.random()));
      return 'again';
    }
    const missed = error.status === 404 && error.name !== 'NoSuchBucket';
    if (error.status !== 412 && error.status !== 409 && !missed) return undefined;
    if (error.attempts > 1 || attempt > 1) {
      const stored = await this.get(key);
      if (stored !== undefined && Buffer.compare(stored.body, bytes) === 0) return stored;
    }
    throw new ConflictProblem(key);
  }

  #target(key: string) {
    const { encryption } = this.#location;
    return { ...this.#object(key), ...(encryption === 'none' ? {} : { ServerSideEncryption: encryption }) };
  }

  #object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#location.bucket, Key: key };
  }

  #connect(): Promise<S3Connection> {
    this.#connection ??= connectS3(this.#location, this.#limits.attempts).catch((thrown: unknown) => {
      this.#connection = undefined;
      throw thrown;
    });
    return this.#connection;
  }

  /** The answer to a GET has begun. */
  async #begin(key: string) {
    const found = await this.#call(({ sdk, client }, abortSignal) =>
      client.send(new sdk.GetObjectCommand(this.#object(key)), { abortSignal }),
    );
    const { Body, ETag, LastModified } = found;
    const source = Body instanceof Readable ? Body : Readable.from([]);
    return { body: this.#pieces(key, source), etag: ETag, modifiedAt: LastModified };
  }

  /** The deadline ends with the call, so that it never cuts a body that is read afterwards. */
  async keeping(): Promise<StoreKeeping> {
    try {
      return await this.#call((connection, abortSignal) => readKeeping(connection, this.#location.bucket, abortSignal));
    } catch (thrown) {
      throw s3Fault(thrown, this.description, '');
    }
  }

  async #call<T>(work: (connection: S3Connection, signal: AbortSignal) => Promise<T>, moreMs = 0): Promise<T> {
    const connection = await this.#connect();
    const deadline = new AbortController();
    const limitMs = this.#limits.silenceMs + moreMs;
    const timer = setTimeout(() => deadline.abort(this.#silent('answer', limitMs)), limitMs);
    try {
      return await work(connection, deadline.signal);
    } catch (thrown) {
      throw deadline.signal.aborted ? deadline.signal.reason : thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  #silent(what: 'answer' | 'byte', limitMs: number): RetryableProblem {
    return unreachable(this.description, `no ${what} in ${Math.round(limitMs / 100) / 10} seconds`);
  }

  async #orMissing<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    checkKey(key);
    try {
      return await work();
    } catch (thrown) {
      const error = s3Error(thrown);
      if (error.status === 404 && error.name !== 'NoSuchBucket') return undefined;
      throw s3Fault(thrown, this.description, key);
    }
  }

  async #orFault<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw s3Fault(thrown, this.description, key);
    }
  }

  /**
   * The pieces of a body; one that stands still is given up. Only the time that a piece is waited for counts, not what
   * is done with it.
   */
  async *#pieces(key: string, source: Readable): AsyncIterable<Uint8Array> {
    const { silenceMs } = this.#limits;
    const watched = () => setTimeout(() => source.destroy(this.#silent('byte', silenceMs)), silenceMs);
    let timer = watched();
    try {
      for await (const piece of source as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        yield piece;
        timer = watched();
      }
    } catch (thrown) {
      throw s3Fault(thrown, this.description, key);
    } finally {
      clearTimeout(timer);
    }
  }
}

function conditionHeaders(condition: PutCondition | undefined): { IfNoneMatch?: string; IfMatch?: string } {
  if (condition === undefined) return {};
  return 'ifAbsent' in condition ? { IfNoneMatch: '*' } : { IfMatch: condition.ifMatch };
}

/** S3's answer to a put carries no time; `head` and `list` give the server's own. */
function infoOf(key: string, bytes: number, etag: string | undefined, modifiedAt = new Date()): ObjectInfo {
  return { key, bytes, etag: etag ?? '', modifiedAt };
}

function missing(key: string, store: string): FailedProblem {
  return new FailedProblem({
    code: 'object-missing',
    happened: `There is no object ${key} in ${store}.`,
    state: 'Nothing was changed.',
    next: 'Check that it is the right bucket; `cardea points ENV` and `cardea runs ENV` show what it holds.',
  });
}
