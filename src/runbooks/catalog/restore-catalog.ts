import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { runId } from '../../model/identifiers.ts';
import { RefusedProblem, UsageProblem } from '../../model/problem.ts';
import { type RestoreRecord, restoreRecordDocument, restoreRecordKey } from '../../model/restore-record.ts';
import { createObject } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type FoundRun, lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import { hasBegun } from '../../runbook/schedule.ts';
import {
  asItStands,
  decidedRuns,
  idleDecision,
  leavesRecord,
  recordIn,
  recordOfJournals,
  unrecordedRestores,
} from './restore-standing.ts';

/** Restores in place whose old data still lies aside on the nodes, or whose decision is being carried out, oldest first. */
export async function listOpenRestores(bucket: ObjectStore): Promise<readonly RestoreRecord[]> {
  return (await listRestores(bucket)).filter(isUndecided);
}

/** Every restore in place that ever moved data aside, oldest first. */
export async function listRestores(bucket: ObjectStore): Promise<readonly RestoreRecord[]> {
  const records: RestoreRecord[] = [];
  for await (const key of bucket.children('restores/')) {
    if (!key.endsWith('.json')) continue;
    const stored = await bucket.get(key);
    if (stored !== undefined) records.push(await asItStands(bucket, await recordIn(bucket, key, stored.body)));
  }
  const recorded = new Set<string>(records.map(({ run }) => run));
  for (const record of await unrecordedRestores(bucket, recorded)) records.push(await asItStands(bucket, record));
  return records.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
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
 * brought it back.
 */
export function toBeRestored(records: readonly RestoreRecord[]): RestoreRecord | undefined {
  return records.findLast(
    (record) =>
      record.givenUp !== undefined &&
      (record.state === 'accepting' || record.state === 'accepted') &&
      !records.some(
        (other) => isLater(other, record) && other.state !== 'reverted' && other.run.startsWith('restore-'),
      ),
  );
}

function isLater(other: RestoreRecord, { run, startedAt, closed }: RestoreRecord): boolean {
  return other.run !== run && other.startedAt > (closed?.at ?? startedAt);
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
  const stored = await bucket.get(restoreRecordKey(run));
  if (stored === undefined) return;
  const written = await recordIn(bucket, restoreRecordKey(run), stored.body);
  const { state, deciding, closed } = await asItStands(bucket, written);
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

/**
 * Throws RefusedProblem `restore-being-decided` when a revert of the restore was left after it had stopped servers: an accept would end it, and
 * nobody would start them again.
 */
export async function requireNothingStopped(bucket: ObjectStore, restore: string, by: string): Promise<void> {
  for (const run of await decidedRuns(bucket, restore, by)) {
    const state = run === restore ? undefined : await lookAtRunIfReadable(bucket, run);
    if (state === undefined || state === 'damaged' || state.status !== 'running') continue;
    if (!hasBegun(state.steps, 'stop-graph')) continue;
    throw new RefusedProblem({
      code: 'restore-being-decided',
      happened: `${run} has begun to revert the restore ${restore}, has stopped servers, and did not finish.`,
      state: 'Nothing was changed by this run.',
      next: `Carry it on: cardea run resume ${run}. Or end it, which starts the servers again: cardea run cancel ${run}`,
    });
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

async function readRecord(
  bucket: ObjectStore,
  run: string,
): Promise<{ readonly record: RestoreRecord; readonly etag: string | undefined }> {
  const stored = await bucket.get(restoreRecordKey(run));
  if (stored !== undefined) {
    const written = await recordIn(bucket, restoreRecordKey(run), stored.body);
    return { record: await asItStands(bucket, written), etag: stored.etag };
  }
  const found = await lookAtRunIfReadable(bucket, run);
  if (found !== undefined && found !== 'damaged' && /^(restore|revert)$/.test(found.runbook)) {
    const lost = leavesRecord(found) ? await recordOfJournals(bucket, run) : undefined;
    if (lost === undefined) throw nothingMoved(found);
    // The store has lost it: what was moved aside is on the nodes all the same. Whoever decides it writes it anew.
    return { record: await asItStands(bucket, lost), etag: undefined };
  }
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
