import { type LogMark, logMarkDocument, streamPrefix } from '../../model/log-piece.ts';
import { Problem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

/** The marks of a stream that can be read. A damaged one counts as absent: what it told is told again. */
export async function readMarks(bucket: ObjectStore, timeline: string, hostId: string): Promise<readonly LogMark[]> {
  const marks: LogMark[] = [];
  for await (const { key } of bucket.list(`${streamPrefix(timeline, hostId)}marks/`)) {
    const mark = await readMark(bucket, key);
    if (mark !== undefined) marks.push(mark);
  }
  return marks;
}

/** Undefined when there is none, or none that can be read. */
export async function readMark(bucket: ObjectStore, key: string): Promise<LogMark | undefined> {
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    return logMarkDocument.read(stored.body, key);
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'bad-document') return undefined;
    throw thrown;
  }
}
