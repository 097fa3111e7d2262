import { graphSchemaKey } from '../../graph/schema-document.ts';
import { findingsKey } from './finding-catalog.ts';
import { FailedProblem, RefusedProblem, UsageProblem } from '../../model/problem.ts';
import { inventoriesOf, newestFirst, restorePointDocument, restorePointKey } from '../../model/restore-point.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { ConflictProblem, createObject } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

const pointFile = /^backup-\d{8}-\d{6}\.json$/;

/** A point whose document cannot be read, because it is damaged or of a version that this Cardea does not know: kept, never chosen. */
export interface DamagedPoint {
  readonly id: string;
  /** Names the object and what is wrong with it. */
  readonly failure: string;
}

/** Every restore point of a bucket that can be read, newest first. */
export async function listPoints(bucket: ObjectStore): Promise<readonly RestorePoint[]> {
  return (await surveyPoints(bucket)).points;
}

/**
 * Every restore point of a bucket, newest first by the clocks of the nodes. One damaged document must not hide the others, nor be passed over
 * without a word.
 */
export async function surveyPoints(
  bucket: ObjectStore,
): Promise<{ readonly points: readonly RestorePoint[]; readonly damaged: readonly DamagedPoint[] }> {
  const keys: string[] = [];
  for await (const child of bucket.children('')) if (pointFile.test(child)) keys.push(child);
  keys.reverse();
  const points: RestorePoint[] = [];
  const damaged: DamagedPoint[] = [];
  // A bank keeps dozens of points, but a listing of thousands must also answer in a second, so documents are read in
  // parallel.
  for (let at = 0; at < keys.length; at += 64) {
    const read = await Promise.all(keys.slice(at, at + 64).map(async (key) => pointOrDamage(bucket, key)));
    for (const each of read) {
      if (each.damaged !== undefined) damaged.push(each.damaged);
      else if (each.point !== undefined) points.push(each.point);
    }
  }
  return { points: points.sort(newestFirst), damaged };
}

/** Those of this environment, newest first. A bucket of before it belonged to one may hold points of others. */
export async function ownPoints(bucket: ObjectStore, environment: string): Promise<readonly RestorePoint[]> {
  return (await listPoints(bucket)).filter((point) => point.environment === environment);
}

/** As `surveyPoints`, of this environment; whose a damaged one is cannot be told. */
export async function surveyOwnPoints(bucket: ObjectStore, environment: string): ReturnType<typeof surveyPoints> {
  const { points, damaged } = await surveyPoints(bucket);
  return { points: points.filter((point) => point.environment === environment), damaged };
}

/** As `getPoint`. Throws RefusedProblem `point-of-another-environment` as well. */
export async function getOwnPoint(bucket: ObjectStore, id: string, environment: string): Promise<RestorePoint> {
  const point = await getPoint(bucket, id);
  if (point.environment === environment) return point;
  throw new RefusedProblem({
    code: 'point-of-another-environment',
    happened: `The restore point ${id} is of ${point.environment}, not of ${environment}.`,
    state: 'Nothing was changed.',
    next: `Use a point of ${environment}: cardea points ${environment}. Restoring from another environment is not possible in this version.`,
  });
}

/**
 * Throws UsageProblem `unknown-point`, naming the newest ones, when there is no such point; RefusedProblem `point-not-good` when its document is
 * damaged.
 */
export async function getPoint(bucket: ObjectStore, id: string): Promise<RestorePoint> {
  const { point, damaged } = await pointOrDamage(bucket, restorePointKey(id));
  if (point !== undefined) return point;
  if (damaged !== undefined) {
    throw new RefusedProblem({
      code: 'point-not-good',
      happened: `${id} may not be restored: ${damaged.failure}`,
      state: 'Nothing was changed.',
      next: 'Choose a checked or proven point: cardea points ENV.',
    });
  }
  const known = (await listPoints(bucket)).slice(0, 5).map((each) => each.id);
  throw new UsageProblem({
    code: 'unknown-point',
    happened: `There is no restore point "${id}" in ${bucket.description}.`,
    state: 'Nothing was changed.',
    next:
      known.length === 0
        ? 'Take a backup first: cardea backup ENV.'
        : `Use one of ${known.join(', ')}. To list all: cardea points ENV.`,
  });
}

export async function findPoint(bucket: ObjectStore, id: string): Promise<RestorePoint | undefined> {
  return readPointFile(bucket, restorePointKey(id));
}

