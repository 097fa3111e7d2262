import { performance } from 'node:perf_hooks';

/** One measurement. Where there is a reference, both were taken in the same run on the same machine, side by side. */
export interface BenchRow {
  readonly name: string;
  readonly ours: number;
  readonly reference?: number;
  /** `ours` over `reference`, or over an aim when the note says so. */
  readonly ratio?: number;
  /** The least and the greatest ratio of single rounds. */
  readonly ratios?: readonly [number, number];
  readonly unit: string;
  /** What the reference is, and the aim when there is one. */
  readonly note: string;
}

export interface BenchOptions {
  /** Data to back up and restore. */
  readonly mebibytes: number;
  /** How often backup and restore are measured. */
  readonly rounds: number;
  /** Instants that are restored to. */
  readonly instants: number;
}

/** Median milliseconds of `times` runs, after one that does not count. */
export async function medianMs(times: number, work: () => Promise<unknown>): Promise<number> {
  await work();
  const taken: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const started = performance.now();
    await work();
    taken.push(performance.now() - started);
  }
  return taken.sort((a, b) => a - b)[Math.floor(times / 2)] ?? 0;
}
