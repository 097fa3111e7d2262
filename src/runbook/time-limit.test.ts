import { expect, test } from 'vitest';
import { timeLimitMs, timeLimitText, wrongLimits } from './time-limit.ts';

const limit = { atLeast: '1h', perGiB: '5m', of: ['plan.bytes', 'params.logs.bytes'], rates: ['verify'] } as const;
const gib = 2 ** 30;
const minutes = (results: Record<string, unknown>, params: unknown = {}) =>
  timeLimitMs(limit, { params, results }) / 60_000;

test('a limit follows the bytes, and is never below its floor', () => {
  expect(minutes({})).toBe(60);
  expect(minutes({ plan: { bytes: 6 * gib } })).toBe(60);
  expect(minutes({ plan: { bytes: 100 * gib } })).toBe(500);
  expect(minutes({ plan: { bytes: 100 * gib } }, { logs: { bytes: 20 * gib } })).toBe(600);
  // A step that was left out has no result.
  expect(minutes({ plan: undefined })).toBe(60);
});

test('where bytes like these were slow in this run, the limit allows four times as long', () => {
  const slow = { bytes: 10 * gib, seconds: 6000 };
  expect(minutes({ plan: { bytes: 20 * gib }, verify: slow })).toBe(800);
  expect(minutes({ plan: { bytes: 20 * gib }, verify: { bytes: 0, seconds: 1 } })).toBe(100);
});

test('a plan says how long a step may take, and a limit that reads what the step does not need is a mistake', () => {
  expect(timeLimitText('5m')).toBe('5m');
  expect(timeLimitText(limit)).toBe(
    '1h, or 5m for each GiB of plan.bytes and params.logs.bytes, or 4 times as long as verify took for as much',
  );
  expect(wrongLimits(limit, ['plan', 'verify'])).toEqual([]);
  expect(wrongLimits({ ...limit, atLeast: 'soon' }, ['plan'])).toEqual([
    '"soon" is not a duration; write 90s, 5m, 4h, 30d or 1h30m',
    'it reads the result of "verify", but the step does not need "verify"',
  ]);
});
