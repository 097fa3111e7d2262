import type { ObjectInfo, ObjectStore, PutCondition, StoredObject } from '../../src/ports/object-store.ts';
import { type MemoryStore, outOfReach } from './memory-store.ts';

/** How a store fails, counted in its calls. */
export interface StoreFaults {
  /** Not to be reached from this call on, for so many calls. */
  readonly away?: { readonly from: number; readonly calls: number } | undefined;
  /** The answer of this put is lost, counted in puts: it is stored, and the caller hears that the store was away. */
  readonly lost?: number | undefined;
  /** The object that this call asks for answers 503 for so many requests. */
  readonly sick?: { readonly at: number; readonly calls: number } | undefined;
  /** From this call on, for so many calls, a listing lacks the newest so many objects. */
  readonly lag?: { readonly from: number; readonly calls: number; readonly objects: number } | undefined;
}

/** A bucket whose calls fail as they were drawn, while it is told to. `stored` hears of each put that was carried out. */
export class FaultyStore implements ObjectStore {
  readonly description = 'bucket';
  failing = false;
  readonly #store: MemoryStore;
  readonly #faults: StoreFaults;
  readonly #stored: (key: string, before: Uint8Array | undefined) => void;
  #calls = 0;
  #puts = 0;
  #sick: { readonly key: string; left: number } | undefined;
  #newest: string[] = [];

  constructor(store: MemoryStore, faults: StoreFaults, stored: (key: string, before: Uint8Array | undefined) => void) {
    this.#store = store;
    this.#faults = faults;
    this.#stored = stored;
  }

  async put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo> {
    this.#enter(key);
    const before = this.#store.objects.get(key);
    const info = await this.#store.put(key, body, condition);
    this.#stored(key, before);
    if (before === undefined && this.#faults.lag !== undefined) {
      this.#newest = [...this.#newest.slice(1 - this.#faults.lag.objects), key];
    }
    if (this.failing) {
      this.#puts += 1;
      if (this.#puts === this.#faults.lost) throw outOfReach();
    }
    return info;
  }

  async putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<ObjectInfo> {
    return this.put(key, Buffer.concat(await Array.fromAsync(body)));
  }

  async get(key: string): Promise<StoredObject | undefined> {
    this.#enter(key);
    return this.#store.get(key);
  }

  async getStream(key: string): Promise<AsyncIterable<Uint8Array>> {
    this.#enter(key);
    return this.#store.getStream(key);
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    this.#enter(key);
    return this.#store.head(key);
  }

  async *list(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<ObjectInfo> {
    this.#enter(prefix);
    const hidden = this.#hidden();
    for await (const info of this.#store.list(prefix, options)) if (!hidden.includes(info.key)) yield info;
  }

  async *children(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<string> {
    this.#enter(prefix);
    const hidden = this.#hidden();
    for await (const child of this.#store.children(prefix, options)) {
      if (hidden.includes(child)) continue;
      // A folder shows as soon as one object of it does.
      if (child.endsWith('/') && hidden.some((key) => key.startsWith(child))) {
        const all = await Array.fromAsync(this.#store.list(child));
        if (all.every(({ key }) => hidden.includes(key))) continue;
      }
      yield child;
    }
  }

  async delete(key: string): Promise<void> {
    this.#enter(key);
    await this.#store.delete(key);
  }

  async close(): Promise<void> {
    // nothing is open
  }

  #enter(key: string): void {
    if (!this.failing) return;
    this.#calls += 1;
    const { away, sick } = this.#faults;
    if (away !== undefined && this.#calls >= away.from && this.#calls < away.from + away.calls) throw outOfReach();
    if (sick !== undefined && this.#calls === sick.at) this.#sick = { key, left: sick.calls };
    if (this.#sick?.key === key && this.#sick.left > 0) {
      this.#sick.left -= 1;
      throw outOfReach();
    }
  }

  #hidden(): readonly string[] {
    const { lag } = this.#faults;
    const lags = this.failing && lag !== undefined && this.#calls >= lag.from && this.#calls < lag.from + lag.calls;
    return lags ? this.#newest : [];
  }
}
