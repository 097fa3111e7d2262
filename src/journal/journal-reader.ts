import { RefusedProblem, UsageProblem } from '../model/problem.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { mapConcurrently } from '../model/map-concurrently.ts';
import { runEventDocument, type RunEvent } from './event.ts';
import { sha256 } from '../model/sha256.ts';
import { noHash, runPrefix, sequenceOf } from './event-file.ts';

/** The end of a journal: the number of its events and the SHA-256 of the last one's bytes. */
export interface JournalHead {
  readonly sequence: number;
  readonly hash: string;
}

export interface EventFile {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** A run's journal, its order and hashes verified. */
export interface VerifiedJournal {
  readonly run: string;
  readonly events: readonly RunEvent[];
  /** SHA-256 of each event's file, in the same order. */
  readonly hashes: readonly string[];
  /** What was read, in the same order. */
  readonly files: readonly EventFile[];
  readonly head: JournalHead;
}

/**
 * Reads and verifies a run's journal. Throws UsageProblem `unknown-run` when there is none and RefusedProblem `journal-damaged`,
 * naming the event, when one was edited, removed or put in another's place. An edit of the very last event shows only in the audit chain.
 */
export async function readJournal(store: ObjectStore, run: string): Promise<VerifiedJournal> {
  const files = await readEventFiles(store, run);
  if (files.length === 0) throw unknownRun(run, store);
  return verifiedJournal(run, files);
}

export async function readEventFiles(store: ObjectStore, run: string): Promise<readonly EventFile[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(runPrefix(run))) {
    if (sequenceOf(key) !== undefined && !key.slice(runPrefix(run).length).includes('/')) keys.push(key);
  }
  const files = await mapConcurrently(keys, 32, async (key) => {
    const object = await store.get(key);
    return object === undefined ? undefined : { key, bytes: object.body };
  });
  return files.filter((file) => file !== undefined);
}

/** A run's first and last event, unverified; nothing for a run without events. Throws FailedProblem `bad-document`. */
export async function endsOfJournal(store: ObjectStore, run: string): Promise<readonly RunEvent[]> {
  const keys: string[] = [];
  for await (const key of store.children(runPrefix(run))) if (sequenceOf(key) !== undefined) keys.push(key);
  const events: RunEvent[] = [];
  for (const key of new Set([keys[0], keys.at(-1)])) {
    const object = key === undefined ? undefined : await store.get(key);
    if (key === undefined || object === undefined) continue;
    events.push({ kind: 'run-event', version: 1, ...runEventDocument.read(object.body, key) });
  }
  return events;
}

/** Pure: the files of one journal in the order of their names. */
export function verifiedJournal(run: string, files: readonly EventFile[]): VerifiedJournal {
  const events: RunEvent[] = [];
  const hashes: string[] = [];
  let head: JournalHead = { sequence: 0, hash: noHash };
  for (const file of files) {
    const event = followingEvent(run, file, head);
    head = { sequence: event.sequence, hash: sha256(file.bytes) };
    events.push(event);
    hashes.push(head.hash);
  }
  return { run, events, hashes, files, head };
}

/** Reads one event as the successor of `head`; throws `journal-damaged` when it is not. */
export function followingEvent(run: string, file: EventFile, head: JournalHead): RunEvent {
  const expected = head.sequence + 1;
  const named = sequenceOf(file.key);
  if (named !== expected) throw journalDamaged(run, `event ${expected} is missing; the next file is ${file.key}`);
  let event: RunEvent;
  try {
    event = { kind: 'run-event', version: 1, ...runEventDocument.read(file.bytes, file.key) };
  } catch (error) {
    throw journalDamaged(run, `event ${expected} cannot be read: ${(error as Error).message}`, error);
  }
  if (event.run !== run || event.sequence !== expected) {
    throw journalDamaged(
      run,
      `event ${expected} (${file.key}) was replaced: the file says that it is event ${event.sequence} of ${event.run}`,
    );
  }
  if (event.previous !== head.hash) {
    throw journalDamaged(
      run,
      expected === 1
        ? `event 1 (${file.key}) says that it follows another event`
        : `event ${head.sequence} was edited: event ${expected} (${file.key}) holds a different hash of it`,
    );
  }
  return event;
}

export function unknownRun(run: string, store: ObjectStore): UsageProblem {
  return new UsageProblem({
    code: 'unknown-run',
    happened: `There is no run ${run} in ${store.description}.`,
    state: 'Nothing was changed.',
    next: 'List the runs with `cardea runs`.',
  });
}

export function journalDamaged(run: string, what: string, cause?: unknown): RefusedProblem {
  return new RefusedProblem({
    code: 'journal-damaged',
    happened: `The journal of run ${run} is damaged: ${what}.`,
    state: 'The run and its journal were not changed.',
    next: 'Run `cardea audit` to see everything that was changed. Start the operation again instead of resuming this run.',
    cause,
  });
}
