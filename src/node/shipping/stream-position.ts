import { readingObject } from '../../commitlog/log-damage.ts';
import { readStreamedPieceHeader } from '../../commitlog/piece.ts';
import { firstLink } from '../../commitlog/piece-chain.ts';
import { instantOf, type Micros } from '../../model/instant.ts';
import {
  type LogPieceHeader,
  streamPrefix,
  type Watermark,
  watermarkDocument,
  watermarkKey,
} from '../../model/log-piece.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { SegmentObjects } from './segment-objects.ts';

/** How far a stream has come. */
export interface StreamPosition {
  /** Of the newest piece; undefined before the first. `closed`: nothing follows in it. */
  readonly segment:
    | { readonly id: string; readonly file: string; readonly to: number; readonly closed: boolean }
    | undefined;
  readonly sequence: number;
  readonly chain: string;
  readonly covered: Micros;
}

export interface FoundStream {
  readonly watermark: Watermark | undefined;
  readonly position: StreamPosition;
  /** Of the newest segment. */
  readonly current: SegmentObjects | undefined;
  /** The watermark names a later piece than there is: somebody removed some. */
  readonly missing: boolean;
}

/** What the bucket holds of a stream; a position before everything when that is nothing. `now`: where coverage of a new stream begins. */
export async function findStream(
  bucket: ObjectStore,
  timeline: Watermark['timeline'],
  hostId: string,
  now: Micros,
): Promise<FoundStream> {
  const key = watermarkKey(timeline, hostId);
  const stored = await bucket.get(key);
  const watermark = stored === undefined ? undefined : watermarkDocument.read(stored.body, key);
  const newest = await newestSegment(bucket, streamPrefix(timeline, hostId));
  const current = newest === undefined ? undefined : await findSegment(bucket, newest);
  const last = current?.objects.at(-1);
  const link = last?.pieces.at(-1);
  const position: StreamPosition =
    current === undefined || last === undefined || link === undefined
      ? { segment: undefined, sequence: 0, chain: firstLink(timeline, hostId), covered: now }
      : {
          segment: { ...current.segment, to: last.to, closed: current.closed },
          sequence: link.sequence,
          chain: link.chain,
          covered: instantOf(link.coveredTo),
        };
  if (watermark === undefined) return { watermark, position, current, missing: false };
  if (watermark.sequence > position.sequence) {
    const { sequence, chain } = watermark;
    return { watermark, position: { ...position, sequence, chain }, current, missing: true };
  }
  const at = instantOf(watermark.at);
  const covered = position.sequence === 0 || at > position.covered ? at : position.covered;
  return { watermark, position: { ...position, covered }, current, missing: false };
}

/** What the store holds of one segment; undefined when that is nothing. `prefix` ends in a slash. */
export async function findSegment(bucket: ObjectStore, prefix: string): Promise<SegmentObjects | undefined> {
  const found = await headersBelow(bucket, prefix);
  const [first] = found;
  if (first === undefined) return undefined;
  return new SegmentObjects(
    bucket,
    first.header,
    found.map(({ key, header: { from, to, pieces } }) => ({ key, from, to, pieces })),
    found.some(({ header }) => header.closesSegment),
  );
}

/** Prefix of the newest segment that has objects. */
async function newestSegment(bucket: ObjectStore, prefix: string): Promise<string | undefined> {
  let newest: string | undefined;
  // Names of 19 digits sort as numbers do, and before the stream's other objects.
  for await (const child of bucket.children(prefix)) {
    if (/^\d{19}\/$/.test(child.slice(prefix.length))) newest = child;
  }
  return newest;
}

interface FoundObject {
  readonly key: string;
  readonly header: LogPieceHeader;
}

async function headersBelow(bucket: ObjectStore, prefix: string): Promise<readonly FoundObject[]> {
  const found: FoundObject[] = [];
  for await (const { key } of bucket.list(prefix)) {
    const header = await readingObject(key, async () => readStreamedPieceHeader(await bucket.getStream(key)));
    found.push({ key, header });
  }
  return found;
}
