import { z } from 'zod';
import { environmentText, pointId, runId } from '../../model/identifiers.ts';
import { displacedName } from '../../model/displaced-name.ts';
import { Problem } from '../../model/problem.ts';
import { type RestoreRecord, restoreRecordDocument, restoreRecordKey } from '../../model/restore-record.ts';
import { safeName } from '../../model/safe-name.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type FoundRun, lookAtRunIfReadable, paramsOfRun } from '../../runbook/look-at-run.ts';
import { hasBegun } from '../../runbook/schedule.ts';
import { leftTimeline, pausedTimeline } from './left-timeline.ts';

/**
 * What the record says or, where it is damaged, what the journals of its run and of those that decide it say: each word of a record is
 * theirs. Then `onDamage` is told, a sentence. Undefined where they cannot tell: it is as one that the store has lost, and the nodes know what lies
 * aside.
 */
export async function recordIn(
  bucket: ObjectStore,
  key: string,
  body: Uint8Array,
  onDamage: (damage: string) => void = () => {},
): Promise<RestoreRecord | undefined> {
  try {
    return restoreRecordDocument.read(body, key);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'bad-document') throw thrown;
    const run = /^restores\/([^/]+)\.json$/.exec(key)?.[1] ?? '';
    onDamage(thrown.happened);
    return (await recordOfJournals(bucket, run)) ?? recordOfDecider(bucket, run);
  }
}

/** What a restore or a revert recorded, from its journal. */
const recorded = z.object({
  point: pointId.optional(),
  'pause-shipping': pausedTimeline.optional(),
  'check-restore': z
    .object({ aside: safeName, point: pointId.optional(), succeeded: z.boolean(), served: z.boolean().optional() })
    .optional(),
  /** Reverts of before did not say it. */
  'record-reverted': z.object({ half: z.boolean().optional() }).optional(),
});

/** What the journals say of what a run has moved aside; undefined where they cannot tell, or it has moved nothing. */
export async function recordOfJournals(bucket: ObjectStore, run: string): Promise<RestoreRecord | undefined> {
  const id = runId.safeParse(run).data;
  const made = id === undefined ? undefined : await lookAtRunIfReadable(bucket, id);
  if (id === undefined || made === undefined || made === 'damaged' || !recording.has(made.runbook)) return undefined;
  const results = Object.fromEntries(Object.values(made.steps).map(({ step, result }) => [step, result]));
  const { point } = z.object({ point: pointId.optional() }).catch({}).parse(made.params);
  const found = recorded.safeParse({ ...results, ...(point === undefined ? {} : { point }) }).data;
  const reverted = found?.['check-restore'];
  const restored = reverted?.point ?? found?.point;
  // A revert may be of a restore whose point the bucket had lost.
  if (found === undefined || (restored === undefined && reverted === undefined)) return undefined;
  const left = found['pause-shipping'];
  const isHalf = found['record-reverted']?.half ?? !(reverted?.served ?? reverted?.succeeded);
  // Parsed, so that it is the same as one that was read.
  const record = restoreRecordDocument.body.parse({
    run: id,
    environment: environmentText.parse(made.environment),
    ...(restored === undefined ? {} : { point: restored }),
    aside: reverted === undefined ? safeName.parse(id) : displacedName(reverted.aside),
    startedAt: made.startedAt,
    epoch: made.epoch,
    state: 'open',
    ...(left === undefined ? {} : { left: leftTimeline(left) }),
    ...(reverted !== undefined && isHalf ? { half: true } : {}),
  });
  const decided = await decidedByJournals(bucket, record);
  if (decided !== undefined) return decided;
  // It moved nothing and started again what it had stopped.
  const isNothing = made.status !== 'running' && made.status !== 'succeeded' && !movedData(made);
  return isNothing ? { ...record, state: 'reverted', closed: { at: made.lastEventAt, run: id } } : record;
}

