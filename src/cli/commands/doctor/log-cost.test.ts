import { expect, test } from 'vitest';
import { logCost, replacedADay } from './log-cost.ts';

const gib = 1024 ** 3;
const day = { hostId: 'a', seconds: 86_400, pieces: 17_280, plainBytes: 30 * gib, storedBytes: 10 * gib };

test('a month of log is told in requests and bytes, as the nodes wrote', () => {
  expect(logCost([day, { ...day, hostId: 'b', seconds: 43_200 }], '5s')).toEqual({
    level: 'good',
    // 30 days of the first, and of the second twice as much in a day.
    says: 'a month of log takes 3.2 million requests and 900 GiB in the store, as 2 nodes wrote in the last 24 h 0 min',
    details: [
      'It is 2.6 TiB of plain log. A node that is written to all the time makes 1.1 million requests a month at backup.log.interval 5s, at most.',
    ],
  });
});

test('what was not measured is said to be unknown, with the most that it can be', () => {
  const { level, says } = logCost([], '1s');
  expect(level).toBe('good');
  expect(says).toBe(
    'a node that is written to all the time makes 5.3 million requests a month at backup.log.interval 1s; what it costs here is known about an hour after the agents have begun',
  );
});

test('what is replaced in a day follows from the interval', () => {
  expect(replacedADay('250ms')).toBe('690,000');
  expect(replacedADay('5s')).toBe('35,000');
});
