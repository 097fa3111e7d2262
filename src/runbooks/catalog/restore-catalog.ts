import { z } from 'zod';
import { idMark } from '../../graph/clean-after-restore.ts';
import { documentType } from '../../model/document.ts';
import { environmentText, pointId, runId, timelineId } from '../../model/identifiers.ts';
import { instantText } from '../../model/instant.ts';
import { safeName } from '../../model/safe-name.ts';
import { asProblem, Problem, RefusedProblem, UsageProblem } from '../../model/problem.ts';
import { restoreRecordDocument, restoreRecordKey } from '../../model/restore-record.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { type FoundRun, lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import { hasBegun } from '../../runbook/schedule.ts';
import { createObject } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

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
  return records;
}

/**
 * What the record says or, where it is damaged, what the journals of its run and of those that decide it say: each word of a record is
 * theirs. Throws FailedProblem `bad-document` where they cannot tell.
 */
async function recordIn(bucket: ObjectStore, key: string, body: Uint8Array): Promise<RestoreRecord> {
  try {
    return restoreRecordDocument.read(body, key);
  } catch (thrown) {
    const told = await recordOfJournals(bucket, /^restores\/([^/]+)\.json$/.exec(key)?.[1] ?? '');
    if (told === undefined) throw thrown;
    return told;
  }
}

/** What a restore or a revert recorded, from its journal. */
const recorded = z.object({
  point: pointId.optional(),
  'pause-shipping': z.object({ timeline: timelineId, newest: instantText.nullable() }).optional(),
  'check-restore': z.object({ aside: safeName, point: pointId, succeeded: z.boolean() }).optional(),
});

async function recordOfJournals(bucket: ObjectStore, run: string): Promise<RestoreRecord | undefined> {
  const id = runId.safeParse(run).data;
  const made = id === undefined ? undefined : await lookAtRunIfReadable(bucket, id);
  if (id === undefined || made === undefined || made === 'damaged') return undefined;
  const results = Object.fromEntries(Object.values(made.steps).map(({ step, result }) => [step, result]));
  const { point } = z.object({ point: pointId.optional() }).catch({}).parse(made.params);
  const found = recorded.safeParse({ ...results, ...(point === undefined ? {} : { point }) }).data;
  const reverted = found?.['check-restore'];
  const restored = reverted?.point ?? found?.point;
  if (found === undefined || restored === undefined) return undefined;
  const left = found['pause-shipping'];
  // Parsed, so that it is the same as one that was read.
  const record = restoreRecordDocument.body.parse({
    run: id,
    environment: environmentText.parse(made.environment),
    point: restored,
    aside: reverted === undefined ? safeName.parse(id) : safeName.parse(`revert-${reverted.aside}`),
    startedAt: made.startedAt,
    state: 'open',
    ...(left === undefined
      ? {}
      : { left: { timeline: left.timeline, ...(left.newest === null ? {} : { end: left.newest }) } }),
    ...(reverted?.succeeded === false ? { half: true } : {}),
  });
  for (const other of await decidedRuns(bucket, id, '')) {
    const decider = await lookAtRunIfReadable(bucket, other);
    if (other === id || decider === undefined || decider === 'damaged') continue;
    const state = decider.runbook === 'accept' ? 'accepting' : 'reverting';
    if (!hasBegun(decider.steps, decisionPivots[state])) continue;
    const by = runId.parse(other);
    if (decider.status !== 'succeeded') return { ...record, state, deciding: by };
    const closed = { at: decider.endedAt ?? decider.lastEventAt, run: by };
    return { ...record, state: state === 'accepting' ? 'accepted' : 'reverted', closed };
  }
  // It moved nothing and started again what it had stopped.
  const isNothing = made.status !== 'running' && made.status !== 'succeeded' && !movedData(made);
  return isNothing ? { ...record, state: 'reverted', closed: { at: made.lastEventAt, run: id } } : record;
}

function movedData({ steps }: FoundRun): boolean {
  return hasBegun(steps, 'set-aside') || hasBegun(steps, decisionPivots.reverting);
}

/** The step in which a decision begins to move or delete data: until then its run can end with everything as it was. */
export const decisionPivots = { accepting: 'delete-aside', reverting: 'bring-back' } as const;

/**
 * A record as the journal of the run that decides it lets it stand, because a run that ends may have no store to write to:
 * - a decision whose run has ended before it moved or deleted anything decides nothing, and the restore is open as before;
 * - a restore is reverted when the revert has succeeded, not before: until then nobody but the revert may decide what it left.
 */
async function asItStands(bucket: ObjectStore, record: RestoreRecord): Promise<RestoreRecord> {
  const { deciding: _deciding, closed, ...rest } = record;
  if ((await idleDecision(bucket, record)) === 'ended') return { ...rest, state: 'open' };
  if (record.state !== 'reverted' || closed === undefined || closed.run === record.run) return record;
  if (await isDecided(bucket, closed.run)) return record;
  const run = await lookAtRunIfReadable(bucket, closed.run);
  const isOver = run === undefined || run === 'damaged' || run.status === 'succeeded';
  return isOver ? record : { ...rest, state: 'reverting', deciding: closed.run };
}

/** Whether what the revert had kept was decided in its turn: that is possible only after it. Reverts of long ago cost no look at their journals. */
async function isDecided(bucket: ObjectStore, revert: string): Promise<boolean> {
  const stored = await bucket.get(restoreRecordKey(revert));
  if (stored === undefined) return false;
  try {
    return restoreRecordDocument.read(stored.body, restoreRecordKey(revert)).state !== 'open';
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'bad-document') throw thrown;
    return false;
  }
}

