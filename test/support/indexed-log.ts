import { timelineId } from '../../src/model/identifiers.ts';
import { LogIndexer } from '../../src/node/shipping/log-indexer.ts';
import { nodeOf, second, type ShippedBucket } from './shipped-bucket.ts';

/** Indexes the segments before `open`, as an agent does at that second. */
export async function indexLog(
  { store }: ShippedBucket,
  hostId: string,
  { open, now, timeline = 't0001' }: { readonly open: number; readonly now: number; readonly timeline?: string },
): Promise<void> {
  const isFinished = (segment: bigint) => segment < BigInt(open);
  const stream = { bucket: store, timeline: timelineId.parse(timeline), hostId, node: nodeOf(hostId), isFinished };
  const indexer = new LogIndexer(stream);
  while (await indexer.step(second(now)));
}
