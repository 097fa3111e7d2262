import { sha256 } from '../../model/sha256.ts';

/** As many write times as a finding names one by one. */
const mostNamed = 8;

/** When the cells of a finding were written, in microseconds. A transaction writes all its cells at one time. */
export class CellTimes {
  readonly #times = new Set<bigint>();

  add(time: bigint | undefined): this {
    if (time !== undefined) this.#times.add(time);
    return this;
  }

  addAll(others: CellTimes): this {
    for (const time of others.#times) this.#times.add(time);
    return this;
  }

  /** False when no cell was seen, too. */
  allBefore(time: bigint): boolean {
    return this.#times.size > 0 && [...this.#times].every((each) => each < time);
  }

  /** In order; of many the first and the last, with a hash of all, so that a vertex of a million cells has a short name. */
  texts(): string[] {
    const sorted = [...this.#times].sort((a, b) => (a < b ? -1 : 1)).map(String);
    if (sorted.length <= mostNamed) return sorted;
    return [sorted[0] ?? '', sorted.at(-1) ?? '', `${sorted.length} times, ${sha256(sorted.join(' ')).slice(0, 32)}`];
  }
}
