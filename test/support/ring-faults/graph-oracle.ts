/** A state of the graph that was written, acknowledged and shipped, and the instant at which it was the whole graph. */
export interface Moment {
  /** After the last acknowledgement and before the next write. */
  readonly at: string;
  /** Keys of the marker vertices, oldest first. */
  readonly markers: readonly string[];
  /** Fingerprint of the whole graph, made through Gremlin. */
  readonly print: string;
}

/** A history of the graph: every moment that it still contains, oldest first. */
export type Line = readonly Moment[];

/** Knows, outside Cardea, what the graph must be: now, at every earlier moment, and in every point. */
export class GraphOracle {
  line: Line = [];
  /** What a restore or a revert moved aside, by its run. */
  readonly aside = new Map<string, Line>();
  readonly points = new Map<string, Line>();
  /** Runs that are known to it. */
  readonly seen = new Set<string>();
  /** Who was given an id first. */
  readonly #ids = new Map<string, string>();

  get now(): Moment {
    const last = this.line.at(-1);
    if (last === undefined) throw new TypeError('nothing was written yet');
    return last;
  }

  written(moment: Moment): void {
    this.line = [...this.line, moment];
  }

  /** Says which ids somebody had before, one line for each. */
  given(to: string, ids: readonly string[]): readonly string[] {
    const doubled = ids.filter((id) => this.#ids.has(id));
    for (const id of ids) if (!this.#ids.has(id)) this.#ids.set(id, to);
    return doubled.map((id) => `id ${id} was given to ${this.#ids.get(id)} before, and now to ${to}`);
  }

  /** The history as it was at an instant. */
  upTo(instant: string): Line {
    return this.line.filter(({ at }) => at <= instant);
  }

  /** The history without its last transaction. */
  withoutLast(): Line {
    const before = this.line.at(-2);
    if (before === undefined) throw new TypeError('there is nothing to undo');
    return [...this.line.slice(0, -1), { ...before, at: this.now.at }];
  }
}