/**
 * For a backup that is about to write under this name. A point is named after a second of the clock here, and a clock
 * that was set back gives a name again. Throws RefusedProblem `point-exists` when a point, readable or not, has it, or
 * when an earlier backup has left inventories under it.
 */
export async function requireNewName(bucket: ObjectStore, id: string): Promise<void> {
  if ((await bucket.head(restorePointKey(id))) !== undefined) throw nameTaken(id, await takerOf(bucket, id));
  for await (const _inventory of bucket.list(inventoriesOf(id))) throw nameTaken(id, undefined);
}

/** As `requireNewName`, for the run that has begun to write under the name: what it wrote itself is no other's. */
export async function requireOwnName(bucket: ObjectStore, id: string, run: string): Promise<void> {
  if ((await bucket.head(restorePointKey(id))) === undefined) return;
  const taker = await takerOf(bucket, id);
  if (taker !== run) throw nameTaken(id, taker);
}

/** Creates the point's document. The same point by the same run again is not an error: a resumed step does it twice. */
export async function createPoint(bucket: ObjectStore, point: RestorePoint): Promise<void> {
  if (await createObject(bucket, restorePointKey(point.id), restorePointDocument.write(point))) return;
  await requireOwnName(bucket, point.id, point.run);
}

/** Undefined when its document cannot be read. */
async function takerOf(bucket: ObjectStore, id: string): Promise<string | undefined> {
  return (await pointOrDamage(bucket, restorePointKey(id))).point?.run;
}

function nameTaken(id: string, run: string | undefined): RefusedProblem {
  return new RefusedProblem({
    code: 'point-exists',
    happened: `The name ${id} is taken already, by ${run ?? 'an earlier backup'}: the clock of this machine has shown the same second twice.`,
    state: 'What has that name was not changed.',
    next: 'Compare the clock of this machine with those of the nodes (`cardea doctor ENV`), then start the backup again: it gets a new name from the new time.',
  });
}

/** Changes the point's document by compare-and-swap; `change` may be called more than once and must be pure. */
export async function updatePoint(
  bucket: ObjectStore,
  id: string,
  change: (point: RestorePoint) => RestorePoint,
): Promise<RestorePoint> {
  const key = restorePointKey(id);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const stored = await bucket.get(key);
    if (stored === undefined) {
      throw new FailedProblem({
        code: 'point-vanished',
        happened: `The restore point ${id} was removed from ${bucket.description} while this run updated it.`,
        state: 'Its files may still be in the store, but the point is not listed and cannot be restored by name.',
        next: 'Find out who removed it (`cardea audit`), then take a new backup (`cardea backup ENV`).',
      });
    }
    const changed = change(restorePointDocument.read(stored.body, key));
    try {
      await bucket.put(key, restorePointDocument.write(changed), { ifMatch: stored.etag });
      return changed;
    } catch (error) {
      if (!(error instanceof ConflictProblem)) throw error;
    }
  }
  throw new FailedProblem({
    code: 'point-contended',
    happened: `The restore point ${id} could not be updated: others changed it during each of twenty attempts.`,
    state: 'Its document is intact, without this change.',
    next: 'Look for another run that works on the same point (`cardea runs`), then resume this run.',
  });
}

/** Removes the point's document and its inventories. Medusa must have removed its files before. Idempotent. */
export async function removePoint(bucket: ObjectStore, point: RestorePoint): Promise<void> {
  for (const node of point.nodes) await bucket.delete(node.inventory);
  await removeRecords(bucket, point.id);
  await bucket.delete(restorePointKey(point.id));
}

/** Removes what is recorded beside a point's document, also that of a backup which ended before there was one. Idempotent. */
export async function removeRecords(bucket: ObjectStore, point: string): Promise<void> {
  await bucket.delete(graphSchemaKey(point));
  await bucket.delete(findingsKey(point));
}

async function pointOrDamage(
  bucket: ObjectStore,
  key: string,
): Promise<{ readonly point?: RestorePoint | undefined; readonly damaged?: DamagedPoint }> {
  try {
    return { point: await readPointFile(bucket, key) };
  } catch (error) {
    if (!(error instanceof FailedProblem) || error.code !== 'bad-document') throw error;
    return { damaged: { id: key.slice(0, -'.json'.length), failure: error.happened } };
  }
}

async function readPointFile(bucket: ObjectStore, key: string): Promise<RestorePoint | undefined> {
  const stored = await bucket.get(key);
  return stored === undefined ? undefined : restorePointDocument.read(stored.body, key);
}
