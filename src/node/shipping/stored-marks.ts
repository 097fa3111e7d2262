import { instantOf } from '../../model/instant.ts';
import { type LogMark, logMarkCopyKey, logMarkDocument, logMarkFolders, logMarkKey } from '../../model/log-piece.ts';
import { Problem } from '../../model/problem.ts';
import { putMark } from '../../ports/log-marks.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

/**
 * The marks of a stream that can be read, in the order of their instants. Where a mark or its copy was lost or damaged, or was never written
 * because its agent was killed or is from before there were copies, the other one is written in its place.
 */
export async function mendMarks(bucket: ObjectStore, timeline: string, hostId: string): Promise<readonly LogMark[]> {
  const folders = logMarkFolders(timeline, hostId);
  const names = new Set<string>();
  for (const folder of [folders.marks, folders.copies]) {
    for await (const { key } of bucket.list(folder)) names.add(key.slice(folder.length));
  }
  const marks: LogMark[] = [];
  for (const name of [...names].sort()) {
    const { told, same } = await readBoth(bucket, `${folders.marks}${name}`, `${folders.copies}${name}`);
    if (told === undefined) continue;
    if (!same && logMarkKey(told) === `${folders.marks}${name}`) await putMark(bucket, told);
    marks.push(told);
  }
  return marks;
}

/** What is told under the name of this mark, by it or by its copy; undefined when neither can be read. */
export async function readMark(bucket: ObjectStore, mark: LogMark): Promise<LogMark | undefined> {
  return (await readBoth(bucket, logMarkKey(mark), logMarkCopyKey(mark))).told;
}

/** Whether there is a mark of this name that can be read. */
export async function hasMark(bucket: ObjectStore, mark: LogMark): Promise<boolean> {
  return (await readOne(bucket, logMarkKey(mark))) !== undefined;
}

async function readBoth(bucket: ObjectStore, markKey: string, copyKey: string) {
  const mark = await readOne(bucket, markKey);
  const copy = await readOne(bucket, copyKey);
  const same = mark !== undefined && mark.until === copy?.until && mark.reason === copy.reason;
  return { told: mark !== undefined && copy !== undefined ? fuller(mark, copy) : (mark ?? copy), same };
}

/** A store may have lost the newest version of one of them. A mark is only ever made to say more. */
function fuller(mark: LogMark, copy: LogMark): LogMark {
  const later = instantOf(copy.until) - instantOf(mark.until);
  return later > 0 || (later === 0 && copy.reason.length > mark.reason.length) ? copy : mark;
}

async function readOne(bucket: ObjectStore, key: string): Promise<LogMark | undefined> {
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    return logMarkDocument.read(stored.body, key);
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'bad-document') return undefined;
    throw thrown;
  }
}
