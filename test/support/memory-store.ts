import { checkKey } from '../../src/model/object-key.ts';
import { FailedProblem, RetryableProblem } from '../../src/model/problem.ts';
import {
  ConflictProblem,
  type ObjectInfo,
  type ObjectStore,
  type PutCondition,
  type StoredObject,
} from '../../src/ports/object-store.ts';

/** A bucket in memory, and the ways a real one misbehaves. */
export class MemoryStore implements ObjectStore {
  readonly description = 'memory';
  readonly objects = new Map<string, Uint8Array>();
  /** While true, every call fails as if the store could not be reached. */
  unreachable = false;
  /** The answer of the next put of this key is lost: it is stored, and the caller is told that it could not be reached. */
  loseAnswerOf: RegExp | undefined;
  #changes = 0;
  readonly #etags = new Map<string, string>();
  /** Every key in order; made when it is first asked for after a key came or went. */
  #sorted: readonly string[] | undefined;

  /** `calls` is told of every call before it is carried out. */
  constructor(options: { readonly calls?: (method: string, key: string) => Promise<void> } = {}) {
    this.#calls = options.calls;
  }
  readonly #calls: ((method: string, key: string) => Promise<void>) | undefined;

  async put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo> {
    await this.#enter('put', key);
    const current = this.#etags.get(key);
    if (condition !== undefined) {
      const holds = 'ifAbsent' in condition ? current === undefined : current === condition.ifMatch;
      if (!holds) throw new ConflictProblem(key);
    }
    this.set(key, body);
    if (this.loseAnswerOf?.test(key) === true) {
      this.loseAnswerOf = undefined;
      throw outOfReach();
    }
    return this.#info(key);
  }

  /** Changes an object behind everybody's back. */
  set(key: string, body: Uint8Array | string): void {
    this.#changes += 1;
    if (!this.objects.has(key)) this.#sorted = undefined;
    this.objects.set(key, typeof body === 'string' ? Buffer.from(body) : body);
    this.#etags.set(key, `etag-${this.#changes}`);
  }

  /** Another bucket that holds the same. */
  copyTo(other: MemoryStore): void {
    for (const [key, body] of this.objects) other.set(key, body);
  }

  text(key: string): string {
    return new TextDecoder().decode(this.objects.get(key));
  }

  async putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<ObjectInfo> {
    return this.put(key, Buffer.concat(await Array.fromAsync(body)));
  }

  async get(key: string): Promise<StoredObject | undefined> {
    await this.#enter('get', key);
    const body = this.objects.get(key);
    return body === undefined ? undefined : { ...this.#info(key), body };
  }

  async getStream(key: string): Promise<AsyncIterable<Uint8Array>> {
    const object = await this.get(key);
    if (object === undefined) {
      throw new FailedProblem({ code: 'object-missing', happened: `There is no ${key}.`, state: '', next: '' });
    }
    return (async function* () {
      yield object.body;
    })();
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    await this.#enter('head', key);
    return this.objects.has(key) ? this.#info(key) : undefined;
  }

  async *list(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<ObjectInfo> {
    await this.#enter('list', prefix);
    for (const key of this.#keys(prefix, options.after)) yield this.#info(key);
  }

  async *children(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<string> {
    await this.#enter('children', prefix);
    const parts = this.#keys(prefix, undefined).map((key) => {
      const slash = key.indexOf('/', prefix.length);
      return slash < 0 ? key : key.slice(0, slash + 1);
    });
    for (const part of new Set(parts)) if (options.after === undefined || part > options.after) yield part;
  }

  async delete(key: string): Promise<void> {
    await this.#enter('delete', key);
    this.remove(key);
  }

  remove(key: string): void {
    if (this.objects.delete(key)) this.#sorted = undefined;
    this.#etags.delete(key);
  }

  async close(): Promise<void> {
    // nothing is open
  }

  #keys(prefix: string, after: string | undefined): readonly string[] {
    const sorted = (this.#sorted ??= [...this.objects.keys()].sort());
    const found: string[] = [];
    for (
      let at = firstFrom(sorted, after !== undefined && after > prefix ? after : prefix);
      at < sorted.length;
      at += 1
    ) {
      const key = sorted[at] ?? '';
      if (!key.startsWith(prefix)) break;
      if (key !== after) found.push(key);
    }
    return found;
  }

  #info(key: string): ObjectInfo {
    const bytes = this.objects.get(key)?.length ?? 0;
    return { key, bytes, etag: this.#etags.get(key) ?? '', modifiedAt: new Date(0) };
  }

  async #enter(method: string, key: string): Promise<void> {
    // What is there was checked when it came.
    if ((method === 'put' || method === 'get') && !this.objects.has(key)) checkKey(key);
    await this.#calls?.(method, key);
    if (this.unreachable) throw outOfReach();
  }
}

/** Where the first key stands that is not before this one. */
function firstFrom(sorted: readonly string[], wanted: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function outOfReach(): RetryableProblem {
  return new RetryableProblem({ code: 'store-unreachable', happened: 'The store is gone.', state: '', next: '' });
}
