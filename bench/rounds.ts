import { performance } from 'node:perf_hooks';
import type { BenchRow } from './row.ts';

/** Seconds, or whatever the works measure, by name. */
export type Figures<N extends string> = Partial<Record<N, number>>;

/** The figures of each name, one per round. */
export type Series<N extends string> = Record<N, readonly number[]>;

/** Does every work once a round, the first of one round last in the next, so that none always meets the disk that another left. */
export async function interleave<N extends string>(
  rounds: number,
  names: readonly N[],
  works: ReadonlyArray<() => Promise<Figures<N>>>,
): Promise<Series<N>> {
  const series = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % works.length;
    for (const work of [...works.slice(turn), ...works.slice(0, turn)]) {
      const figures = await work();
      for (const name of names) {
        const seconds = figures[name];
        if (seconds !== undefined) series.get(name)?.push(seconds);
      }
    }
  }
  return Object.fromEntries(series) as unknown as Series<N>;
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Medians of both; the ratio is the median of the rounds' own ratios, with the least and the greatest of them. */
export function comparedSeries(
  { unit = 's', ...row }: Pick<BenchRow, 'name' | 'note'> & { readonly unit?: string },
  ours: readonly number[],
  reference: readonly number[],
): BenchRow {
  const ratios = ours.map((seconds, round) => seconds / (reference[round] ?? Number.NaN));
  return {
    ...row,
    ours: median(ours),
    reference: median(reference),
    ratio: median(ratios),
    ratios: [Math.min(...ratios), Math.max(...ratios)],
    unit,
  };
}

/** Milliseconds of two works in turns, after one of each that does not count. */
export async function sideBySide(
  times: number,
  row: Pick<BenchRow, 'name' | 'note'>,
  ours: () => Promise<unknown>,
  reference: () => Promise<unknown>,
): Promise<BenchRow> {
  await ours();
  await reference();
  const series = await interleave(
    times,
    ['ours', 'reference'],
    [
      async () => ({ ours: 1000 * (await secondsOf(ours)) }),
      async () => ({ reference: 1000 * (await secondsOf(reference)) }),
    ],
  );
  return comparedSeries({ ...row, unit: 'ms' }, series.ours, series.reference);
}

/** Median milliseconds, and over an aim, where there is one, with the quickest and the slowest. */
export function comparedToAim(
  { name, note, aim }: Pick<BenchRow, 'name' | 'note'> & { readonly aim?: number },
  milliseconds: readonly number[],
): BenchRow {
  const row = { name, note, ours: median(milliseconds), unit: 'ms' };
  if (aim === undefined) return row;
  return {
    ...row,
    ratio: row.ours / aim,
    ratios: [Math.min(...milliseconds) / aim, Math.max(...milliseconds) / aim],
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
