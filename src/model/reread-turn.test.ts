import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTurnOf, rereadTurn } from './reread-turn.ts';

const day = 86_400_000;
const start = Date.parse('2026-03-01T02:00:00Z');

test('however backups lie in time, every object is read once in each turn of days', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 3 * day }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 30 }), (waits, days) => {
      const keys = Array.from({ length: 50 }, (_each, at) => `medusa/node/data/${at}`);
      const read = new Map(keys.map((key) => [key, [] as number[]]));
      let last = start;
      for (const wait of waits) {
        const now = last + wait;
        const turn = rereadTurn({ last, now, days });
        for (const key of keys) if (isTurnOf(key, turn)) read.get(key)?.push(Math.floor(now / day));
        last = now;
      }
      const passed = Math.floor(last / day) - Math.floor(start / day);
      for (const [key, at] of read) {
        // Once for each whole turn that has passed; a pause of more than a turn makes up for one of them.
        if (waits.every((wait) => wait < days * day))
          expect(at.length, key).toBeGreaterThanOrEqual(Math.floor(passed / days));
        expect(at.length, key).toBeLessThanOrEqual(Math.ceil(passed / days));
      }
    }),
  );
});

test('the first one reads the part of one day, and a second one on the same day nothing', () => {
  const first = rereadTurn({ last: undefined, now: start, days: 30 });
  expect(first.until - first.after).toBe(1);
  const again = rereadTurn({ last: start, now: start + 3_600_000, days: 30 });
  expect(again.until - again.after).toBe(0);
  expect(isTurnOf('any', again)).toBe(false);
});