/**
 * The record as the runs let it stand that have begun to move or delete what it tells of; undefined where none has. One that has succeeded took
 * over what others had begun.
 */
async function decidedByJournals(bucket: ObjectStore, record: RestoreRecord): Promise<RestoreRecord | undefined> {
  const deciders: Array<{ readonly run: FoundRun; readonly state: 'accepting' | 'reverting' }> = [];
  for (const other of await decidedRuns(bucket, record.run, '')) {
    const decider = other === record.run ? undefined : await lookAtRunIfReadable(bucket, other);
    if (decider === undefined || decider === 'damaged') continue;
    const state = decider.runbook === 'accept' ? 'accepting' : 'reverting';
    if (hasBegun(decider.steps, decisionPivots[state])) deciders.push({ run: decider, state });
  }
  // The last by the epochs of leases: what it does is an accept or a revert, and their names say nothing of their order.
  const last = deciders.toSorted((a, b) => a.run.epoch - b.run.epoch).at(-1);
  const decider = deciders.find((each) => each.run.status === 'succeeded') ?? last;
  if (decider === undefined) return undefined;
  const { run: by, state } = decider;
  const byRun = runId.parse(by.run);
  const noted = givesUp(by) ? { givenUp: {} } : {};
  if (by.status !== 'succeeded') return { ...record, ...noted, state, deciding: byRun };
  const closed = { at: by.endedAt ?? by.lastEventAt, run: byRun, epoch: by.epoch };
  return { ...record, ...noted, state: state === 'accepting' ? 'accepted' : 'reverted', closed };
}

/** What the journal of the run says that has decided it, where its own is gone or damaged; undefined where none has. */
async function recordOfDecider(bucket: ObjectStore, run: string): Promise<RestoreRecord | undefined> {
  const id = runId.safeParse(run).data;
  if (id === undefined) return undefined;
  for (const other of await decidedRuns(bucket, id, '')) {
    const decider = other === id ? undefined : await lookAtRunIfReadable(bucket, other);
    if (decider === undefined || decider === 'damaged') continue;
    const { result, earlier } = decider.steps['check-restore'] ?? {};
    const checked = z.object({ aside: safeName, point: pointId.optional() }).safeParse(result ?? earlier).data;
    if (checked === undefined) continue;
    const record = restoreRecordDocument.body.parse({
      run: id,
      environment: environmentText.parse(decider.environment),
      ...checked,
      startedAt: begunAt(id) ?? decider.startedAt,
      state: 'open',
    });
    const decided = await decidedByJournals(bucket, record);
    if (decided !== undefined) return decided;
  }
  return undefined;
}

