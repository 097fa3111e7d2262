import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { pointTakenAt } from '../../test/support/example-point.ts';
import type { Proof, RestorePoint } from './restore-point.ts';
import { decideRetention } from './retention.ts';

const now = new Date('2026-03-31T02:00:00Z');

function pointAged(days: number, proof: Proof, minute = 0): RestorePoint {
  return pointTakenAt(new Date(now.getTime() - days * 86_400_000 - minute * 60_000), { cut: 'fuzzy', proof });
}

const removed = (
  points: readonly RestorePoint[],
  rule = { keep: '30d', atLeast: 1 },
  needed?: ReadonlyMap<string, string>,
) =>
  decideRetention(points, rule, now, needed)
    .filter((decision) => !decision.keep)
    .map((decision) => decision.point.id);

test('B5: points older than 30 days go, younger ones stay', () => {
  const points = [
    pointAged(1, 'checked'),
    pointAged(29, 'checked'),
    pointAged(31, 'checked'),
    pointAged(60, 'checked'),
  ];
  expect(removed(points)).toEqual([points[2]?.id, points[3]?.id]);
});

test('B5: the newest proven point stays, however old, and an older proven one goes', () => {
  const points = [pointAged(1, 'checked'), pointAged(40, 'proven'), pointAged(50, 'proven')];
  expect(removed(points)).toEqual([points[2]?.id]);
});

test('B5: what a kept point needs stays', () => {
  const old = pointAged(90, 'checked');
  const points = [pointAged(1, 'proven'), old];
  const needed = new Map([[old.id as string, 'needed by a rehearsal']]);
  expect(removed(points, undefined, needed)).toEqual([]);
  expect(decideRetention(points, { keep: '30d', atLeast: 1 }, now, needed).at(-1)).toMatchObject({
    keep: true,
    why: 'needed by a rehearsal',
    spared: 'older than 30d',
  });
});

test('B5: only what is younger than keep, or used, keeps its log, and always the newest good point', () => {
  const rule = { keep: '30d', atLeast: 3 };
  const without = (points: readonly RestorePoint[], needed?: ReadonlyMap<string, string>) =>
    decideRetention(points, rule, now, needed)
      .filter(({ keep, log }) => keep && !log)
      .map(({ point }) => point.id);
  const old = pointAged(180, 'proven');
  const points = [pointAged(1, 'checked'), pointAged(29, 'failed'), old];
  expect(without(points)).toEqual([old.id]);
  expect(without(points, new Map([[old.id as string, 'needed by a rehearsal']]))).toEqual([]);
  const stopped = [pointAged(40, 'checked'), pointAged(41, 'proven'), pointAged(42, 'checked')];
  expect(without(stopped)).toEqual([stopped[1]?.id, stopped[2]?.id]);
});

test('the newest good points stay when backups stopped long ago', () => {
  const points = [
    pointAged(100, 'failed'),
    pointAged(101, 'checked'),
    pointAged(102, 'checked'),
    pointAged(103, 'checked'),
  ];
  expect(removed(points, { keep: '30d', atLeast: 2 })).toEqual([points[0]?.id, points[3]?.id]);
});

test('B5: whatever the history, the newest proven and the newest good point are never removed', () => {
  const proofs = fc.constantFrom<Proof[]>('taken', 'checked', 'proven', 'failed');
  const history = fc.uniqueArray(fc.tuple(fc.nat(400), proofs), { selector: ([days]) => days, maxLength: 40 });
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 5 }), (entries, atLeast) => {
      const points = entries.map(([days, proof]) => pointAged(days, proof));
      const gone = new Set<string>(removed(points, { keep: '30d', atLeast }));
      const sorted = [...points].sort((a, b) => (a.id < b.id ? 1 : -1));
      const proven = sorted.find((point) => point.proof === 'proven');
      const good = sorted.find((point) => point.proof === 'proven' || point.proof === 'checked');
      if (proven !== undefined) expect(gone.has(proven.id)).toBe(false);
      if (good !== undefined) expect(gone.has(good.id)).toBe(false);
    }),
  );
});
