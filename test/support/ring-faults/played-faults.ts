import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** One played fault in the state of a campaign: a line of JSON. */
const playedLine = z.object({
  seed: z.number().int().nonnegative(),
  /** As it was printed. */
  line: z.string(),
  end: z.enum(['done', 'as before', 'restored', 'WRONG']),
  wrong: z.array(z.string()),
});
type PlayedLine = z.infer<typeof playedLine>;

/** What a campaign has played, kept in a file from one batch to the next where there is one. */
export class PlayedFaults {
  readonly #file: string | undefined;
  readonly #lines: PlayedLine[];

  constructor(file: string | undefined) {
    this.#file = file;
    const text = file !== undefined && existsSync(file) ? readFileSync(file, 'utf8') : '';
    this.#lines = text.split('\n').flatMap((line) => (line === '' ? [] : [playedLine.parse(JSON.parse(line))]));
  }

  /** The seeds of the next batch: from the first on that was not played yet. */
  next(count: number): readonly number[] {
    const played = new Set(this.#lines.map(({ seed }) => seed));
    const seeds: number[] = [];
    for (let seed = 0; seeds.length < count; seed += 1) if (!played.has(seed)) seeds.push(seed);
    return seeds;
  }

  add(line: PlayedLine): void {
    this.#lines.push(line);
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  /** `101 faults: 60 as before, 41 restored`. */
  get sums(): string {
    const by = Map.groupBy(this.#lines, ({ end }) => end);
    return `${this.#lines.length} faults: ${[...by].map(([end, all]) => `${all.length} ${end}`).join(', ')}`;
  }
}
