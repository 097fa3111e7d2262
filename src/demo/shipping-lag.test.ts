import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { formatInstant, type Micros, micros } from '../model/instant.ts';
import { watermarkDocument, watermarkKey } from '../model/log-piece.ts';
import type { Transaction } from '../sample/transaction.ts';
import { quantile, shippingLag } from './shipping-lag.ts';
import { newestOf, watchWatermarks } from './watermark-watch.ts';

const start = Date.parse('2026-02-19T02:00:00.000Z');
const hosts = ['1', '2', '3'].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);

function acknowledged(...offsets: readonly number[]): Transaction[] {
  return offsets.map((offset, sequence) => ({
    thread: 0,
    sequence,
    block: 'writer-0-0',
    operations: [],
    acknowledgedAt: new Date(start + offset).toISOString(),
    commitTime: undefined,
  }));
}

const look = (at: number, newest: number) => ({ at: start + at, newest: micros((start + newest) * 1000) });

test('the lag of a transaction ends with the first look whose newest had passed its acknowledgement', () => {
  const looks = [look(0, -200), look(100, 20), look(200, 100), look(700, 650)];
  expect(shippingLag(acknowledged(10, 100, 640), looks, start + 1000)).toEqual({
    transactions: 3,
    unshipped: 0,
    // 10 is passed by 20, seen at 100; 100 only by 650, because its whole millisecond counts; 640 by 650, seen at 700.
    p50: 0.09,
    p99: 0.6,
    worst: 0.6,
  });
});

test('what was never seen in the store counts with its age at the end; what was acknowledged unwatched does not count', () => {
  const looks = [look(0, -200), look(100, 20)];
  expect(shippingLag(acknowledged(-50, 10, 500, 5000), looks, start + 1000)).toEqual({
    transactions: 2,
    unshipped: 1,
    p50: 0.09,
    p99: 0.5,
    worst: 0.5,
  });
});

test('nothing seen is nothing measured', () => {
  expect(shippingLag(acknowledged(10), [], start + 1000)).toMatchObject({ transactions: 0, p99: 0 });
});

test('a quantile is one of the values, with at least that share at or below it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer(), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (all, share) => {
        const ascending = all.toSorted((a, b) => a - b);
        const value = quantile(ascending, share);
        expect(all).toContain(value);
        expect(ascending.filter((each) => each <= value).length).toBeGreaterThanOrEqual(share * all.length);
      },
    ),
  );
});

test('the newest instant lets as many streams be behind as a quorum leaves out', () => {
  const marks = [30, 10, 20].map(micros);
  expect(newestOf(marks, 2)).toBe(20);
  expect(newestOf([micros(7)], 1)).toBe(7);
  expect(newestOf([...marks, undefined], 1)).toBeUndefined();
  expect(newestOf([micros(30), undefined, micros(20)], 2)).toBe(20);
  expect(newestOf([micros(30), undefined, undefined], 2)).toBeUndefined();
});

test('the watch sees the second highest of three streams advance, and looks on when a watermark cannot be read', async () => {
  const bucket = new MemoryStore();
  const clock = new FakeClock();
  const ship = (host: number, at: Micros) => {
    const hostId = hosts[host] ?? '';
    const stream = { timeline: 't0001', hostId, node: 'n', sequence: 0, chain: '0'.repeat(64) } as const;
    const instant = formatInstant(at);
    bucket.set(watermarkKey('t0001', hostId), watermarkDocument.write({ ...stream, at: instant, since: instant }));
  };
  const watch = watchWatermarks({ bucket, clock, timeline: 't0001', hostIds: hosts, writeQuorum: 2 });
  await clock.advance(100);
  expect(watch.looks()).toEqual([]);
  ship(0, micros(start * 1000));
  ship(1, micros(start * 1000 + 50_000));
  await clock.advance(100);
  bucket.unreachable = true;
  await clock.advance(200);
  bucket.unreachable = false;
  ship(0, micros(start * 1000 + 300_000));
  await clock.advance(100);
  expect(watch.looks()).toEqual([
    { at: start + 200, newest: start * 1000 },
    { at: start + 500, newest: start * 1000 + 50_000 },
  ]);
  expect(watch.count()).toBeGreaterThan(3);
  await watch.stop();
});
