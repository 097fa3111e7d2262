import { type Micros, micros } from '../../model/instant.ts';

/**
 * Up to which instant everything that Cassandra acknowledged lies in sections that are known. A section covers what was written before
 * its end was set aside, and that happens after the marker before it was written. So when two sections were found since a look, the second
 * was begun after that look and covers everything acknowledged before it; across a change of segment, where both may end in one go, three.
 */
export class Coverage {
  #covered: Micros;
  #looks: Look[] = [];

  constructor(covered: Micros) {
    this.#covered = covered;
  }

  get covered(): Micros {
    return this.#covered;
  }

  /**
   * A look at all segments: `at`, the node's clock before anything was read; `sections`, how many were found since the start; `segment`,
   * the newest that has content.
   */
  look(at: Micros, sections: number, segment: bigint | undefined): void {
    const covers = (look: Look) => sections - look.sections >= (look.segment === segment ? 2 : 3);
    const newest = this.#looks.findLast(covers);
    if (newest !== undefined) {
      this.#advance(newest.at);
      this.#looks = this.#looks.filter((look) => look.at > newest.at);
    }
    this.#looks.push({ at, sections, segment });
    // The chain has not grown for long: its oldest looks say the least.
    if (this.#looks.length > mostLooks) this.#looks.splice(0, this.#looks.length - mostLooks / 2);
  }

  /** Called after a look that found nothing uncovered; the time was taken before that look. */
  settled(at: Micros): void {
    this.#advance(at);
    this.#looks = this.#looks.filter((look) => look.at > at);
  }

  /** The clock was set back: what was covered is the same as before, and has an earlier time now. */
  setBack(by: number): void {
    this.#covered = micros(this.#covered - by);
    this.#looks = this.#looks.map((look) => ({ ...look, at: micros(look.at - by) }));
  }

  #advance(at: Micros): void {
    if (at > this.#covered) this.#covered = at;
  }
}

const mostLooks = 1024;

interface Look {
  readonly at: Micros;
  readonly sections: number;
  readonly segment: bigint | undefined;
}
