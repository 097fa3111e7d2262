import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PieceLink } from '../../model/log-piece.ts';
import { nextMerge, type MergeablePiece } from './merge-plan.ts';

function pieceAt(sequence: number): MergeablePiece {
  const link = { sequence } as PieceLink;
  return { key: String(sequence), from: sequence * 10, to: sequence * 10 + 10, pieces: [link] };
}

/** Merges until nothing is left to merge; gives how many bytes were written anew. */
function merged(objects: MergeablePiece[], closed: boolean): number {
  let written = 0;
  for (let run = nextMerge(objects, closed); run !== undefined; run = nextMerge(objects, closed)) {
    const [first, last] = [run[0] as MergeablePiece, run.at(-1) as MergeablePiece];
    written += last.to - first.from;
    const pieces = run.flatMap((each) => each.pieces);
    objects.splice(objects.indexOf(first), run.length, { key: first.key, from: first.from, to: last.to, pieces });
  }
  return written;
}

test('a segment that is open for a day at a piece a second gathers few objects, and each byte is written a few times', () => {
  const objects: MergeablePiece[] = [];
  let written = 0;
  for (let second = 0; second < 86_400; second += 1) {
    objects.push(pieceAt(second));
    written += merged(objects, false);
  }
  expect(objects.length).toBeLessThan(160);
  expect(written).toBeLessThanOrEqual(3 * 864_000);
  merged(objects, true);
  expect(objects.length).toBe(Math.ceil(86_400 / 4096));
});

test('whatever was shipped, merging keeps order and every link, and a closed segment of few pieces is one object', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4000 }), fc.boolean(), (count, closed) => {
      const objects: MergeablePiece[] = [];
      for (let sequence = 0; sequence < count; sequence += 1) {
        objects.push(pieceAt(sequence));
        merged(objects, false);
      }
      merged(objects, closed);
      const links = objects.flatMap(({ pieces }) => pieces.map(({ sequence }) => sequence));
      expect(links).toEqual(Array.from({ length: count }, (_, at) => at));
      if (closed) expect(objects).toHaveLength(1);
    }),
    { numRuns: 30 },
  );
});
