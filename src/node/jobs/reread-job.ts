import { isTurnOf } from '../../model/reread-turn.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeParts } from '../node-parts.ts';
import type { JobContext } from './job-context.ts';
import { bringAgain } from './bring-again.ts';
import { readBack } from './read-back.ts';
import { contentOf, filesAsStored, type StoredAs } from './stored-files.ts';

/** A result must stay small. One damaged object is enough to know of a point. */
const mostNamed = 200;

/**
 * Reads from the store again what is due of all that these points hold, each object once, and names every point that holds one with other bytes than its
 * inventory says. What the snapshot of `own` still has is brought again instead. `sound`: as of `verify`.
 */
export async function reread(
  parts: NodeParts,
  { own, points, turn }: JobParams['reread'],
  { signal, progress, log }: JobContext,
  sound: Set<string> = new Set(),
): Promise<JobResult['reread']> {
  const { node } = parts;
  const due = new Map<string, StoredAs>();
  const holders = new Map<string, string[]>();
  const damaged = new Map<string, string>();
  for (const point of points) {
    signal.throwIfAborted();
    const files = await filesAsStored(parts, node, point);
    if (files === undefined)
      damaged.set(point, `its inventory of ${node}, or Medusa's record of it, is missing or damaged`);
    for (const file of files ?? []) {
      if (!isTurnOf(file.key, turn)) continue;
      const content = contentOf(file);
      due.set(content, file);
      holders.set(content, [...(holders.get(content) ?? []), point]);
    }
  }
  const total = [...due.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const unread = [...due.values()].filter((file) => !sound.has(contentOf(file)));
  log('reading again', { points: points.length, files: unread.length, bytes: total });
  const before = total - unread.reduce((sum, { bytes }) => sum + bytes, 0);
  const wrong: Array<{ readonly file: StoredAs; readonly how: string }> = [];
  const isDamaged = (file: StoredAs, how: string) => {
    for (const point of holders.get(contentOf(file)) ?? []) {
      if (!damaged.has(point)) damaged.set(point, `${file.name}: ${how} (${file.key})`);
    }
  };
  await readBack(parts, unread, signal, {
    onBytes: (done) => progress({ done: before + done, total, unit: 'bytes', label: 'reading again' }),
    onRead: (file, sum) => {
      if (sum === file.sha256) sound.add(contentOf(file));
      else wrong.push({ file, how: 'different bytes in the store' });
    },
    onFailure: (file, thrown) => {
      if (!(thrown instanceof FailedProblem) || thrown.code !== 'object-missing') throw thrown;
      wrong.push({ file, how: 'missing in the store' });
    },
  });
  let mended = 0;
  for (const { file, how } of wrong) {
    if (await bringAgain(parts, own, file, signal)) {
      mended += 1;
      log('brought again', { key: file.key, found: how });
    } else isDamaged(file, how);
  }
  const named = [...damaged].slice(0, mostNamed).map(([point, what]) => ({ point, what }));
  return { files: due.size, bytes: total, damaged: named, mended };
}
