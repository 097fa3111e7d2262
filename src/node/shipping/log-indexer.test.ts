import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { indexLog } from '../../../test/support/indexed-log.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { hosts, second, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { readLogIndex } from '../../commitlog/log-index.ts';
import { timelineId } from '../../model/identifiers.ts';
import { micros } from '../../model/instant.ts';
import { logIndexPrefix } from '../../model/log-index.ts';
import { readLogCatalog } from '../../runbooks/catalog/log-catalog.ts';

const [host] = hosts;
const timeline = timelineId.parse('t0001');
const hour = 3600;

async function indexAll(bucket: ShippedBucket, open: number, now: number): Promise<void> {
  await indexLog(bucket, host, { open, now });
}

/** Two pieces in each segment, one segment in each half hour. */
async function shipped(segments: number): Promise<ShippedBucket> {
  const bucket = new ShippedBucket();
  await bucket.timeline(timeline);
  await bucket.begin(timeline, host, 0);
  for (let segment = 1; segment <= segments; segment += 1) {
    const covered = segment * 1800 - 900;
    await bucket.ship(timeline, host, { segment, covered: covered - 1 });
    await bucket.ship(timeline, host, { segment, covered });
    await bucket.merge(timeline, host, segment, 2 * segment - 1, 2 * segment);
  }
  await bucket.watermark(timeline, host, segments * 1800);
  return bucket;
}

function indexesIn({ store }: ShippedBucket): readonly string[] {
  return [...store.objects.keys()].filter((key) => key.startsWith(logIndexPrefix(timeline, host))).sort();
}

async function streamIn({ store }: ShippedBucket, since?: number) {
  const reading =
    since === undefined ? { piecesSince: micros(0) } : { since: second(since), piecesSince: second(since) };
  const [stream] = (await readLogCatalog(store, reading)).logs.get(timeline)?.streams ?? [];
  if (stream === undefined) throw new TypeError('no stream');
  return stream;
}

test('each hour that is over gets an index, and the hours of a day that is over become one', async () => {
  const bucket = await shipped(12);
  // Segments 1 to 11 are finished, and of the hour of the last of them some minutes are left.
  await indexAll(bucket, 12, 5.8 * hour);
  expect(indexesIn(bucket).map((key) => key.slice(-33))).toEqual([
    '0000000000000001-0000000000000004',
    '0000000000000005-0000000000000008',
    '0000000000000009-0000000000000012',
    '0000000000000013-0000000000000016',
    '0000000000000017-0000000000000020',
  ]);
  await indexAll(bucket, 13, 30 * hour);
  const [only, ...more] = indexesIn(bucket);
  expect(more).toEqual([]);
  const { header, pieces } = readLogIndex(bucket.store.objects.get(only ?? '') ?? new Uint8Array());
  expect(header).toMatchObject({ firstSegment: '1', lastSegment: '12', first: 1, last: 24, objects: 12 });
  expect(pieces.map(({ first, last }) => [first, last])).toEqual(
    Array.from({ length: 12 }, (_, at) => [2 * at + 1, 2 * at + 2]),
  );
});

test('an agent that starts anew goes on behind the last index, and one that is damaged is no obstacle', async () => {
  const bucket = await shipped(8);
  await indexAll(bucket, 5, 2.2 * hour);
  expect(indexesIn(bucket)).toHaveLength(2);
  await indexAll(bucket, 9, 10 * hour);
  expect(indexesIn(bucket)).toHaveLength(4);
  const [first = ''] = indexesIn(bucket);
  bucket.store.set(first, 'no index');
  await indexAll(bucket, 9, 40 * hour);
  const stream = await streamIn(bucket);
  expect(stream.faults).toEqual([]);
  expect(stream.covered).toEqual([{ from: second(0), to: second(8 * 1800) }]);
});

