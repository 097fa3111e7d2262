import { formatBytes } from '../../../model/bytes.ts';
import { formatSeconds } from '../../../model/duration.ts';
import type { Forecast, LeftBehind } from '../../../runbooks/recovery/restore-forecast.ts';

/** What a restore to an instant will do, for people. */
export function forecastText(forecast: Forecast): string {
  const { base, timeline, instant, cut, shipped, settled, leftSeconds, replay, left } = forecast;
  const rows: ReadonlyArray<readonly [string, string]> = [
    ['instant', `${instant} on ${timeline}; writes up to write time ${cut} µs are restored`],
    ['base', base],
    ['replayed', `${formatBytes(replay.bytes)} of log, from ${replay.objects} objects in ${replay.streams} streams`],
    [
      'left behind',
      shipped === null
        ? 'unknown, because the log has no trustworthy end'
        : `${formatSeconds(leftSeconds ?? 0)}, up to ${shipped}: ${leftText(left)}`,
    ],
    ...(settled !== null && instant > settled
      ? [
          [
            'not settled',
            `parts of transactions after ${settled} may not be in the log yet; incomplete transactions are left out`,
          ] as const,
        ]
      : []),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, says]) => `  ${name.padEnd(width)}  ${says}`).join('\n');
}

function leftText({ transactions, counted, unknown, ...sums }: LeftBehind): string {
  if (unknown !== undefined) return `the transactions cannot be counted: ${unknown}`;
  if (transactions === 0) return counted ? 'no transaction' : 'there was not enough time to count the transactions';
  const parts = [
    ...signed('+', sums.verticesAdded),
    ...signed('-', sums.verticesRemoved),
    ...signed('+', sums.edgesAdded),
    ...signed('-', sums.edgesRemoved),
  ];
  const tables = Object.entries(sums.tables).map(([table, cells]) => `${table} ${cells}`);
  return `${counted ? '' : 'at least '}${transactions} transactions (${parts.join(', ') || 'properties only'}; cells: ${tables.join(', ')})`;
}

function signed(sign: '+' | '-', counts: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 6)
    .map(([label, count]) => `${sign}${count} ${label}`);
}
