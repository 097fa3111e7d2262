import { readJournal } from '../journal/journal-reader.ts';
import { replay, type RunState } from '../journal/run-state.ts';
import { runEventDocument } from '../journal/event.ts';
import { eventKey } from '../journal/event-file.ts';
import { Problem } from '../model/problem.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** What a journal says of a run. */
export type FoundRun = RunState;

/** As `lookAtRun`, for those who must find a way on without it: `damaged` where its journal cannot be read. */
export async function lookAtRunIfReadable(store: ObjectStore, run: string): Promise<FoundRun | 'damaged' | undefined> {
  try {
    return await lookAtRun(store, run);
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'journal-damaged') return 'damaged';
    throw thrown;
  }
}

/**
 * What the journal of another run of the environment says; undefined when it never wrote one. For whoever holds the environment's lease: a run
 * that is `running` there is carried out by nobody. Throws RefusedProblem `journal-damaged`.
 */
export async function lookAtRun(store: ObjectStore, run: string): Promise<FoundRun | undefined> {
  if ((await store.head(eventKey(run, 1))) === undefined) return undefined;
  return replay((await readJournal(store, run)).events);
}

/** What its first event alone says; undefined when that is not there or cannot be read. */
export async function paramsOfRun(store: ObjectStore, run: string): Promise<unknown> {
  const stored = await store.get(eventKey(run, 1));
  if (stored === undefined) return undefined;
  try {
    const { event } = runEventDocument.read(stored.body, stored.key);
    return event.type === 'run-started' ? event.params : undefined;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'bad-document') return undefined;
    throw thrown;
  }
}
