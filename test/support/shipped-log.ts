import { expect } from 'vitest';
import { firstLink } from '../../src/commitlog/piece-chain.ts';
import { readPiece } from '../../src/commitlog/piece.ts';
import { instantOf } from '../../src/model/instant.ts';
import {
  type LogMark,
  type LogPieceHeader,
  logMarkDocument,
  type PieceLink,
  streamPrefix,
  type Watermark,
  watermarkDocument,
  watermarkKey,
} from '../../src/model/log-piece.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';

/** Everything that a bucket holds of one stream, each object checked in itself. */
export interface ShippedLog {
  readonly objects: ReadonlyArray<{
    readonly key: string;
    readonly header: LogPieceHeader;
    readonly plain: Uint8Array;
  }>;
  /** One for each sequence number, ascending. */
  readonly links: readonly PieceLink[];
  readonly marks: readonly LogMark[];
  readonly watermark: Watermark | undefined;
}

/** The watermark first, so that everything it names was there. Pieces are merged while they are read: then once more. */
export async function shippedLog(bucket: ObjectStore, timeline: string, hostId: string): Promise<ShippedLog> {
  const key = watermarkKey(timeline, hostId);
  for (let attempt = 1; ; attempt += 1) {
    const stored = await bucket.get(key);
    const watermark = stored === undefined ? undefined : watermarkDocument.read(stored.body, key);
    const found = await readStream(bucket, streamPrefix(timeline, hostId));
    const whole = found.links.every((link, at) => link.sequence === at + 1);
    if ((whole && found.links.length >= (watermark?.sequence ?? 0)) || attempt === 10) return { ...found, watermark };
  }
}

async function readStream(bucket: ObjectStore, prefix: string): Promise<Omit<ShippedLog, 'watermark'>> {
  const objects: Array<ShippedLog['objects'][number]> = [];
  const marks: LogMark[] = [];
  for await (const { key } of bucket.list(prefix)) {
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    if (key.includes('/marks/')) marks.push(logMarkDocument.read(stored.body, key));
    else if (!key.endsWith('watermark.json') && !key.includes('/index/'))
      objects.push({ key, ...readPiece(stored.body) });
  }
  const links = new Map<number, PieceLink>();
  for (const { header } of objects) for (const link of header.pieces) links.set(link.sequence, link);
  return { objects, links: [...links.values()].sort((a, b) => a.sequence - b.sequence), marks };
}

/** The chain is whole from its first link to the watermark's, and its instants never go back. */
export function expectWhole({ links, watermark }: ShippedLog, timeline: string, hostId: string): void {
  let previous = firstLink(timeline, hostId);
  let covered = 0;
  for (const [at, link] of links.entries()) {
    expect(link.sequence).toBe(at + 1);
    expect(link.previous).toBe(previous);
    expect(instantOf(link.coveredFrom)).toBeGreaterThanOrEqual(covered);
    expect(instantOf(link.coveredTo)).toBeGreaterThanOrEqual(instantOf(link.coveredFrom));
    previous = link.chain;
    covered = instantOf(link.coveredTo);
  }
  if (watermark === undefined) return;
  // A piece may be there before the watermark that names it.
  expect(watermark.sequence).toBeLessThanOrEqual(links.length);
  if (watermark.sequence > 0) expect(watermark.chain).toBe(links[watermark.sequence - 1]?.chain);
}
