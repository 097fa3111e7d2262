import { asProblem, type Problem, RetryableProblem } from '../model/problem.ts';
import { withoutSecrets } from '../model/secrets.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { patiently, type Patience } from '../ports/patience.ts';
import { runPrefix } from './event-file.ts';
import { pace } from './pace.ts';

/**
 * How many characters of a step's log are kept; the oldest lines of a longer log are dropped. At most as many more wait
 * in memory.
 */
const longestLog = 1_000_000;

/**
 * The logs of a run's steps. They are for people, and nothing of the run hangs on them: what cannot be written waits in
 * memory and goes with what is written later.
 */
export interface StepLogs {
  of(step: string): StepLog;
  /**
   * Writes what still waits, trying again within `patience`. One line for each step whose log lacks its newest lines
   * all the same; never rejects.
   */
  end(patience: Patience): Promise<readonly string[]>;
}

/** The log of one step, across its attempts and resumes: `runs/<run>/logs/<step>.log`. */
export interface StepLog {
  /** Adds a line with its time, without any secret; written out now and then. */
  line(text: string): void;
  /** Resolves when what waits, of other steps too, is in the store or could not be written this time; never rejects. */
  flush(): Promise<void>;
}

interface World {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly run: string;
  /**
   * Of the lease that the run holds: once it is lost the logs are the next holder's, and nothing is written any more.
   */
  readonly lease?: AbortSignal;
}

export function openStepLogs(world: World): StepLogs {
  const logs = new Map<string, LogFile>();
  const flush = async (): Promise<void> => {
    await Promise.all([...logs.values()].map((log) => log.flush()));
  };
  const faults = () => [...logs].flatMap(([step, { fault }]) => (fault === undefined ? [] : [{ step, fault }]));
  return {
    of(step) {
      const log = logs.get(step) ?? new LogFile(world, step);
      logs.set(step, log);
      return { line: (text) => log.line(text), flush };
    },
    async end(patience) {
      const flushed = patiently(world.clock, patience, async () => {
        await flush();
        const later = faults().find(({ fault }) => fault instanceof RetryableProblem);
        if (later !== undefined) throw later.fault;
      });
      await flushed.catch(() => undefined);
      return faults().map(({ step, fault }) => `The log of step ${step} lacks its newest lines: ${fault.happened}`);
    },
  };
}

class LogFile {
  readonly #world: World;
  readonly #step: string;
  readonly #due: { isDue(): boolean };
  #stored: string | undefined;
  #waiting = '';
  #fault: Problem | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(world: World, step: string) {
    this.#world = world;
    this.#step = step;
    this.#due = pace(world.clock, 60);
  }

  /** What the last write broke on, while its lines wait. */
  get fault(): Problem | undefined {
    return this.#fault;
  }

  line(text: string): void {
    this.#waiting += `${this.#world.clock.now().toISOString()} ${withoutSecrets(text)}\n`;
    if (this.#waiting.length > 2 * longestLog) this.#waiting = newest(this.#waiting);
    if (this.#due.isDue()) void this.flush();
  }

  flush(): Promise<void> {
    this.#queue = this.#queue.then(async () => this.#write());
    return this.#queue;
  }

  async #write(): Promise<void> {
    const { store, run, lease } = this.#world;
    if (this.#waiting === '' || lease?.aborted === true) return;
    const taken = this.#waiting;
    this.#waiting = '';
    try {
      this.#stored ??= await readStepLog(store, run, this.#step);
      const next = newest(this.#stored + taken);
      await store.put(stepLogKey(run, this.#step), next);
      this.#stored = next;
      this.#fault = undefined;
    } catch (error) {
      this.#waiting = newest(taken + this.#waiting);
      this.#fault = asProblem(error, `Writing the log of ${this.#step}`);
    }
  }
}

export function stepLogKey(run: string, step: string): string {
  return `${runPrefix(run)}logs/${step}.log`;
}

/** Empty when the step wrote none. */
export async function readStepLog(store: ObjectStore, run: string, step: string): Promise<string> {
  const object = await store.get(stepLogKey(run, step));
  return object === undefined ? '' : new TextDecoder().decode(object.body);
}

function newest(text: string): string {
  if (text.length <= longestLog) return text;
  return `(older lines left out)\n${text.slice(text.indexOf('\n', text.length - longestLog) + 1)}`;
}
