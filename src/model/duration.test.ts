import { expect, test } from 'vitest';
import { formatBytes } from './bytes.ts';
import { formatSeconds, milliseconds } from './duration.ts';

test('durations are read as people write them', () => {
  expect(['90s', '5m', '4h', '30d', '1h30m', '250ms', '1.5s'].map(milliseconds)).toEqual([
    90_000, 300_000, 14_400_000, 2_592_000_000, 5_400_000, 250, 1500,
  ]);
});

test.each(['', '5', 'soon', '5 m', '-1s', '1h 30m', '5x'])('"%s" is no duration', (text) => {
  expect(() => milliseconds(text)).toThrow(/is not a duration/);
});

test('seconds and bytes are printed for people', () => {
  expect([0.04, 4.25, 42.4, 200, 7500, 200_000].map(formatSeconds)).toEqual([
    '0.0 s',
    '4.3 s',
    '42 s',
    '3 min 20 s',
    '2 h 5 min',
    '2 d 7 h',
  ]);
  expect([0, 1023, 1024, 14_050_918, 536_870_912_000].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '13.4 MiB',
    '500 GiB',
  ]);
});
