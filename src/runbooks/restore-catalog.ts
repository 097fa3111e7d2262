import { RefusedProblem, UsageProblem } from '../model/problem.ts';
import { restoreRecordDocument, restoreRecordKey } from '../model/restore-record.ts';
import type { RestoreRecord } from '../model/restore-record.ts';
import { ConflictProblem } from '../ports/object-store.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Restores in place whose old data still lies aside on the nodes, oldest first. */
export async function listOpenRestores(bucket: ObjectStore): Promise<readonly RestoreRecord[]> {
  const open: RestoreRecord[] = [];
  for await (const { key } of bucket.list('restores/')) {
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    const record = restoreRecordDocument.read(stored.body, key);
    if (record.state === 'open') open.push(record);
  }
  return open;
}

/** Records that a restore begins to move data aside. The same run again is no error. */
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
      happened: `No restore in place is recorded under "${run}".`,
      state: 'Nothing was changed.',
      next: open.length === 0 ? 'No restore is waiting for a decision.' : `Waiting for a decision: ${open.join(', ')}.`,
    });
  }
  const record = restoreRecordDocument.read(stored.body, restoreRecordKey(run));
  if (record.state !== 'open' && record.closed?.run !== closingRun) {
    throw new RefusedProblem({
      code: 'restore-closed',
      happened: `The restore ${run} was ${record.state} already, by ${record.closed?.run ?? 'an unknown run'}.`,
      state: 'Nothing was changed.',
      next: 'There is nothing left aside to accept or to move back; for another state of the data restore a point.',
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
