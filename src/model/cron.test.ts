import { expect, test } from 'vitest';
import { parseCron } from './cron.ts';

const at = (text: string) => new Date(text);

test('a nightly schedule fired last at two in the morning UTC', () => {
  const nightly = parseCron('0 2 * * *');
  expect(nightly.latest(at('2026-02-19T08:30:12Z'))).toEqual(at('2026-02-19T02:00:00Z'));
  expect(nightly.latest(at('2026-02-19T01:59:59Z'))).toEqual(at('2026-02-18T02:00:00Z'));
  expect(nightly.latest(at('2026-02-19T02:00:00Z'))).toEqual(at('2026-02-19T02:00:00Z'));
});

test.each([
  ['*/15 * * * *', '2026-02-19T08:44:00Z', '2026-02-19T08:30:00Z'],
  ['30 1-3,22 * * *', '2026-02-19T00:00:00Z', '2026-02-18T22:30:00Z'],
  ['0 3 * * 0', '2026-02-19T00:00:00Z', '2026-02-15T03:00:00Z'],
  ['0 3 * * 7', '2026-02-19T00:00:00Z', '2026-02-15T03:00:00Z'],
  ['0 0 29 2 *', '2026-02-19T00:00:00Z', '2024-02-29T00:00:00Z'],
  ['5/20 4 * * *', '2026-02-19T04:40:00Z', '2026-02-19T04:25:00Z'],
])('%s fired last before %s at %s', (schedule, now, expected) => {
  expect(parseCron(schedule).latest(at(now))).toEqual(at(expected));
});

test('with a day of the month and a day of the week it fires on either', () => {
  const either = parseCron('0 0 1 * 1');
  expect(either.fires(at('2026-02-01T00:00:00Z'))).toBe(true);
  expect(either.fires(at('2026-02-02T00:00:00Z'))).toBe(true);
  expect(either.fires(at('2026-02-03T00:00:00Z'))).toBe(false);
});

test('a schedule that never comes has no latest time', () => {
  expect(parseCron('0 0 30 2 *').latest(at('2026-02-19T00:00:00Z'))).toBeUndefined();
});

test.each([
  ['0 2 * *', 'has 4 fields'],
  ['60 2 * * *', '"60" is not a valid minute'],
  ['0 24 * * *', '"24" is not a valid hour'],
  ['0 2 * * mon', '"mon" is not a valid day of week'],
  ['0 5-2 * * *', '"5-2" is not a valid hour'],
  ['*/0 2 * * *', '"*/0" is not a valid minute'],
])('%s is refused by name of the field', (schedule, says) => {
  expect(() => parseCron(schedule)).toThrow(says);
});
