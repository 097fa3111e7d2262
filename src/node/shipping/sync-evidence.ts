import type { Micros } from '../../model/instant.ts';

export interface EvidenceParts {
  /** Seconds, of the node. */
  readonly monotonic: () => number;
  /** Whether Cassandra itself answers, and not only the system on which it runs. */
  readonly answers: () => Promise<boolean>;
  /** Brings a few bytes to the disk that the log lies on; false when that could not be done. */
  readonly sync: () => Promise<boolean>;
  /** Seconds between Cassandra's syncs. */
  readonly syncPeriod: number;
}

interface Look {
  /** The node's clock before anything was read. */
  readonly at: Micros;
  /** Monotonic seconds of the same moment. */
  readonly now: number;
}

/**
 * Of a log that reaches its files only when Cassandra syncs them (compressed, encrypted, direct or appended), a quiet file says nothing:
 * nothing may have been written, or the sync may be late. Late it can be for two reasons. The disk stands still, or Cassandra does (a long
 * collection of garbage, a paused machine). So looks that follow one another at about a second show it together:
 *
 *     look 1   Cassandra answers, a whole period after the instant: the sync that covers the instant was due before
 *     look 2   it answers again, and bytes of the agent's own, begun here, come to the same disk quickly
 *     look 3   it answers again, and no section was found since look 1
 *
 * A pause or a stall that hides the sync for all this time would make one of the answers late, and the evidence begins anew. It is
 * about the instants before look 1, whatever the file held by then.
 */
export class SyncEvidence {
  readonly #parts: EvidenceParts;
  /** Instants that nothing covers yet, oldest first. */
  #open: Look[] = [];
  #chain: Chain | undefined;

  constructor(parts: EvidenceParts) {
    this.#parts = parts;
  }

  /**
   * One look at a log in which nothing new was found. `found`: sections since the start. Resolves with the instant up to which everything
   * acknowledged is in the files; undefined while that is not shown.
   */
  async look({ at, now, found }: Look & { readonly found: number }): Promise<Micros | undefined> {
    if (this.#chain !== undefined && (this.#chain.found !== found || now - this.#chain.last > longestStep))
      this.#chain = undefined;
    const chain = this.#chain;
    const answered = await this.#promptly(this.#parts.answers);
    let shown: Micros | undefined;
    if (!answered) {
      this.#chain = undefined;
    } else if (chain === undefined) {
      this.#chain = { from: now, last: now, found, probe: undefined };
    } else if (chain.probe === undefined) {
      this.#chain = { ...chain, last: now, probe: this.#probe() };
    } else if (chain.probe.state === 'done') {
      shown = this.#dueBefore(chain.from);
      this.#chain = { from: now, last: now, found, probe: undefined };
    } else {
      this.#chain = chain.probe.state === 'late' ? undefined : { ...chain, last: now };
    }
    this.#open.push({ at, now });
    if (this.#open.length > mostOpen) this.#open = this.#open.filter((_look, index) => index % 2 === 0);
    return shown;
  }

  /** The newest instant whose sync was due at that moment; it and those before it are no longer open. */
  #dueBefore(moment: number): Micros | undefined {
    const due = this.#open.filter(({ now }) => now + this.#parts.syncPeriod <= moment);
    this.#open = this.#open.slice(due.length);
    return due.at(-1)?.at;
  }

  /** Nobody waits for it: a disk that stands still would hold up the looks. */
  #probe(): Probe {
    const probe: Probe = { state: 'running' };
    void (async () => {
      probe.state = (await this.#promptly(this.#parts.sync)) ? 'done' : 'late';
    })();
    return probe;
  }

  async #promptly(ask: () => Promise<boolean>): Promise<boolean> {
    const began = this.#parts.monotonic();
    const yes = await ask().catch(() => false);
    return yes && this.#parts.monotonic() - began <= prompt;
  }
}

interface Chain {
  /** Monotonic seconds before Cassandra was asked for the first time. */
  readonly from: number;
  /** Of the look before. */
  readonly last: number;
  readonly found: number;
  readonly probe: Probe | undefined;
}

interface Probe {
  state: 'running' | 'done' | 'late';
}

/** Seconds. */
const prompt = 0.5;
/** Seconds between two looks of a chain: a process that was itself paused cannot judge others. */
const longestStep = 5;
const mostOpen = 256;
