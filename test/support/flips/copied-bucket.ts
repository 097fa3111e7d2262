import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../../src/model/sha256.ts';
import { FailedProblem } from '../../../src/model/problem.ts';
import {
  ConflictProblem,
  type ObjectInfo,
  type ObjectStore,
  type PutCondition,
  type StoredObject,
} from '../../../src/ports/object-store.ts';

/** One bit of one object: bit 0 is the lowest of the first byte. */
export interface Flip {
  readonly key: string;
  readonly bit: number;
}

export type Objects = ReadonlyMap<string, Uint8Array>;

/** Every object of a bucket in a directory; what the store keeps for itself is none. */
export function readObjects(folder: string): Objects {
  const objects = new Map<string, Uint8Array>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const key = path.slice(folder.length + 1);
    if (entry.isFile() && !key.split('/').some((part) => part.startsWith('.cardea')))
      objects.set(key, readFileSync(path));
  }
  return new Map([...objects].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function flipped(body: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(body);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/**
 * A bucket that holds the given objects, less those whose keys begin with a hidden text, one of them with a flipped bit perhaps. What is written stays in this view. It
 * remembers whose content was read.
 */
export class CopiedBucket implements ObjectStore {
  readonly description = 'directory /copy';
  readonly read = new Set<string>();
  readonly #objects: Objects;
  readonly #changed = new Map<string, Uint8Array | undefined>();
  readonly #written = new Set<string>();
  #keys: readonly string[] | undefined;

  constructor(
    objects: Objects,
    { flip, hidden = [] }: { readonly flip?: Flip | undefined; readonly hidden?: readonly string[] } = {},
  ) {
    this.#objects = objects;
    for (const key of objects.keys()) {
      if (hidden.some((each) => key.startsWith(each))) this.#changed.set(key, undefined);
    }
    const body = flip === undefined ? undefined : objects.get(flip.key);
    if (flip !== undefined && body !== undefined && !this.#changed.has(flip.key)) {
      this.#changed.set(flip.key, flipped(body, flip.bit));
    }
  }

  /** Without noting that it was read. */
  peek(key: string): Uint8Array | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#objects.get(key);
  }

  /** Whether it was written in this view. */
  wrote(key: string): boolean {
    return this.#written.has(key);
  }

  async put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo> {
    const found = this.peek(key);
    const holds =
      condition === undefined ||
      ('ifAbsent' in condition ? found === undefined : found !== undefined && etagOf(found) === condition.ifMatch);
    if (!holds) throw new ConflictProblem(key);
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    this.#changed.set(key, bytes);
    this.#written.add(key);
    this.#keys = undefined;
    return infoOf(key, bytes);
  }

  async putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<ObjectInfo> {
    return this.put(key, Buffer.concat(await Array.fromAsync(body)));
  }

  async get(key: string): Promise<StoredObject | undefined> {
    this.read.add(key);
    const body = this.peek(key);
    return body === undefined ? undefined : { ...infoOf(key, body), body };
  }

  async getStream(key: string): Promise<AsyncIterable<Uint8Array>> {
    const found = await this.get(key);
    if (found === undefined) {
      throw new FailedProblem({ code: 'object-missing', happened: `${key} is missing.`, state: '', next: '' });
    }
    return (async function* () {
      yield found.body;
    })();
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const body = this.peek(key);
    return body === undefined ? undefined : infoOf(key, body);
  }

  async *list(prefix: string, { after = '' }: { readonly after?: string } = {}): AsyncIterable<ObjectInfo> {
    for (const key of this.#listed()) {
      const body = key.startsWith(prefix) && key > after ? this.peek(key) : undefined;
      if (body !== undefined) yield infoOf(key, body);
    }
  }

  async *children(prefix: string, { after = '' }: { readonly after?: string } = {}): AsyncIterable<string> {
    let last: string | undefined;
    for (const key of this.#listed()) {
      if (!key.startsWith(prefix) || this.peek(key) === undefined) continue;
      const cut = key.indexOf('/', prefix.length);
      const child = cut === -1 ? key : key.slice(0, cut + 1);
      if (child !== last && child > after) yield child;
      last = child;
    }
  }

  async delete(key: string): Promise<void> {
    this.#changed.set(key, undefined);
    this.#keys = undefined;
  }

  async close(): Promise<void> {}

  #listed(): readonly string[] {
    this.#keys ??= [...new Set([...this.#objects.keys(), ...this.#changed.keys()])].sort();
    return this.#keys;
  }
}

const writtenAt = new Date('2026-02-19T02:00:00Z');

function infoOf(key: string, body: Uint8Array): ObjectInfo {
  // Of large objects nobody asks for the etag; hashing each at every listing would take most of the time.
  return {
    key,
    bytes: body.length,
    etag: body.length > 65_536 ? `${body.length}` : etagOf(body),
    modifiedAt: writtenAt,
  };
}

function etagOf(body: Uint8Array): string {
  return sha256(body);
}
