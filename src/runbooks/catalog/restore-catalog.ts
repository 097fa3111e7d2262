import { z } from 'zod';
import { idMark } from '../../graph/clean-after-restore.ts';
import type { IdMark } from '../../graph/clean-after-restore.ts';
import { documentType } from '../../model/document.ts';
import { RefusedProblem, UsageProblem } from '../../model/problem.ts';
import { restoreRecordDocument, restoreRecordKey } from '../../model/restore-record.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { ConflictProblem } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

/** Restores in place whose old data still lies aside on the nodes, oldest first. */
export async function listOpenRestores(bucket: ObjectStore): Promise<readonly RestoreRecord[]> {
  const open: RestoreRecord[] = [];
  for await (const key of bucket.children('restores/')) {
    if (!key.endsWith('.json')) continue;
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    const record = restoreRecordDocument.read(stored.body, key);
    if (record.state === 'open') open.push(record);
  }
  return open;
}

/** Records that a restore begins to move data aside. Doing it again for the same run is not an error. */
export async function openRestore(bucket: ObjectStore, record: Omit<RestoreRecord, 'state' | 'closed'>): Promise<void> {
  try {
    await bucket.put(restoreRecordKey(record.run), restoreRecordDocument.write({ ...record, state: 'open' }), {
      ifAbsent: true,
    });
  } catch (error) {
    if (!(error instanceof ConflictProblem)) throw error;
  }
}

/** Throws UsageProblem `unknown-restore` when there is none, RefusedProblem `restore-closed` when it was accepted or reverted by another run. */
export async function getOpenRestore(bucket: ObjectStore, run: string, closingRun: string): Promise<RestoreRecord> {
  const stored = await bucket.get(restoreRecordKey(run));
  if (stored === undefined) {
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
  const record = restoreRecordDocument.read(stored.body, restoreRecordKey(run));
  if (record.state !== 'open' && record.closed?.run !== closingRun) {
    throw new RefusedProblem({
      code: 'restore-closed',
      happened: `The restore ${run} was already ${record.state} by ${record.closed?.run ?? 'an unknown run'}.`,
      state: 'Nothing was changed.',
      next: 'No old data is kept for it any more. To get another state of the data, restore a point: cardea restore ENV.',
    });
  }
  return record;
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

const idMarkDocument = documentType('id-mark', 1, { run: z.string(), mark: idMark });

/**
 * Stores the highest ids that the graph had given out when a restore stopped it. They are too many for a step's result.
 */
export async function keepIdMark(bucket: ObjectStore, run: string, mark: IdMark): Promise<void> {
  await bucket.put(idMarkKey(run), idMarkDocument.write({ run, mark }));
}

export async function findIdMark(bucket: ObjectStore, run: string): Promise<IdMark | undefined> {
  const stored = await bucket.get(idMarkKey(run));
  return stored === undefined ? undefined : idMarkDocument.read(stored.body, idMarkKey(run)).mark;
}

function idMarkKey(run: string): string {
  return `restores/${run}/ids.json`;
}
