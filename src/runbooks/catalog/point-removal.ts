import { z } from 'zod';
import { decideRetention, type RetentionDecision } from '../../model/retention.ts';
import { onEachNode } from '../steps/each-node.ts';
import { verifyPoint } from '../steps/verify-point.ts';
import { findPoint, ownPoints, removePoint, updatePoint } from './point-catalog.ts';
import { pointsInUse } from './points-in-use.ts';
import { leftBehind } from '../recovery/present-history.ts';
import { listTimelines } from './timeline-catalog.ts';
import { removalOf, type RestorePoint } from '../../model/restore-point.ts';
import type { RunbookServices } from '../services.ts';

/** A step's result must stay small; the next backups remove what is left in a long-neglected bucket. */
const mostAtOnce = 50;

/**
 * The points that retention no longer keeps. A separate step decides, so that a run that is killed while removing them
 * keeps the same list.
 */
export const pointChoice = z.object({
  kept: z.number(),
  /** Of the points that go and of the good ones that stay: of each, every file is deleted or looked at. */
  bytes: z.number(),
  going: z.array(z.object({ point: z.string(), why: z.string() })).max(mostAtOnce),
});
export type PointChoice = z.infer<typeof pointChoice>;

/** Ids of the points that are kept without the log since them. `now`: see `decideRetention`. Reads only. */
export async function pointsWithoutLog(services: RunbookServices, now: Date): Promise<ReadonlySet<string>> {
  const decisions = await decide(services, now);
  return new Set(decisions.filter(({ log }) => !log).map(({ point }) => point.id));
}

/** Reads only. What stays because a run needs it is logged. `now`: see `decideRetention`. */
export async function choosePointsToRemove(
  services: RunbookServices,
  log: (line: string) => void,
  now = services.clock.now(),
): Promise<PointChoice> {
  const decisions = await decide(services, now);
  for (const { point, why, spared } of decisions)
    if (spared !== undefined) log(`keeping ${point.id}, ${spared}: it is ${why}`);
  const kept = decisions.filter((decision) => decision.keep).length;
  const going = decisions.filter((decision) => !decision.keep).slice(0, mostAtOnce);
  const looked = decisions.filter(({ keep, point: { proof } }) => keep && (proof === 'checked' || proof === 'proven'));
  const bytes = [...going, ...looked].reduce((sum, { point }) => sum + point.bytes, 0);
  return {
    kept,
    bytes: going.length === 0 ? 0 : bytes,
    going: going.map(({ point, why }) => ({ point: point.id, why })),
  };
}

async function decide({ platform, config }: RunbookServices, now: Date): Promise<readonly RetentionDecision[]> {
  const points = await ownPoints(platform.bucket, platform.environment);
  const needed = await pointsInUse(platform.bucket, now, points);
  const left = leftBehind(await listTimelines(platform.bucket));
  return decideRetention(points, config.backup.retention, now, needed, (point) => left(point) !== undefined);
}

type Fan = Parameters<typeof onEachNode>[1] & { readonly services: RunbookServices; log(line: string): void };

/**
 * Removes them through Medusa on every node, then checks that each good point that stays is complete. A point that is
 * found damaged is marked `failed` by name, and the others are looked at all the same. May be done again after a kill.
 * The ids of what was removed: one that a run has begun to use since the choice stays.
 */
export async function removePoints(
  context: Fan,
  { going }: PointChoice,
  now = context.services.clock.now(),
): Promise<readonly string[]> {
  const { platform } = context.services;
  const removed: string[] = [];
  for (const { point: id, why } of going) {
    const step = `${context.step}-${id}`;
    const point = await findPoint(platform.bucket, id);
    // A choice that an older version made may name one: it is not ours to delete.
    if (point !== undefined && point.environment !== platform.environment) continue;
    const needed = point === undefined ? undefined : await markUnlessNeeded(context, { point, why, now });
    if (needed !== undefined) {
      context.log(`keeping ${id}, ${why}: it is ${needed}`);
      continue;
    }
    context.log(`removing ${id}: ${why}`);
    await onEachNode(platform, { ...context, step }, 'delete-backup', () => ({ point: id }));
    if (point !== undefined) await removePoint(platform.bucket, point);
    removed.push(id);
  }
  if (removed.length === 0) return removed;
  // Differential backups share files. Whether Medusa kept every shared file is checked, not assumed.
  for (const { id, proof } of await ownPoints(platform.bucket, platform.environment)) {
    if (proof !== 'checked' && proof !== 'proven') continue;
    const step = `${context.step}-look-${id}`;
    try {
      await verifyPoint({ ...context, step }, id, [id]);
    } catch (error) {
      context.signal.throwIfAborted();
      const found = await findPoint(platform.bucket, id);
      if (found?.proof !== 'failed') throw error;
      context.log(`WARNING: ${id} is damaged and was marked failed: ${found.failure ?? ''}`);
    }
  }
  return removed;
}

/**
 * Marks the point as `failed` before its first file goes: killed in between, and never resumed, it must not be listed
 * as good. Looks for runs that use it before and after: one that begins in between finds the mark. Why it stays, as a
 * clause; undefined when it is marked and may go.
 */
async function markUnlessNeeded(
  { run, services: { platform } }: Fan,
  { point, why, now }: { readonly point: RestorePoint; readonly why: string; readonly now: Date },
): Promise<string | undefined> {
  const { bucket } = platform;
  const inUse = async () => (await pointsInUse(bucket, now, [point])).get(point.id);
  const before = await inUse();
  if (before !== undefined) return before;
  const failure = removalOf(run, why);
  // Left by an attempt that was killed: some of its files may be gone.
  const isMarked = point.failure === failure;
  await updatePoint(bucket, point.id, (each) => ({ ...each, proof: 'failed', failure }));
  const since = await inUse();
  if (since !== undefined && !isMarked) {
    await updatePoint(bucket, point.id, ({ failure: _mark, ...each }) => ({
      ...each,
      proof: point.proof,
      ...(point.failure === undefined ? {} : { failure: point.failure }),
    }));
  }
  return since;
}
