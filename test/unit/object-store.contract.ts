import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { array, assert, asyncProperty, constantFrom, nat, option, tuple } from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoreLocation } from '../../src/model/agent-config.ts';
import { openStore } from '../../src/platforms/open-store.ts';
import { ConflictProblem, createObject, type ObjectStore, type PutCondition } from '../../src/ports/object-store.ts';
import { isSealed } from './store-writer.ts';
import { WriterProcess } from './writer-process.ts';

export interface ContractSettings {
  /** An empty store; asked once. */
  readonly locate: () => Promise<StoreLocation>;
  /** How many random buckets the listing is compared on. */
  readonly buckets: number;
  readonly races: number;
  readonly kills: number;
  readonly stream: { readonly bytes: number; readonly memory: number };
}

/** Seconds on an idle machine; a machine that also starts databases may take many times that. */
const onBusyMachines = { timeout: 120_000 };

/** What every object store must do. Each test works under a prefix of its own. */
export function objectStoreContract(name: string, settings: ContractSettings): void {
  describe(name, () => {
    let location: StoreLocation;
    let store: ObjectStore;
    beforeAll(async () => {
      location = await settings.locate();
      store = openStore(location);
    });
    afterAll(() => store.close());

    test('an object is read back as it was written, as bytes, text or nothing', async () => {
      const bytes = Uint8Array.from([0, 255, 10, 13, 128]);
      for (const [key, body] of Object.entries({ bytes, text: 'grüße 🦊', empty: '' })) {
        const put = await store.put(`read/${key}`, body);
        const expected = typeof body === 'string' ? new TextEncoder().encode(body) : body;
        const got = await store.get(`read/${key}`);
        expect(Buffer.from(got?.body ?? []).equals(expected)).toBe(true);
        expect(got).toMatchObject({ key: `read/${key}`, bytes: expected.byteLength, etag: put.etag });
      }
    });

    test('put, get, head and list agree on size and etag, and the etag changes with the content', async () => {
      for (const size of [0, 10, 65_536, 65_537, 300_000]) {
        const key = `etag/${size}`;
        const before = await store.put(key, Buffer.alloc(size, 'x'));
        const put = await store.put(key, Buffer.alloc(size + 1, 'y'));
        expect(put.etag).not.toBe(before.etag);
        const expected = { key, bytes: size + 1, etag: put.etag };
        expect(await store.get(key)).toMatchObject(expected);
        expect(await store.head(key)).toMatchObject(expected);
        expect(await Array.fromAsync(store.list(key))).toMatchObject([expected]);
      }
    });

    test('what is not there is undefined, has no stream, and is deleted without an error', async () => {
      expect(await store.get('missing/object')).toBeUndefined();
      expect(await store.head('missing/object')).toBeUndefined();
      await expect(store.getStream('missing/object')).rejects.toMatchObject({ code: 'object-missing', kind: 'failed' });
      await store.delete('missing/object');
      expect(await Array.fromAsync(store.list('missing/'))).toEqual([]);
      expect(await Array.fromAsync(store.children('missing/'))).toEqual([]);
    });

    test('a deleted object is gone, and its folder with it', async () => {
      await store.put('gone/a/b', 'x');
      await store.put('gone/c', 'x');
      await store.delete('gone/a/b');
      expect(await store.get('gone/a/b')).toBeUndefined();
      expect(await Array.fromAsync(store.children('gone/'))).toEqual(['gone/c']);
    });

    test('a folder is not an object', async () => {
      await store.put('folder/a/b', 'x');
      expect(await store.get('folder/a')).toBeUndefined();
      expect(await store.head('folder/a')).toBeUndefined();
      expect(await store.get('folder/a/b/c')).toBeUndefined();
      await store.delete('folder/a/b/c');
      expect((await store.get('folder/a/b'))?.bytes).toBe(1);
    });

    test('a create-only put loses against an object and changes nothing', async () => {
      await store.put('create/a', 'first', { ifAbsent: true });
      await expect(store.put('create/a', 'second', { ifAbsent: true })).rejects.toBeInstanceOf(ConflictProblem);
      expect(await textOf(store, 'create/a')).toBe('first');
    });

    test('an object is created once, and whoever comes later is told so', async () => {
      expect(await createObject(store, 'create/once', 'first')).toBe(true);
      expect(await createObject(store, 'create/once', 'second')).toBe(false);
      expect(await textOf(store, 'create/once')).toBe('first');
    });

    test('a match-etag put replaces only the content of that etag', async () => {
      const first = await store.put('match/a', 'first');
      const second = await store.put('match/a', 'second', { ifMatch: first.etag });
      for (const condition of [{ ifMatch: first.etag }, { ifMatch: '"none"' }]) {
        await expect(store.put('match/a', 'third', condition)).rejects.toBeInstanceOf(ConflictProblem);
      }
      expect(await store.get('match/a')).toMatchObject({ etag: second.etag, bytes: 6 });
      await expect(store.put('match/none', 'x', { ifMatch: first.etag })).rejects.toBeInstanceOf(ConflictProblem);
      expect(await store.head('match/none')).toBeUndefined();
    });

    test('of many puts under one condition at once exactly one wins', async () => {
      expect(await winners(store, 'many/a', { ifAbsent: true })).toBe(1);
      const { etag } = await store.put('many/a', 'x');
      expect(await winners(store, 'many/a', { ifMatch: etag })).toBe(1);
    });

    test.each([
      '',
      '/a',
      'a/',
      'a//b',
      '.',
      '../a',
      'a/../b',
      'a/./b',
      'a\\b',
      'a\0b',
      'a\nb',
      '\ud800',
      '.cardea/tmp/x',
      'x'.repeat(256),
    ])('the key %j is refused by every method', async (key) => {
      const refused = { kind: 'usage', code: 'bad-key' };
      await expect(store.put(key, 'x')).rejects.toMatchObject(refused);
      await expect(store.putStream(key, oneChunk())).rejects.toMatchObject(refused);
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.getStream(key)).rejects.toMatchObject(refused);
      await expect(store.head(key)).rejects.toMatchObject(refused);
      await expect(store.delete(key)).rejects.toMatchObject(refused);
    });

    test(
      'keys are listed as a sorted model lists them, below any prefix and after any key',
      onBusyMachines,
      async () => {
        let bucket = 0;
        await assert(
          asyncProperty(
            array(someKey, { maxLength: 12 }),
            someBeginning,
            option(someBeginning),
            async (keys, prefix, after) => {
              bucket += 1;
              const base = `list/${bucket}/`;
              const stored = withoutFolders(keys).map((key) => base + key);
              await Promise.all(stored.map((key) => store.put(key, 'x')));
              const options = after === null ? {} : { after: base + after };
              const listed = (await Array.fromAsync(store.list(base + prefix, options))).map(({ key }) => key);
              expect(listed).toEqual(modelList(stored, base + prefix, options.after));
              const folder = base + prefix.slice(0, prefix.lastIndexOf('/') + 1);
              const children = await Array.fromAsync(store.children(folder, options));
              expect(children).toEqual(modelChildren(stored, folder, options.after));
            },
          ),
          { numRuns: settings.buckets },
        );
      },
    );

    test('a large object streams in and out whole, in constant memory', onBusyMachines, async () => {
      const writer = await WriterProcess.start(location);
      const streamed = await writer.ask({ do: 'stream', key: 'large/object', bytes: settings.stream.bytes });
      await writer.end();
      expect(streamed).toMatchObject({ same: true });
      expect((streamed as { grown: number }).grown).toBeLessThan(settings.stream.memory);
      expect((await store.head('large/object'))?.bytes).toBe(settings.stream.bytes);
    });

    test('a stream that breaks off leaves nothing, and its own problem comes through', async () => {
      const broken = async function* (): AsyncIterable<Uint8Array> {
        yield Buffer.from('the beginning');
        await nextTurn();
        throw new ConflictProblem('source');
      };
      await expect(store.putStream('broken/object', broken())).rejects.toMatchObject({ key: 'source' });
      expect(await Array.fromAsync(store.list('broken/'))).toEqual([]);
    });

    test(
      'of two processes exactly one wins every round, and what is stored is the winner’s',
      onBusyMachines,
      async () => {
        const [left, right] = await Promise.all([WriterProcess.start(location), WriterProcess.start(location)]);
        for (let round = 0; round < settings.races; round += 1) {
          const key = `race/${round}`;
          const created = await Promise.all(
            [left, right].map((writer, at) => writer.ask({ do: 'create', key, body: String(at) })),
          );
          expect(created.filter((won) => won === true)).toHaveLength(1);
          expect(await textOf(store, key)).toBe(String(created.indexOf(true)));
          const etag = (await store.head(key))?.etag ?? '';
          const replaced = await Promise.all(
            [left, right].map((writer, at) => writer.ask({ do: 'replace', key, etag, body: `again ${at}` })),
          );
          expect(replaced.filter((won) => won === true)).toHaveLength(1);
          expect(await textOf(store, key)).toBe(`again ${replaced.indexOf(true)}`);
        }
        await Promise.all(
          [left, right].map((writer) => writer.ask({ do: 'count', key: 'race/counter', times: settings.races })),
        );
        expect(await textOf(store, 'race/counter')).toBe(String(2 * settings.races));
        await Promise.all([left.end(), right.end()]);
      },
    );

    test(
      'a writer killed at any moment leaves every object whole, and the next writer is not held up',
      onBusyMachines,
      async () => {
        for (let kill = 0; kill < settings.kills; kill += 1) {
          const writer = await WriterProcess.start(location);
          writer.send({ do: 'churn', prefix: 'torn/' });
          for (let answers = randomInt(2, 30); answers > 0; answers -= 1) await writer.answer();
          for (let turns = randomInt(60); turns > 0; turns -= 1) await nextTurn();
          await writer.kill();
          for await (const { key } of store.list('torn/')) {
            const found = await store.get(key);
            expect(found !== undefined && isSealed(found.body), `${key} after kill ${kill}`).toBe(true);
          }
        }
        for (let number = 0; number < 7; number += 1) await store.put(`torn/${number}/object`, 'x');
      },
    );
  });
}

