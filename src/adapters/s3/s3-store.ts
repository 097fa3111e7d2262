import { setTimeout as pause } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { checkKey, checkPrefix, compareKeys } from '../../model/object-key.ts';
import { FailedProblem } from '../../model/problem.ts';
import {
  ConflictProblem,
  type ObjectInfo,
  type ObjectStore,
  type PutCondition,
  type StoredObject,
} from '../../ports/object-store.ts';
import { connectS3, type S3Connection, type S3Location } from './s3-client.ts';
import { s3Error, s3Fault, unreachable } from './s3-fault.ts';

/**
 * The whole time of one call, with retry and body, for everything except streams: a bucket that hangs is reported
 * within ten seconds.
 */
const defaultLimits = { callMs: 9000 };
const partBytes = 16 * 1024 * 1024;

/**
 * A bucket of an S3 server. The SDK and the credentials are loaded at first use. An interrupted streamed upload leaves no object; its parts
 * wait for the bucket's lifecycle rule for unfinished uploads.
 */
export class S3Store implements ObjectStore {
  readonly description: string;
  readonly #location: S3Location;
  readonly #callMs: number;
  #connection: Promise<S3Connection> | undefined;

  constructor(location: S3Location, limits: { readonly callMs: number } = defaultLimits) {
    this.#location = location;
    this.#callMs = limits.callMs;
    const host = location.endpoint === undefined ? `AWS ${location.region}` : new URL(location.endpoint).host;
    this.description = `s3://${location.bucket} at ${host}`;
  }

  async put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo> {
    checkKey(key);
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const etag = await this.#call(({ sdk, client }, abortSignal) =>
          client.send(new sdk.PutObjectCommand({ ...this.#target(key), Body: bytes, ...conditionHeaders(condition) }), {
            abortSignal,
          }),
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
    return this.#orMissing(key, async () =>
      this.#call(async ({ sdk, client }, abortSignal) => {
        const found = await client.send(new sdk.GetObjectCommand(this.#object(key)), { abortSignal });
        const body = (await found.Body?.transformToByteArray()) ?? new Uint8Array();
        return { ...infoOf(key, body.byteLength, found.ETag, found.LastModified), body };
      }),
    );
  }

  async getStream(key: string): Promise<AsyncIterable<Uint8Array>> {
    const body = await this.#orMissing(key, () =>
      this.#call(async ({ sdk, client }, abortSignal) => {
        const found = await client.send(new sdk.GetObjectCommand(this.#object(key)), { abortSignal });
        return found.Body;
      }),
    );
    if (!(body instanceof Readable)) throw missing(key, this.description);
    return this.#faultsOf(key, body);
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
    this.#connection ??= connectS3(this.#location).catch((thrown: unknown) => {
      this.#connection = undefined;
      throw thrown;
    });
    return this.#connection;
  }

  /** The deadline ends with the call, so that it never cuts a body that is streamed afterwards. */
  async #call<T>(work: (connection: S3Connection, signal: AbortSignal) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(unreachable(this.description, `no answer in ${this.#callMs / 1000} seconds`)),
      this.#callMs,
    );
    try {
      return await work(connection, deadline.signal);
    } catch (thrown) {
      throw deadline.signal.aborted ? deadline.signal.reason : thrown;
    } finally {
      clearTimeout(timer);
    }
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

  async *#faultsOf(key: string, source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    try {
      yield* source;
    } catch (thrown) {
      throw s3Fault(thrown, this.description, key);
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
