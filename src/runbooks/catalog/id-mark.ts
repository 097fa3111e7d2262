import { z } from 'zod';
import { highest, idMark, type IdMark } from '../../graph/clean-after-restore.ts';
import { documentType } from '../../model/document.ts';
import { asProblem } from '../../model/problem.ts';
import { restoreRecordKey } from '../../model/restore-record.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

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

const idFloorDocument = documentType('id-floor', 1, { mark: idMark }, { sealed: true });

const idFloorKey = 'environment/ids.json';

/**
 * What the restores and reverts of the environment have moved its ids to, and what they found given out. A point, or data that comes back, does
 * not hold that, and servers have given out ids from there. Undefined where it cannot be told, and `log` is told why: it is damaged, or it is
 * missing although another run than this one has moved data aside before.
 */
export async function findIdFloor(
  bucket: ObjectStore,
  run: string,
  log: (line: string) => void,
): Promise<IdMark | undefined> {
  const stored = await bucket.get(idFloorKey);
  if (stored === undefined) {
    if (!(await othersMoved(bucket, run))) return [];
    log(`${idFloorKey} is missing, and others have moved data of this environment before.`);
    return undefined;
  }
  try {
    return idFloorDocument.read(stored.body, idFloorKey).mark;
  } catch (thrown) {
    log(asProblem(thrown, 'Reading how far ids were moved').happened);
    return undefined;
  }
}

async function othersMoved(bucket: ObjectStore, run: string): Promise<boolean> {
  for await (const key of bucket.children('restores/'))
    if (key.endsWith('.json') && key !== restoreRecordKey(run)) return true;
  return false;
}

/** From a known floor or, where that cannot be told, by somebody who has moved the ids far above anything that it may have been. */
export async function raiseIdFloor(bucket: ObjectStore, known: IdMark | undefined, mark: IdMark): Promise<void> {
  await bucket.put(idFloorKey, idFloorDocument.write({ mark: highest([known ?? [], mark]) }));
}
