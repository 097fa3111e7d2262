import { z } from 'zod';
import { decideRetention } from '../../model/retention.ts';
import { onEachNode } from '../steps/each-node.ts';
import { verifyPoint } from '../steps/verify-point.ts';
import { findPoint, ownPoints, removePoint, updatePoint } from './point-catalog.ts';
import { listOpenRestores } from './restore-catalog.ts';
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

/** Reads only. */
export async function choosePointsToRemove({ platform, config, clock }: RunbookServices): Promise<PointChoice> {
  const needed = new Set((await listOpenRestores(platform.bucket)).map((restore) => restore.point as string));
  const points = await ownPoints(platform.bucket, platform.environment);
  const decisions = decideRetention(points, config.backup.retention, clock.now(), needed);
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

type Fan = Parameters<typeof onEachNode>[1] & { readonly services: RunbookServices; log(line: string): void };

/**
 * Removes them through Medusa on every node, then checks that each good point that stays is complete. A point that is
 * found damaged is marked `failed` by name, and the others are looked at all the same. May be done again after a kill.
 */
export async function removePoints(context: Fan, { going }: PointChoice): Promise<void> {
  const { platform } = context.services;
  for (const { point: id, why } of going) {
    context.log(`removing ${id}: ${why}`);
    const step = `${context.step}-${id}`;
    const point = await findPoint(platform.bucket, id);
    // A choice that an older version made may name one: it is not ours to delete.
    if (point !== undefined && point.environment !== platform.environment) continue;
    // Before the first file goes: killed in between, and never resumed, the point must not be listed as good.
    if (point !== undefined) {
      const failure = `it was being removed by ${context.run}, because it is ${why}`;
      await updatePoint(platform.bucket, id, (each) => ({ ...each, proof: 'failed', failure }));
    }
    await onEachNode(platform, { ...context, step }, 'delete-backup', () => ({ point: id }));
    if (point !== undefined) await removePoint(platform.bucket, point);
  }
  if (going.length === 0) return;
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
}
