import { formatBytes } from '../../../model/bytes.ts';
import { formatSeconds } from '../../../model/duration.ts';
import type { Forecast, LeftBehind } from '../../../runbooks/recovery/restore-forecast.ts';

/** What a restore to an instant is going to do, for people. */
export function forecastText(forecast: Forecast): string {
  const { base, timeline, instant, cut, newest, settled, leftSeconds, replay, left } = forecast;
  const rows: ReadonlyArray<readonly [string, string]> = [
    ['instant', `${instant} on ${timeline}; the last write time that comes back is ${cut} µs`],
    ['base', base],
    ['replayed', `${formatBytes(replay.bytes)} of log in ${replay.objects} objects of ${replay.streams} streams`],
    [
      'left behind',
      newest === null
        ? 'how much is not known: the log has no end that can be believed'
        : `${formatSeconds(leftSeconds ?? 0)}, up to ${newest}: ${leftText(left)}`,
    ],
    ...(settled !== null && instant > settled
      ? [
          [
            'not settled',
            `after ${settled} a transaction may still be on its way into the log; one that is not whole is left out`,
          ] as const,
        ]
      : []),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, says]) => `  ${name.padEnd(width)}  ${says}`).join('\n');
}

function leftText({ transactions, counted, unknown, ...sums }: LeftBehind): string {
  if (unknown !== undefined) return `its transactions cannot be counted: ${unknown}`;
  if (transactions === 0) return counted ? 'no transaction' : 'its transactions were not counted in time';
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
