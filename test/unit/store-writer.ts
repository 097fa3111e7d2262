import { createHash, randomBytes, randomInt } from 'node:crypto';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { storeLocation } from '../../src/model/agent-config.ts';
import { openStore } from '../../src/platforms/open-store.ts';
import { ConflictProblem, type ObjectStore } from '../../src/ports/object-store.ts';

/** The other process of the contract suite: `node store-writer.ts LOCATION`, one JSON command a line, one JSON answer a line. */
const command = z.discriminatedUnion('do', [
  z.object({ do: z.literal('create'), key: z.string(), body: z.string() }),
  z.object({ do: z.literal('replace'), key: z.string(), body: z.string(), etag: z.string() }),
  /** Adds one to a number `times` times by compare-and-swap. */
  z.object({ do: z.literal('count'), key: z.string(), times: z.number() }),
  /** Writes sealed objects under a prefix until it is killed. */
  z.object({ do: z.literal('churn'), prefix: z.string() }),
  /** Streams an object in and out again. Answers how far the resident memory rose, in bytes. */
  z.object({ do: z.literal('stream'), key: z.string(), bytes: z.number() }),
]);
export type WriterCommand = z.infer<typeof command>;

if (import.meta.main) {
  const store = openStore(storeLocation.parse(JSON.parse(process.argv[2] ?? '')));
  answer('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    answer(await obey(store, command.parse(JSON.parse(line))));
  }
  await store.close();
}

async function obey(store: ObjectStore, wanted: WriterCommand): Promise<unknown> {
  switch (wanted.do) {
    case 'create':
      return won(store.put(wanted.key, wanted.body, { ifAbsent: true }));
    case 'replace':
      return won(store.put(wanted.key, wanted.body, { ifMatch: wanted.etag }));
    case 'count':
      for (let done = 0; done < wanted.times; ) if (await addOne(store, wanted.key)) done += 1;
      return 'counted';
    case 'churn':
      return churn(store, wanted.prefix);
    case 'stream':
      return streamThrough(store, wanted.key, wanted.bytes);
  }
}

async function won(put: Promise<unknown>): Promise<boolean> {
  try {
    await put;
    return true;
  } catch (thrown) {
    if (thrown instanceof ConflictProblem) return false;
    throw thrown;
  }
}

async function addOne(store: ObjectStore, key: string): Promise<boolean> {
  const found = await store.get(key);
  if (found === undefined) return won(store.put(key, '1', { ifAbsent: true }));
  const next = Number(new TextDecoder().decode(found.body)) + 1;
  return won(store.put(key, String(next), { ifMatch: found.etag }));
}

/** Creates, replaces, streams and replaces under a condition, so that a kill can strike any kind of write. */
async function churn(store: ObjectStore, prefix: string): Promise<never> {
  for (let number = 0; ; number += 1) {
    answer(number);
    const key = `${prefix}${number % 7}/object`;
    const body = seal(randomBytes(randomInt(400_000)));
    if (number % 3 === 0) await store.putStream(key, chunksOf(body));
    else if (number % 3 === 1) await store.put(key, body);
    else {
      const etag = (await store.head(key))?.etag;
      await won(store.put(key, body, etag === undefined ? { ifAbsent: true } : { ifMatch: etag }));
    }
  }
}

/** A body that proves itself whole: its hash in front. */
function seal(body: Uint8Array): Uint8Array {
  return Buffer.concat([createHash('sha256').update(body).digest(), body]);
}

export function isSealed(sealed: Uint8Array): boolean {
  return createHash('sha256').update(sealed.subarray(32)).digest().equals(sealed.subarray(0, 32));
}

async function* chunksOf(body: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < body.byteLength; at += 65_536) yield body.subarray(at, at + 65_536);
}

async function streamThrough(
  store: ObjectStore,
  key: string,
  bytes: number,
): Promise<{ same: boolean; grown: number }> {
  const before = process.resourceUsage().maxRSS;
  const written = createHash('sha256');
  const source = async function* (): AsyncIterable<Uint8Array> {
    for (let at = 0; at < bytes; at += 1_048_576) {
      const part = Buffer.alloc(Math.min(1_048_576, bytes - at), `${at} `);
      written.update(part);
      yield part;
    }
  };
  await store.putStream(key, source());
  const read = createHash('sha256');
  for await (const part of await store.getStream(key)) read.update(part);
  return {
    same: read.digest('hex') === written.digest('hex'),
    grown: (process.resourceUsage().maxRSS - before) * 1024,
  };
}

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
