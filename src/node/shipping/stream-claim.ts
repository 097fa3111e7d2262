import type { z } from 'zod';
import type { timelineId } from '../../model/identifiers.ts';
import { watermarkDocument, watermarkKey } from '../../model/log-piece.ts';
import type { Clock } from '../../ports/clock.ts';
import { ConflictProblem, type ObjectStore } from '../../ports/object-store.ts';
import { foreignStream, unsteadyStream } from './shipping-problems.ts';

/** The watermark as the writer of the stream knows it. */
export interface HeldWatermark {
  readonly etag: string;
  readonly text: string;
  readonly beat: number;
}

/** Seconds without a piece after which a living writer replaces the watermark all the same. */
export const heartbeatSeconds = 5;
/** Seconds for which a stream must stand still before another writer takes it over: a few beats, and their patience with the store. */
const watchSeconds = 20;

/**
 * Takes the stream over from the agent that shipped it before, which may be this one before its restart. If that was
 * another one, its watermark is watched first: while it changes, its agent lives. Undefined when there is no stream yet.
 * Throws RefusedProblem `log-stream-foreign`.
 */
export async function claimStream(
  bucket: ObjectStore,
  clock: Clock,
  stream: { readonly timeline: z.infer<typeof timelineId>; readonly hostId: string; readonly node: string },
  writer: string,
  signal?: AbortSignal,
): Promise<HeldWatermark | undefined> {
  const key = watermarkKey(stream.timeline, stream.hostId);
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  const watermark = watermarkDocument.read(stored.body, key);
  if (watermark.writer?.id !== writer) {
    for (const until = clock.monotonic() + watchSeconds; clock.monotonic() < until; ) {
      await clock.sleep(1000, signal);
      const now = await bucket.head(key);
      if (now !== undefined && now.etag !== stored.etag) throw foreignStream(stream.node, key);
    }
  }
  const beat = (watermark.writer?.beat ?? 0) + 1;
  const text = watermarkDocument.write({ ...watermark, writer: { id: writer, beat } });
  try {
    return { etag: (await bucket.put(key, text, { ifMatch: stored.etag })).etag, text, beat };
  } catch (thrown) {
    // Of another agent or of a store that comes and goes: the next look tells.
    if (thrown instanceof ConflictProblem) throw unsteadyStream(stream.node, key);
    throw thrown;
  }
}
