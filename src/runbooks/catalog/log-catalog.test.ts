import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { ShippedBucket, hosts, second, secondText } from '../../../test/support/shipped-bucket.ts';
import { micros } from '../../model/instant.ts';
import { RetryableProblem } from '../../model/problem.ts';
import { readLogCatalog } from './log-catalog.ts';

const [a, b] = hosts;

async function shipped(): Promise<ShippedBucket> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const host of [a, b]) {
    await bucket.begin('t0001', host, 0);
    for (let at = 1; at <= 12; at += 1)
      await bucket.ship('t0001', host, { segment: Math.ceil(at / 3), covered: at * 10 });
    await bucket.watermark('t0001', host, 125);
  }
  return bucket;
}

async function streamsOf(bucket: ShippedBucket, since?: number) {
  const catalog = await readLogCatalog(bucket.store, {
    piecesSince: micros(0),
    ...(since === undefined ? {} : { since: second(since) }),
  });
  return catalog.logs.get('t0001')?.streams ?? [];
}

test('a whole stream is one span from its beginning to its watermark', async () => {
  for (const stream of await streamsOf(await shipped())) {
    expect(stream.faults).toEqual([]);
    expect(stream.covered).toEqual([{ from: second(0), to: second(125) }]);
    expect(stream.pieces.map(({ first }) => first)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  }
});

test('parts beside the merged object that holds them are not read twice', async () => {
  const bucket = await shipped();
  await bucket.merge('t0001', a, 2, 4, 6, true);
  await bucket.merge('t0001', a, 1, 1, 3);
  const [stream] = await streamsOf(bucket);
  expect(stream?.faults).toEqual([]);
  expect(stream?.pieces.map(({ first, last }) => [first, last])).toEqual([
    [1, 3],
    [4, 6],
    [7, 7],
    [8, 8],
    [9, 9],
    [10, 10],
    [11, 11],
    [12, 12],
  ]);
});

test('what was merged while the stream was read is found on a second look', async () => {
  const plain = await shipped();
  let merged = false;
  const store = new MemoryStore({
    calls: async (method, key) => {
      // The parts go when the first of them is about to be read.
      if (merged || method !== 'get' || !key.startsWith(`log/t0001/${a}/0000`)) return;
      merged = true;
      await plain.merge('t0001', a, 1, 1, 3);
      for (const each of store.objects.keys()) if (!plain.store.objects.has(each)) store.objects.delete(each);
      for (const [each, body] of plain.store.objects) if (!store.objects.has(each)) store.set(each, body);
    },
  });
  for (const [key, body] of plain.store.objects) store.set(key, body);
  const streams = (await readLogCatalog(store, { piecesSince: micros(0) })).logs.get('t0001')?.streams ?? [];
  expect(merged).toBe(true);
  expect(streams.map(({ faults }) => faults)).toEqual([[], []]);
  expect(streams[0]?.pieces[0]).toMatchObject({ first: 1, last: 3 });
});

test('after a hole nothing counts of what was written in one go with the missing piece', async () => {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.begin('t0001', a, 0);
  await bucket.ship('t0001', a, { segment: 1, covered: 10 });
  // One go of three pieces: the last of them covers all.
  const [gone] = [await bucket.ship('t0001', a, { segment: 1, covered: 10 })];
  await bucket.ship('t0001', a, { segment: 1, covered: 10 });
  await bucket.ship('t0001', a, { segment: 1, covered: 20 });
  await bucket.ship('t0001', a, { segment: 1, covered: 30 });
  await bucket.watermark('t0001', a, 35);
  await bucket.store.delete(gone ?? '');
  const [stream] = await streamsOf(bucket);
  expect(stream?.covered).toEqual([
    { from: second(0), to: second(10), ends: `piece 2 is missing before ${secondText(10)}` },
    { from: second(20), to: second(35) },
  ]);
});

test('who asks about the newest instants alone reads from the segment on in which they begin', async () => {
  const bucket = await shipped();
  // Of segments 1 (to 30), 2 (to 60), 3 (to 90) and 4 (to 120).
  for (const [since, first] of [
    [5, 1],
    [30, 1],
    [45, 4],
    [75, 7],
    [119, 10],
    [500, 10],
  ] as const) {
    const [stream] = await streamsOf(bucket, since);
    expect(stream?.faults).toEqual([]);
    expect(stream?.pieces[0]?.first, `since ${since}`).toBe(first);
    expect(stream?.covered.at(-1)?.to).toBe(second(125));
  }
});

test('an object that is no part of a log is named', async () => {
  const bucket = await shipped();
  bucket.store.set(`log/t0001/${a}/0000000000000000001/notes.txt`, 'hello');
  bucket.store.set('log/t0001/somebody/else', 'hello');
  const catalog = await readLogCatalog(bucket.store);
  const log = catalog.logs.get('t0001');
  expect(log?.faults.map(({ key }) => key)).toEqual(['log/t0001/somebody/']);
  expect(log?.streams[0]?.faults).toMatchObject([{ reason: 'it does not belong to a shipped log' }]);
  expect(log?.streams[0]?.covered).toEqual([{ from: second(0), to: second(125) }]);
});

test('a mark that cannot be read counts from the instant of its name on', async () => {
  const bucket = await shipped();
  await bucket.mark('t0001', a, 'truncate', 50, 60);
  const key = [...bucket.store.objects.keys()].find((each) => each.includes('/marks/')) ?? '';
  bucket.store.set(key, bucket.store.text(key).replace('"until"', '"unti1"'));
  const [stream] = await streamsOf(bucket);
  expect(stream?.marks).toMatchObject([{ what: 'truncate', at: secondText(50) }]);
  expect(stream?.faults.map(({ reason }) => reason).join()).toContain('cannot be read');
});

test('a store that cannot be asked says nothing about the log', async () => {
  const bucket = await shipped();
  bucket.store.unreachable = true;
  await expect(readLogCatalog(bucket.store)).rejects.toThrow(RetryableProblem);
});

test('a store that goes away while streams and schemas are read is one failure, and leaves none that nobody waits for', async () => {
  const bucket = await shipped();
  await bucket.schema('t0001', 0, ['edgestore']);
  const left: unknown[] = [];
  const note = (reason: unknown) => void left.push(reason);
  process.on('unhandledRejection', note);
  try {
    const away = new MemoryStore({
      calls: async (_method, key) => {
        if (key.startsWith('log/t0001/') && key !== 'log/t0001/') away.unreachable = true;
      },
    });
    bucket.store.copyTo(away);
    await expect(readLogCatalog(away)).rejects.toBeInstanceOf(RetryableProblem);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(left).toEqual([]);
});