/** Characters around `/` in byte order, and two whose order in UTF-8 is not that of UTF-16. */
const somePart = array(constantFrom('a', 'b', '-', '.', '0', ' ', '~', '%', '+', 'é', '\ufb01', '🦊'), {
  minLength: 1,
  maxLength: 3,
})
  .map((characters) => characters.join(''))
  .filter((part) => part !== '.' && part !== '..');
const someKey = array(somePart, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const someBeginning = tuple(someKey, nat(9))
  .map(([key, length]) => Array.from(key).slice(0, length).join(''))
  .filter(isPrefix);

function isPrefix(text: string): boolean {
  return !text
    .split('/')
    .slice(0, -1)
    .some((part) => part === '' || part === '.' || part === '..');
}

/** A directory cannot hold an object and a folder of one name. */
function withoutFolders(keys: readonly string[]): string[] {
  return [...new Set(keys)].filter((key) => !keys.some((other) => other.startsWith(`${key}/`)));
}

function modelList(keys: readonly string[], prefix: string, after: string | undefined): string[] {
  return keys.filter((key) => key.startsWith(prefix) && (after === undefined || byBytes(key, after) > 0)).sort(byBytes);
}

function modelChildren(keys: readonly string[], folder: string, after: string | undefined): string[] {
  const children = keys
    .filter((key) => key.startsWith(folder))
    .map((key) => key.slice(0, key.indexOf('/', folder.length) + 1 || key.length + 1).slice(0, key.length));
  return modelList([...new Set(children)], folder, after);
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

async function winners(store: ObjectStore, key: string, condition: PutCondition): Promise<number> {
  const puts = await Promise.allSettled(
    Array.from({ length: 20 }, (_, at) => store.put(key, `writer ${at}`, condition)),
  );
  const lost = puts.filter((put) => put.status === 'rejected');
  for (const put of lost) expect(put.reason).toBeInstanceOf(ConflictProblem);
  return puts.length - lost.length;
}

async function textOf(store: ObjectStore, key: string): Promise<string | undefined> {
  const found = await store.get(key);
  return found === undefined ? undefined : new TextDecoder().decode(found.body);
}

async function* oneChunk(): AsyncIterable<Uint8Array> {
  yield Buffer.from('x');
}
