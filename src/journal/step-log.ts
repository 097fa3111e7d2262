import { RetryableProblem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { runPrefix } from './event-file.ts';
import { pace } from './pace.ts';

/** How many characters of a step's log are kept; the oldest lines of a longer log are dropped. */
const longestLog = 1_000_000;

/** The log of one step, across its attempts and resumes: `runs/<run>/logs/<step>.log`. */
export interface StepLog {
  /** Adds a line with its time; written out now and then. */
  line(text: string): void;
  /** Resolves when every line so far is in the store. */
  flush(): Promise<void>;
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

  return {
    line(line) {
      added += `${clock.now().toISOString()} ${line}\n`;
      if (!due.isDue()) return;
      // Lines that could not be written stay in memory; the flush at the step's end reports it.
      flush().catch(() => undefined);
    },
    flush: async () => {
      try {
        await flush();
      } catch (error) {
        if (!(error instanceof RetryableProblem)) throw error;
        await clock.sleep(1000);
        await flush();
      }
    },
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