/** Whether the run of a decision that is under way has moved or deleted nothing: it has `ended` so, or is `left` so. */
async function idleDecision(
  bucket: ObjectStore,
  { state, deciding }: RestoreRecord,
): Promise<'ended' | 'left' | undefined> {
  if ((state !== 'accepting' && state !== 'reverting') || deciding === undefined) return undefined;
  const run = await lookAtRunIfReadable(bucket, deciding);
  if (run === undefined || run === 'damaged' || hasBegun(run.steps, decisionPivots[state])) return undefined;
  return run.status === 'running' ? 'left' : 'ended';
}

export async function hasRecord(bucket: ObjectStore, run: string): Promise<boolean> {
  return (await bucket.head(restoreRecordKey(run))) !== undefined;
}

/** Records that a restore begins to move data aside. Doing it again for the same run is not an error. */
export async function openRestore(bucket: ObjectStore, record: Omit<RestoreRecord, 'state' | 'closed'>): Promise<void> {
  await createObject(bucket, restoreRecordKey(record.run), restoreRecordDocument.write({ ...record, state: 'open' }));
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
  await bucket.put(restoreRecordKey(run), restoreRecordDocument.write({ ...record, state, deciding: by }), {
    ifMatch: etag,
  });
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
      ? `It has moved and deleted nothing yet. To end it so: cardea run cancel ${deciding}, then cardea run resume ${deciding}`
      : `Finish that first: cardea restore ${verb} ${run} --confirm ${environment}`,
  });
}

/**
 * For whoever would change or record an environment: throws RefusedProblem `restore-unfinished` while a restore, or the decision on one, has
 * left its data half in place.
 */
export async function requireNoUnfinishedRestore(bucket: ObjectStore): Promise<void> {
  for (const { run, environment, state } of await listOpenRestores(bucket)) {
    const made = await lookAtRunIfReadable(bucket, run);
    if (state === 'open' && (made === undefined || (made !== 'damaged' && made.status === 'succeeded'))) continue;
    if (state === 'accepting') continue;
    throw new RefusedProblem({
      code: 'restore-unfinished',
      happened: `The restore ${run} of ${environment} has not come to its end, so the data of ${environment} is half in place.`,
      state: 'Nothing was changed.',
      next: `Finish it first; cardea status ${environment} says how.`,
    });
  }
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

/** The run that made the restore, and the earlier ones that began to decide it: they are over once `by` has decided it. */
export async function decidedRuns(bucket: ObjectStore, restore: string, by: string): Promise<readonly string[]> {
  const runs: string[] = [restore];
  for await (const child of bucket.children('runs/')) {
    const run = /^runs\/((?:accept|revert)-[^/]+)\/$/.exec(child)?.[1];
    // Ids hold the time: a decision on it is not older than the restore.
    if (run === undefined || run === by || timeOf(run) < timeOf(restore)) continue;
    const state = await lookAtRunIfReadable(bucket, run);
    if (state === undefined || state === 'damaged') continue;
    if (decision.safeParse(state.params).data?.restore === restore) runs.push(run);
  }
  return runs;
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

const decision = z.object({ restore: z.string() });

function timeOf(run: string): string {
  return /\d{8}-\d{6}/.exec(run)?.[0] ?? '';
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

async function readRecord(bucket: ObjectStore, run: string): Promise<{ record: RestoreRecord; etag: string }> {
  const stored = await bucket.get(restoreRecordKey(run));
  if (stored !== undefined) {
    const written = await recordIn(bucket, restoreRecordKey(run), stored.body);
    return { record: await asItStands(bucket, written), etag: stored.etag };
  }
  const found = await lookAtRunIfReadable(bucket, run);
  if (found !== undefined && found !== 'damaged' && /^(restore|revert)$/.test(found.runbook)) throw nothingMoved(found);
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

const idMarkDocument = documentType(
  'id-mark',
  1,
  {
    run: z.string(),
    mark: idMark,
    /** Of the lease under which it was read; records of before this was noted have none. */
    epoch: z.number().int().nonnegative().optional(),
    /** Servers may have given out ids since then. */
    mayBeOld: z.boolean().optional(),
  },
  { sealed: true },
);

export type NotedIds = Pick<z.infer<typeof idMarkDocument.body>, 'mark' | 'epoch' | 'mayBeOld'>;

/**
 * Stores the highest ids that the graph had given out when a restore stopped it. They are too many for a step's result.
 */
export async function keepIdMark(bucket: ObjectStore, run: string, noted: NotedIds): Promise<void> {
  await bucket.put(idMarkKey(run), idMarkDocument.write({ run, ...noted }));
}

/** Undefined also for a damaged one, which `log` is told: then nothing is known, and ids jump far ahead. */
export async function findIdMark(
  bucket: ObjectStore,
  run: string,
  log: (line: string) => void,
): Promise<NotedIds | undefined> {
  const stored = await bucket.get(idMarkKey(run));
  if (stored === undefined) return undefined;
  try {
    return idMarkDocument.read(stored.body, idMarkKey(run));
  } catch (thrown) {
    log(asProblem(thrown, 'Reading the ids that were given out').happened);
    return undefined;
  }
}

function idMarkKey(run: string): string {
  return `restores/${run}/ids.json`;
}