/** As its name says it. */
function begunAt(run: string): string | undefined {
  const [, year, month, day, hour, minute, second] = /-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(run) ?? [];
  return z.iso.datetime().safeParse(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`).data;
}

/** Runbooks whose runs leave a record of what they moved aside. */
export const recording: ReadonlySet<string> = new Set(['restore', 'revert']);
/** So many runs without a record are looked at: those that were refused or failed before they moved anything are some. */
const mostUnrecorded = 10;

/** What the newest runs have moved aside whose records are missing: a store has lost them, or does not list them yet. */
export async function unrecordedRestores(
  bucket: ObjectStore,
  recorded: ReadonlySet<string>,
): Promise<readonly RestoreRecord[]> {
  const runs: string[] = [];
  for await (const child of bucket.children('runs/', { after: 'runs/restore-' })) {
    const run = /^runs\/((?:restore|revert)-\d{8}-[^/]+)\/$/.exec(child)?.[1];
    if (run === undefined && child > 'runs/revert-~') break;
    if (run !== undefined && !recorded.has(run)) runs.push(run);
  }
  const newest = runs.toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1)).slice(-mostUnrecorded);
  const records: RestoreRecord[] = [];
  for (const run of newest) {
    const made = await lookAtRunIfReadable(bucket, run);
    if (made === undefined || made === 'damaged' || !leavesRecord(made)) continue;
    // The listing may be behind the store.
    const stored = await bucket.get(restoreRecordKey(run));
    const record =
      stored === undefined ? await recordOfJournals(bucket, run) : await recordIn(bucket, stored.key, stored.body);
    if (record !== undefined) records.push(record);
  }
  return records;
}

/** Whether a run with such a journal has written its record: a restore before it moves anything, a revert when everything is done. */
export function leavesRecord(run: FoundRun): boolean {
  return run.runbook === 'revert'
    ? run.steps['record-reverted']?.status === 'succeeded'
    : hasBegun(run.steps, 'set-aside');
}

function givesUp({ steps }: FoundRun): boolean {
  const result = z.object({ givenUp: z.boolean() }).safeParse(steps['check-restore']?.result).data;
  return result?.givenUp === true;
}

function movedData({ steps }: FoundRun): boolean {
  return hasBegun(steps, 'set-aside') || hasBegun(steps, decisionPivots.reverting);
}

/** The step in which a decision begins to move or delete data: until then its run can end with everything as it was. */
export const decisionPivots = { accepting: 'delete-aside', reverting: 'bring-back' } as const;

/**
 * A record as the journal of the run that decides it lets it stand, because a run that ends may have no store to write to:
 * - a decision whose run has ended before it moved or deleted anything decides nothing, and the restore is open as before;
 * - a restore is reverted when the revert has succeeded, not before: until then nobody but the revert may decide what it left;
 * - what a run has decided stays decided, also where the store has fallen back to the record of before.
 */
export async function asItStands(bucket: ObjectStore, record: RestoreRecord): Promise<RestoreRecord> {
  if (record.state !== 'accepted' && record.state !== 'reverted') {
    const decided = await decidedByJournals(bucket, record);
    if (decided !== undefined && (decided.closed !== undefined || record.state === 'open')) return decided;
  }
  const { deciding: _deciding, closed, ...rest } = record;
  if ((await idleDecision(bucket, record)) === 'ended') {
    const { givenUp, ...as } = rest;
    // The revert that was to be given up is what has moved data.
    return givenUp?.reverting === undefined
      ? { ...as, state: 'open' }
      : { ...as, state: 'reverting', deciding: givenUp.reverting };
  }
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
export async function idleDecision(
  bucket: ObjectStore,
  { state, deciding }: RestoreRecord,
): Promise<'ended' | 'left' | undefined> {
  if ((state !== 'accepting' && state !== 'reverting') || deciding === undefined) return undefined;
  const run = await lookAtRunIfReadable(bucket, deciding);
  if (run === undefined || run === 'damaged' || hasBegun(run.steps, decisionPivots[state])) return undefined;
  return run.status === 'running' ? 'left' : 'ended';
}

/** The run that made the restore, and the earlier ones that began to decide it: they are over once `by` has decided it. */
export async function decidedRuns(bucket: ObjectStore, restore: string, by: string): Promise<readonly string[]> {
  const runs: string[] = [restore];
  for (const kind of ['accept', 'revert']) {
    for await (const child of bucket.children('runs/', { after: `runs/${kind}-` })) {
      if (!child.startsWith(`runs/${kind}-`)) break;
      const run = child.slice('runs/'.length, -1);
      // Not by the times in their ids: the clock of the machine that began a decision may have been behind.
      if (run !== by && restoreOf(await paramsOfRun(bucket, run)) === restore) runs.push(run);
    }
  }
  return runs;
}

/** Which restore an accept or a revert is about, by its parameters; undefined for any other run. */
export function restoreOf(params: unknown): string | undefined {
  return decision.safeParse(params).data?.restore;
}

const decision = z.object({ restore: z.string() });

function timeOf(run: string): string {
  return /\d{8}-\d{6}/.exec(run)?.[0] ?? '';
}
