import { RetryableProblem } from '../model/problem.ts';
import { withoutSecrets } from '../model/secrets.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { runPrefix } from './event-file.ts';
import { pace } from './pace.ts';

/** Characters kept of one step's log; of a longer one the oldest lines go. */
const longestLog = 1_000_000;

/** The log of one step, across its attempts and resumes: `runs/<run>/logs/<step>.log`. */
export interface StepLog {
  /** Adds a line with its time, without any secret; written out now and then. */
  line(text: string): void;
  /** Resolves when every line so far is in the store. */
  flush(): Promise<void>;
  /** The same, tried once: false when the store is away, and the lines wait for the next flush. */
  tryFlush(): Promise<boolean>;
}

export function openStepLog(world: {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly run: string;
  readonly step: string;
}): StepLog {
  const { store, clock } = world;
  const key = stepLogKey(world.run, world.step);
  const due = pace(clock, 60);
  let text: string | undefined;
  let added = '';
  let queue: Promise<void> = Promise.resolve();

  const write = async () => {
    if (added === '') return;
    text ??= await readStepLog(store, world.run, world.step);
    const next = newest(text + added);
    const taken = added.length;
    await store.put(key, next);
    text = next;
    added = added.slice(taken);
  };
  const flush = () => {
    const turn = queue.then(write);
    queue = turn.catch(() => undefined);
    return turn;
  };

  const tryFlush = async () => {
    try {
      await flush();
      return true;
    } catch (error) {
      if (!(error instanceof RetryableProblem)) throw error;
      return false;
    }
  };

  return {
    line(line) {
      added += `${clock.now().toISOString()} ${withoutSecrets(line)}\n`;
      if (!due.isDue()) return;
      // Lines that could not be written stay in memory; the flush at the step's end reports it.
      flush().catch(() => undefined);
    },
    async flush() {
      if (await tryFlush()) return;
      await clock.sleep(1000);
      await flush();
    },
    tryFlush,
  };
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
