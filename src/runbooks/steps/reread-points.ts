import { milliseconds } from '../../model/duration.ts';
import { FailedProblem } from '../../model/problem.ts';
import { rereadTurn } from '../../model/reread-turn.ts';
import { isBeingRemoved, type RestorePoint } from '../../model/restore-point.ts';
import { objectPatience, patiently } from '../../ports/patience.ts';
import { ownPoints, updatePoint } from '../catalog/point-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { namesOf, type SomeNames } from './some-names.ts';

/**
 * Objects that a point vouches for are read by no later backup. So each backup reads a part of all that the good points hold again: in `backup.retention.keep` every
 * object once. Each point that holds a damaged one is marked `failed`, with its name. Throws FailedProblem `backup-damaged` where `own`, the point of
 * this backup, is one of them.
 */
export async function rereadPoints(
  context: NodeJobCall & { readonly services: RunbookServices; readonly startedAt: Date; log(line: string): void },
  own: string,
): Promise<{ readonly bytes: number; readonly files: number; readonly damaged: SomeNames }> {
  const { platform, config, clock } = context.services;
  const good = (await ownPoints(platform.bucket, platform.environment)).filter(isGood);
  const before = good.filter(({ id, rereadAt }) => id !== own && rereadAt !== undefined);
  const last = before.reduce((latest, { rereadAt }) => Math.max(latest, Date.parse(rereadAt ?? '')), 0);
  const days = Math.max(1, Math.round(milliseconds(config.backup.retention.keep) / 86_400_000));
  const turn = rereadTurn({ last: last === 0 ? undefined : last, now: context.startedAt.getTime(), days });
  const points = good
    .map(({ id }) => id)
    .toSorted()
    .reverse();
  const done = await onEachNode(platform, context, 'reread', () => ({ own, points, turn }));
  const patience = { ...objectPatience, signal: context.signal };
  const found = new Map<string, string>();
  for (const { node, result } of done) {
    for (const { point, what } of result.damaged) if (!found.has(point)) found.set(point, `${what} (of ${node})`);
  }
  for (const [point, what] of found) {
    context.log(`WARNING: ${point} is damaged and was marked failed: ${what}`);
    const mark = (each: RestorePoint): RestorePoint =>
      isBeingRemoved(each)
        ? each
        : { ...each, proof: 'failed', failure: `What was stored earlier was read again: ${what}.` };
    await patiently(clock, patience, async () => updatePoint(platform.bucket, point, mark));
  }
  const mended = done.reduce((sum, { result }) => sum + result.mended, 0);
  if (mended > 0) context.log(`WARNING: ${mended} damaged objects in the store were brought again from the nodes`);
  const ours = found.get(own);
  if (ours !== undefined) throw damaged(own, ours);
  const at = context.startedAt.toISOString();
  await patiently(clock, patience, async () =>
    updatePoint(platform.bucket, own, (each) => ({ ...each, rereadAt: at })),
  );
  return {
    bytes: done.reduce((sum, { result }) => sum + result.bytes, 0),
    files: done.reduce((sum, { result }) => sum + result.files, 0),
    damaged: namesOf([...found.keys()], 20),
  };
}

function isGood({ proof }: RestorePoint): boolean {
  return proof === 'checked' || proof === 'proven';
}

function damaged(point: string, what: string): FailedProblem {
  return new FailedProblem({
    code: 'backup-damaged',
    happened: `${point} shares a file with earlier backups that is damaged in the store: ${what}.`,
    state: 'Each point that holds it is marked failed. The log and the other points are not affected.',
    next: 'Take a backup that reuses no file of earlier ones: `cardea backup ENV --mode full`. Then bring the object back from a copy of the bucket, or delete it: as long as the node still has the file, the next differential backup uploads it anew.',
  });
}
