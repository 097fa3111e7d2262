import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ObjectInfo, ObjectStore } from '../../ports/object-store.ts';
import { probeStore } from './store-probe.ts';

let folder: string;
let store: DirectoryStore;
/** A sleep that ends only when it is aborted, unless the test says that time is up. */
let timeUp: () => void;
let clock: Clock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-probe-'));
  store = new DirectoryStore(join(folder, 'bucket'));
  clock = {
    now: () => new Date(0),
    monotonic: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        timeUp = resolve;
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  };
});
afterEach(() => rm(folder, { recursive: true }));

test('B2: a store that keeps its promises passes the probe, which leaves nothing behind', async () => {
  expect(await probeStore(store, clock)).toEqual({ seconds: 0 });
  expect(await Array.fromAsync(store.list(''))).toEqual([]);
});

test('a store that ignores create-only is refused by name', async () => {
  const careless = changed({
    put: (key, body, condition) =>
      store.put(key, body, condition !== undefined && 'ifMatch' in condition ? condition : undefined),
  });
  await expect(probeStore(careless, clock)).rejects.toMatchObject({
    kind: 'refused',
    code: 'store-without-conditions',
    happened: `${store.description} ignores write conditions: it accepted a create-only write over an object.`,
  });
});

test('a store that ignores etags is refused by name', async () => {
  const careless = changed({
    put: (key, body, condition) =>
      store.put(key, body, condition !== undefined && 'ifAbsent' in condition ? condition : undefined),
  });
  await expect(probeStore(careless, clock)).rejects.toMatchObject({
    code: 'store-without-conditions',
    happened: `${store.description} ignores write conditions: it accepted a write with the etag of earlier content.`,
  });
});

test('a store that reads back something else is refused', async () => {
  const stale = changed({ get: async () => undefined });
  await expect(probeStore(stale, clock)).rejects.toMatchObject({ kind: 'refused', code: 'store-inconsistent' });
});

test('a store that still shows what was deleted is refused', async () => {
  const stale = changed({ delete: async () => undefined });
  await expect(probeStore(stale, clock)).rejects.toMatchObject({ kind: 'refused', code: 'store-inconsistent' });
});

test('a store that hangs is unreachable when the time is up', async () => {
  const hanging = changed({ put: () => new Promise<ObjectInfo>(() => undefined) });
  const probing = probeStore(hanging, clock);
  timeUp();
  await expect(probing).rejects.toMatchObject({ kind: 'retryable', code: 'store-unreachable' });
});

test('the problem of the store itself comes through', async () => {
  const gone = new DirectoryStore(join(folder, 'not', 'mounted'));
  await expect(probeStore(gone, clock)).rejects.toMatchObject({ kind: 'retryable', code: 'store-unreachable' });
});

function changed(methods: Partial<ObjectStore>): ObjectStore {
  return new Proxy<ObjectStore>(store, {
    get(target, name) {
      const value: unknown = Reflect.get(name in methods ? methods : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