test('a window of an indexed log reads no header of an object, and a plan those of its own time alone', async () => {
  const bucket = await shipped(60);
  await indexAll(bucket, 60, 30.5 * hour);
  const asked: string[] = [];
  const store = new MemoryStore({ calls: async (method, key) => void asked.push(`${method} ${key}`) });
  for (const [key, body] of bucket.store.objects) store.set(key, body);
  const [stream] = (await readLogCatalog(store)).logs.get(timeline)?.streams ?? [];
  expect(stream).toMatchObject({ covered: [{ from: second(0), to: second(60 * 1800) }], pieces: [], faults: [] });
  expect(asked.filter((call) => /^get.*\/\d{19}\//.test(call)).length).toBeLessThan(3);
  const late = await streamIn(bucket, 29 * hour);
  expect(late.pieces.length).toBeLessThan(10);
  expect(late.pieces.at(-1)?.last).toBe(120);
  expect(late.covered.at(-1)?.to).toBe(second(60 * 1800));
});

test('a window lists a stream once, and once more only the part that is not what its index tells', async () => {
  const bucket = await shipped(60);
  await indexAll(bucket, 60, 30.5 * hour);
  const prefix = `log/${timeline}/${host}/`;
  const listings = async () => {
    let count = 0;
    const store = new MemoryStore({
      calls: async (method, key) => {
        if (method === 'list' && key === prefix) count += 1;
      },
    });
    bucket.store.copyTo(store);
    const [stream] = (await readLogCatalog(store)).logs.get(timeline)?.streams ?? [];
    expect(stream).toMatchObject({ covered: [{ from: second(0), to: second(60 * 1800) }], pieces: [], faults: [] });
    return count;
  };
  expect(await listings()).toBe(1);
  // A part that its agent had not removed beside the merged object, or came back with a copy of the bucket.
  const parts = new ShippedBucket();
  await parts.begin(timeline, host, 0);
  const part = await parts.ship(timeline, host, { segment: 1, covered: 899 });
  bucket.store.set(part, parts.store.objects.get(part) ?? '');
  expect(await listings()).toBe(2);
});

/** What can have happened to a bucket since its indexes were written. */
const harm = fc.record({
  kind: fc.constantFrom('nothing', 'removed', 'flipped', 'cut', 'oldest removed'),
  at: fc.nat(),
  bit: fc.nat(),
});

test('with indexes a log is read as without them, whatever became of its objects', async () => {
  const segment = fc.record({
    pieces: fc.integer({ min: 1, max: 4 }),
    merged: fc.boolean(),
    seconds: fc.integer({ min: 1, max: 3000 }),
  });
  const drawn = fc.record({
    segments: fc.array(segment, { minLength: 1, maxLength: 14 }),
    harms: fc.array(harm, { maxLength: 3 }),
    since: fc.option(fc.integer({ min: 0, max: 40_000 })),
    later: fc.integer({ min: 0, max: 200_000 }),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ segments, harms, since, later }) => {
      const bucket = new ShippedBucket();
      await bucket.timeline(timeline);
      await bucket.begin(timeline, host, 0);
      let covered = 0;
      let sequence = 0;
      for (const [index, { pieces, merged, seconds }] of segments.entries()) {
        const first = sequence + 1;
        for (let piece = 0; piece < pieces; piece += 1) {
          covered += seconds;
          sequence += 1;
          await bucket.ship(timeline, host, { segment: index + 1, covered });
        }
        if (merged && pieces > 1) await bucket.merge(timeline, host, index + 1, first, sequence);
      }
      await bucket.watermark(timeline, host, covered + 10);
      await indexAll(bucket, segments.length, covered + later);
      for (const { kind, at, bit } of harms) {
        const keys = [...bucket.store.objects.keys()].filter((key) => /\/\d{19}\/|\/index\//.test(key)).sort();
        const key = kind === 'oldest removed' ? (keys[0] ?? '') : (keys[at % keys.length] ?? '');
        if (key === '') continue;
        if (kind === 'removed' || kind === 'oldest removed') await bucket.store.delete(key);
        // What an index tells of an object's bytes is compared by whoever reads them.
        if (kind === 'flipped' && key.includes('/index/')) flip(bucket, key, bit);
        if (kind === 'cut') bucket.store.set(key, Uint8Array.from(bucket.store.objects.get(key) ?? []).slice(0, -1));
      }
      const found = await streamIn(bucket, since ?? undefined);
      const reach = await reachIn(bucket);
      for (const key of indexesIn(bucket)) await bucket.store.delete(key);
      const plain = await streamIn(bucket, since ?? undefined);
      expect(reach).toEqual(await reachIn(bucket));
      if (since === null) {
        expect(found.covered).toEqual(plain.covered);
        expect(found.pieces.map(bare)).toEqual(plain.pieces.map(bare));
        expect(found.faults.map(({ key }) => key)).toEqual(plain.faults.map(({ key }) => key));
      } else if ((plain.covered.at(-1)?.to ?? 0) >= second(since)) {
        expect(found.covered.at(-1)?.to).toEqual(plain.covered.at(-1)?.to);
        const reaching = (pieces: typeof found.pieces) =>
          pieces.filter(({ coveredTo }) => coveredTo > second(since)).map(bare);
        expect(reaching(found.pieces)).toEqual(reaching(plain.pieces));
      }
    }),
    { numRuns: 150 },
  );
});

/** What a window reads, which wants no pieces. The words of a fault may name an index instead of its last object. */
async function reachIn({ store }: ShippedBucket) {
  const [stream] = (await readLogCatalog(store)).logs.get(timeline)?.streams ?? [];
  return {
    covered: stream?.covered.map(({ from, to, ends }) => ({ from, to, goesOn: ends === undefined })),
    faults: stream?.faults.length,
    first: stream?.first,
    pieces: stream?.pieces,
  };
}

function bare({
  key,
  segment,
  first,
  last,
  sha256,
  previous,
  chain,
  coveredFrom,
  coveredTo,
}: {
  key: string;
  segment: string;
  first: number;
  last: number;
  sha256: string;
  previous: string;
  chain: string;
  coveredFrom: number;
  coveredTo: number;
}) {
  return { key, segment, first, last, sha256, previous, chain, coveredFrom, coveredTo };
}

function flip(bucket: ShippedBucket, key: string, bit: number): void {
  const body = Uint8Array.from(bucket.store.objects.get(key) ?? []);
  const at = bit % Math.max(1, body.length * 8);
  body[at >> 3] = (body[at >> 3] ?? 0) ^ (1 << (at & 7));
  bucket.store.set(key, body);
}
