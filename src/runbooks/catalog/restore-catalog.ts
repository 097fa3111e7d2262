import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { runId } from '../../model/identifiers.ts';
import { RefusedProblem, UsageProblem } from '../../model/problem.ts';
import { type RestoreRecord, restoreRecordDocument, restoreRecordKey } from '../../model/restore-record.ts';
import { createObject } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type FoundRun, lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import {
  asItStands,
  idleDecision,
  leavesRecord,
  recordIn,
  recording,
  recordOfJournals,
  unrecordedRestores,
} from './restore-standing.ts';

/** Restores in place whose old data still lies aside on the nodes, or whose decision is being carried out, oldest first. */
export async function listOpenRestores(bucket: ObjectStore): Promise<readonly RestoreRecord[]> {
  return (await listRestores(bucket)).filter(isUndecided);
}

/** Every restore in place that ever moved data aside, oldest first. */
export async function listRestores(
  bucket: ObjectStore,
  onDamage?: (damage: string) => void,
): Promise<readonly RestoreRecord[]> {
  const records: RestoreRecord[] = [];
  for await (const key of bucket.children('restores/')) {
    if (!key.endsWith('.json')) continue;
    const stored = await bucket.get(key);
    const record = stored === undefined ? undefined : await recordIn(bucket, key, stored.body, onDamage);
    if (record !== undefined) records.push(await asItStands(bucket, record));
  }
  const recorded = new Set<string>(records.map(({ run }) => run));
  for (const record of await unrecordedRestores(bucket, recorded)) records.push(await asItStands(bucket, record));
  return records.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

/** A sentence for each record that can be read by nobody, and that no journal tells. */
export async function untoldRestores(bucket: ObjectStore): Promise<readonly string[]> {
  const untold: string[] = [];
  for await (const key of bucket.children('restores/')) {
    const stored = key.endsWith('.json') ? await bucket.get(key) : undefined;
    if (stored === undefined) continue;
    const damages: string[] = [];
    const record = await recordIn(bucket, key, stored.body, (damage) => damages.push(damage));
    if (record === undefined) untold.push(...damages);
  }
  return untold;
}

/** One restore or revert as it stands, also where the store has lost its record; undefined where it moved nothing. */
export async function getRestore(bucket: ObjectStore, run: string): Promise<RestoreRecord | undefined> {
  return (await findRestore(bucket, run))?.record;
}

export async function hasRecord(bucket: ObjectStore, run: string): Promise<boolean> {
  return (await bucket.head(restoreRecordKey(run))) !== undefined;
}

/**
 * Records that a restore begins to move data aside. Done again for the same run, before anything was moved, it brings
 * up to date which timeline is left, and where it ends: the environment may have served and shipped in between.
 */
export async function openRestore(bucket: ObjectStore, record: Omit<RestoreRecord, 'state' | 'closed'>): Promise<void> {
  const key = restoreRecordKey(record.run);
  if (await createObject(bucket, key, restoreRecordDocument.write({ ...record, state: 'open' }))) return;
  const stored = await bucket.get(key);
  if (stored === undefined) return openRestore(bucket, record);
  const known = await recordIn(bucket, key, stored.body);
  if (known === undefined) {
    await bucket.put(key, restoreRecordDocument.write({ ...record, state: 'open' }), { ifMatch: stored.etag });
    return;
  }
  if (known.state !== 'open' || isDeepStrictEqual(known.left, record.left)) return;
  const { left: _stale, ...rest } = known;
  const renewed = { ...rest, ...(record.left === undefined ? {} : { left: record.left }) };
  await bucket.put(key, restoreRecordDocument.write(renewed), { ifMatch: stored.etag });
}

/**
 * What `closingRun` is to decide. Throws UsageProblem `unknown-restore` when there is none, RefusedProblem `restore-closed` when another run
 * has accepted or reverted it.
 */
export async function getOpenRestore(bucket: ObjectStore, run: string, closingRun: string): Promise<RestoreRecord> {
  const { record } = await readRecord(bucket, run);
  if (!isUndecided(record) && record.closed?.run !== closingRun) {
    throw new RefusedProblem({
      code: 'restore-closed',
      happened: `The restore ${run} was already ${record.state} by ${record.closed?.run ?? 'an unknown run'}.`,
      state: 'Nothing was changed.',
      next: 'No old data is kept for it any more. To get another state of the data, restore a point: cardea restore ENV.',
    });
  }
  return record;
}

/**
 * Notes that `by` begins to accept or revert the restore: from here on only the same can be done, by this run or a later one. Throws what
 * `getOpenRestore` throws, and RefusedProblem `restore-being-decided` when the other was begun.
 */
export async function beginDecision(
  bucket: ObjectStore,
  run: string,
  {
    state,
    by,
    givenUp = false,
  }: {
    readonly state: 'accepting' | 'reverting';
    readonly by: z.infer<typeof runId>;
    /** In place of the other decision, which cannot be carried out any more. */
    readonly givenUp?: boolean;
  },
): Promise<void> {
  const { record, etag } = await readRecord(bucket, run);
  const open = await getOpenRestore(bucket, run, by);
  if (!givenUp) await requireSameDecision(bucket, open, state);
  if (!isUndecided(record) || (record.state === state && record.deciding === by)) return;
  const reverting = record.state === 'reverting' && record.deciding !== undefined ? { reverting: record.deciding } : {};
  const noted = givenUp ? { givenUp: record.givenUp ?? reverting } : {};
  const text = restoreRecordDocument.write({ ...record, ...noted, state, deciding: by });
  await bucket.put(restoreRecordKey(run), text, etag === undefined ? { ifAbsent: true } : { ifMatch: etag });
}

/** Throws RefusedProblem `restore-being-decided` when the other decision was begun. */
export async function requireSameDecision(
  bucket: ObjectStore,
  record: RestoreRecord,
  wanted: 'accepting' | 'reverting',
): Promise<void> {
  const { run, environment, state, deciding } = record;
  if ((state !== 'accepting' && state !== 'reverting') || state === wanted) return;
  const verb = state === 'accepting' ? 'accept' : 'revert';
  const left = (await idleDecision(bucket, record)) === 'left';
  throw new RefusedProblem({
    code: 'restore-being-decided',
    happened: `${deciding ?? 'A run'} has begun to ${verb} the restore ${run}, and did not finish.`,
    state: 'Nothing was changed by this run.',
    next: left
      ? `It has moved and deleted nothing yet. To end it so: cardea run cancel ${deciding}`
      : `Finish that first: cardea restore ${verb} ${run} --confirm ${environment}`,
  });
}

/**
 * For whoever would change or record an environment: throws RefusedProblem `restore-unfinished` while a restore, or the decision on one, has
 * left its data half in place.
 */
export async function requireNoUnfinishedRestore(bucket: ObjectStore): Promise<void> {
  const records = await listRestores(bucket);
  const givenUp = toBeRestored(records);
  if (givenUp !== undefined) {
    throw new RefusedProblem({
      code: 'restore-unfinished',
      happened: `The restore ${givenUp.run} of ${givenUp.environment} was given up with the data half in place, and nothing was restored since.`,
      state: 'Nothing was changed.',
      next: `Restore ${givenUp.environment}: cardea points ${givenUp.environment} lists what there is to restore.`,
    });
  }
  for (const { run, environment, state } of records.filter(isUndecided)) {
    const made = await lookAtRunIfReadable(bucket, run);
    // Of one without a journal nobody knows how far it came.
    if (state === 'open' && made !== undefined && made !== 'damaged' && made.status === 'succeeded') continue;
    if (state === 'accepting') continue;
    throw new RefusedProblem({
      code: 'restore-unfinished',
      happened: `The restore ${run} of ${environment} has not come to its end, so the data of ${environment} is half in place.`,
      state: 'Nothing was changed.',
      next: `Finish it first; cardea status ${environment} says how.`,
    });
  }
}

/**
 * Pure: a restore that was given up with the data half in place, while no later restore has replaced that data. A later one that was reverted has
 * brought it back, unless that revert was reverted in its turn.
 */
export function toBeRestored(records: readonly RestoreRecord[]): RestoreRecord | undefined {
  return records.findLast(
    (record) =>
      record.givenUp !== undefined &&
      (record.state === 'accepting' || record.state === 'accepted') &&
      !records.some((other) => isLater(other, record) && !isUndone(other, records) && other.run.startsWith('restore-')),
  );
}

/** It was reverted, and the revert was not reverted in its turn. */
function isUndone({ state, closed }: RestoreRecord, records: readonly RestoreRecord[]): boolean {
  if (state !== 'reverted') return false;
  const by = records.find(({ run }) => run === closed?.run);
  return by === undefined || !isUndone(by, records);
}

/** By the epochs of their leases, which no clock can confuse; where one was recorded before there were any, by the clocks. */
function isLater(other: RestoreRecord, { run, startedAt, epoch, closed }: RestoreRecord): boolean {
  if (other.run === run) return false;
  const since = closed === undefined ? epoch : closed.epoch;
  return other.epoch === undefined || since === undefined
    ? other.startedAt > (closed?.at ?? startedAt)
    : other.epoch > since;
}

/** Throws RefusedProblem `restore-open` while a restore that none of these runs made is undecided: the data on the disks is its doing. */
export async function requireNoOtherRestore(bucket: ObjectStore, runs: readonly string[]): Promise<void> {
  const other = (await listOpenRestores(bucket)).find(({ run }) => !runs.includes(run));
  if (other === undefined) return;
  throw new RefusedProblem({
    code: 'restore-open',
    happened: `Another restore, ${other.run}, has moved data of ${other.environment} aside since then, and is not decided.`,
    state: 'Nothing was changed.',
    next: `Decide that one first: cardea status ${other.environment} names the command.`,
  });
}

/**
 * Throws RefusedProblem `run-decided` when another run than `by` has begun to accept or revert what the restore `run` moved aside, or has done so.
 */
export async function requireUndecided(bucket: ObjectStore, run: string, by?: string): Promise<void> {
  const record = await getRestore(bucket, run);
  if (record === undefined) return;
  const { state, deciding, closed } = record;
  const decider = closed?.run ?? deciding;
  // A restore that moved nothing closes its own record.
  if (state === 'open' || decider === (by ?? run)) return;
  throw new RefusedProblem({
    code: 'run-decided',
    happened: `The restore ${run} ${wordOf(state)} by ${decider ?? 'another run'}: ${by ?? 'it'} cannot be carried on.`,
    state: 'Nothing was changed.',
    next: decider === undefined ? 'See cardea status.' : `See what that run does: cardea run show ${decider}`,
  });
}

function wordOf(state: RestoreRecord['state']): string {
  const words = { accepting: 'is being accepted', reverting: 'is being reverted', accepted: 'was accepted' };
  return state === 'reverted' || state === 'open' ? 'was reverted' : words[state];
}

export async function closeRestore(
  bucket: ObjectStore,
  run: string,
  state: 'accepted' | 'reverted',
  closed: NonNullable<RestoreRecord['closed']>,
): Promise<void> {
  const record = await getOpenRestore(bucket, run, closed.run);
  await bucket.put(restoreRecordKey(run), restoreRecordDocument.write({ ...record, state, closed }));
}

/** Ends the records of earlier reverts that kept the same data: `by` has taken their work over. */
export async function closeOvertaken(
  bucket: ObjectStore,
  { run, aside }: Pick<RestoreRecord, 'run' | 'aside'>,
  at: string,
): Promise<void> {
  for (const other of await listOpenRestores(bucket)) {
    if (other.run === run || other.aside !== aside) continue;
    await bucket.put(
      restoreRecordKey(other.run),
      restoreRecordDocument.write({ ...other, state: 'reverted', closed: { at, run } }),
    );
  }
}

/** Of a restore or a revert that has no record: there is nothing of it to decide. */
function nothingMoved({ run, runbook, environment, status }: FoundRun): RefusedProblem {
  const goesOn = status === 'running';
  return new RefusedProblem({
    code: goesOn ? 'restore-unfinished' : 'nothing-to-decide',
    happened: `The ${runbook} ${run} ${goesOn ? 'has moved nothing yet' : 'ended and moved nothing'}, so there is nothing to accept or to bring back.`,
    state: 'Nothing was changed.',
    next: goesOn
      ? `To end it and start again what it has stopped: cardea run cancel ${run}. To carry it on: cardea run resume ${run}`
      : `See what ${environment} needs: cardea status ${environment}.`,
  });
}

/** Ends the record of a restore that moved nothing: there is nothing to decide. Without a record there is nothing to do. */
export async function dropRestore(
  bucket: ObjectStore,
  run: string,
  closed: NonNullable<RestoreRecord['closed']>,
): Promise<void> {
  if (await hasRecord(bucket, run)) await closeRestore(bucket, run, 'reverted', closed);
}

function isUndecided({ state }: RestoreRecord): boolean {
  return state === 'open' || state === 'accepting' || state === 'reverting';
}

interface FoundRecord {
  readonly record: RestoreRecord;
  readonly etag: string | undefined;
}

async function findRestore(bucket: ObjectStore, run: string): Promise<FoundRecord | undefined> {
  const stored = await bucket.get(restoreRecordKey(run));
  if (stored !== undefined) {
    const written = await recordIn(bucket, restoreRecordKey(run), stored.body);
    return written === undefined ? undefined : { record: await asItStands(bucket, written), etag: stored.etag };
  }
  const made = await lookAtRunIfReadable(bucket, run);
  if (made === undefined || made === 'damaged' || !recording.has(made.runbook) || !leavesRecord(made)) return undefined;
  // The store has lost it: what was moved aside is on the nodes all the same. Whoever decides it writes it anew.
  const lost = await recordOfJournals(bucket, run);
  return lost === undefined ? undefined : { record: await asItStands(bucket, lost), etag: undefined };
}

async function readRecord(bucket: ObjectStore, run: string): Promise<FoundRecord> {
  const found = await findRestore(bucket, run);
  if (found !== undefined) return found;
  const made = await lookAtRunIfReadable(bucket, run);
  if (made !== undefined && made !== 'damaged' && recording.has(made.runbook)) throw nothingMoved(made);
  const open = (await listOpenRestores(bucket)).map((record) => record.run as string);
  throw new UsageProblem({
    code: 'unknown-restore',
    happened: `No restore in place is recorded for the run "${run}".`,
    state: 'Nothing was changed.',
    next:
      open.length === 0
        ? 'No restore waits to be accepted or reverted.'
        : `These restores wait to be accepted or reverted: ${open.join(', ')}.`,
  });
}
