import { type IndexedPiece, readLogIndex, readStreamedIndexHeader, writeLogIndex } from '../../commitlog/log-index.ts';
import { readStreamedPieceHeader } from '../../commitlog/piece.ts';
import { storedPiece } from '../../commitlog/verified-stream.ts';
import { formatInstant, instantOf, type Micros } from '../../model/instant.ts';
import { type LogIndexHeader, logIndexPrefix, runOfIndex } from '../../model/log-index.ts';
import { placeOfPiece, segmentFolder, streamPrefix, widestPieces } from '../../model/log-piece.ts';
import { Problem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

/** Segments looked at in one step, so that merges and the end of the agent wait no longer than for these. */
const stepSegments = 64;
/** Objects of one index, about: a node that writes much has several in an hour. */
const mostObjects = 4096;

export interface IndexedStream {
  readonly bucket: ObjectStore;
  readonly timeline: LogIndexHeader['timeline'];
  readonly hostId: string;
  readonly node: string;
  /** Whether a segment is in the stream to its end, and its objects stay as they are. */
  readonly isFinished: (segment: bigint) => boolean;
}

interface Run {
  readonly key: string;
  readonly header: LogIndexHeader;
}

/**
 * Writes the indexes of a stream: one for each hour of its clock that is over, then one for each day instead of its hours. It works from what
 * lies in the store, so an agent that starts anew goes on where indexes end, also in a bucket of before there were any.
 */
export class LogIndexer {
  readonly #stream: IndexedStream;
  /** Undefined until the store was looked at. */
  #runs: Run[] | undefined;
  /** Objects behind the last index, of an hour that is not over. */
  #pending: IndexedPiece[] = [];
  /** Folder of the last segment that is in an index or pending. */
  #seen = '';

  constructor(stream: IndexedStream) {
    this.#stream = stream;
  }

  /** Resolves whether there is more to do at once. `now`: by the node's clock. Throws RetryableProblem when the store is away; then it is done again. */
  async step(now: Micros): Promise<boolean> {
    this.#runs ??= await this.#load();
    const segments = await this.#nextSegments();
    for (const segment of segments) {
      const pieces = await ifSound(async () => this.#piecesOf(segment));
      for (const piece of pieces ?? []) {
        if (this.#pending.length > 0 && !goesInto(this.#pending, piece)) await this.#write();
        this.#pending.push(piece);
      }
      this.#seen = segment;
    }
    const [first] = this.#pending;
    if (first !== undefined && hourOf(first.coveredTo) < hourOf(now)) await this.#write();
    if (segments.length > 0) return true;
    return this.#joinDay(now);
  }

  async #load(): Promise<Run[]> {
    const { bucket, timeline, hostId } = this.#stream;
    const found: Array<{ readonly key: string; readonly from: number; readonly to: number }> = [];
    for await (const { key } of bucket.list(logIndexPrefix(timeline, hostId))) {
      const run = runOfIndex(key);
      if (run !== undefined) found.push({ key, from: run.from - 1, to: run.to });
    }
    const { widest, held } = widestPieces(found);
    // A join that was cut short.
    for (const { key } of held) await bucket.delete(key);
    const runs: Run[] = [];
    for (const { key } of widest) {
      const header = await ifSound(async () => readStreamedIndexHeader(await bucket.getStream(key)));
      if (header !== undefined) runs.push({ key, header });
    }
    const last = runs.at(-1)?.header.lastSegment;
    this.#seen = last === undefined ? '' : segmentFolder(last);
    return runs;
  }

  /** Folders of finished segments behind what was seen, oldest first. */
  async #nextSegments(): Promise<readonly string[]> {
    const { bucket, timeline, hostId, isFinished } = this.#stream;
    const prefix = streamPrefix(timeline, hostId);
    const found: string[] = [];
    const after = this.#seen === '' ? {} : { after: `${prefix}${this.#seen}/~` };
    for await (const child of bucket.children(prefix, after)) {
      const [, segment] = /^(\d{19})\/$/.exec(child.slice(prefix.length)) ?? [];
      if (segment === undefined || segment <= this.#seen) continue;
      if (!isFinished(BigInt(segment)) || found.length === stepSegments) break;
      found.push(segment);
    }
    return found;
  }

  async #piecesOf(segment: string): Promise<readonly IndexedPiece[]> {
    const { bucket, timeline, hostId } = this.#stream;
    const listed: Array<{ readonly key: string; readonly from: number; readonly to: number; readonly bytes: number }> =
      [];
    for await (const { key, bytes } of bucket.list(`${streamPrefix(timeline, hostId)}${segment}/`)) {
      const place = placeOfPiece(key);
      if (place !== undefined) listed.push({ key, bytes, from: place.from, to: place.to });
    }
    const pieces: IndexedPiece[] = [];
    for (const { key, bytes } of widestPieces(listed).widest) {
      const header = await readStreamedPieceHeader(await bucket.getStream(key));
      pieces.push({ ...storedPiece(key, header), stored: bytes });
    }
    return pieces;
  }

  async #write(): Promise<void> {
    const pieces = this.#pending;
    const { bucket } = this.#stream;
    const { key, header, body } = await writeLogIndex(this.#stream, pieces);
    await bucket.put(key, body);
    this.#pending = [];
    this.#runs?.push({ key, header });
  }

  /** The hours of a day that is over become one index. Resolves whether there were some. */
  async #joinDay(now: Micros): Promise<boolean> {
    const { bucket } = this.#stream;
    const runs = this.#runs ?? [];
    const day = joinable(runs, now);
    if (day.length < 2) return false;
    const pieces: IndexedPiece[] = [];
    for (const part of day) {
      const stored = await bucket.get(part.key);
      const read = stored === undefined ? undefined : await ifSound(() => readLogIndex(stored.body));
      // It is damaged, or retention has removed it.
      if (read === undefined) {
        runs.splice(runs.indexOf(part), 1);
        return true;
      }
      pieces.push(...read.pieces);
    }
    const { key, header, body } = await writeLogIndex(this.#stream, pieces);
    await bucket.put(key, body);
    for (const part of day) if (part.key !== key) await bucket.delete(part.key);
    runs.splice(runs.indexOf(day[0] as Run), day.length, { key, header });
    return true;
  }
}

/** Undefined for what is damaged, or was removed since it was listed: whoever reads the log reads there what the objects say. */
async function ifSound<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof Problem && ['log-damaged', 'object-missing'].includes(thrown.code)) return undefined;
    throw thrown;
  }
}

/** The first runs of one day, before today, that follow one another and have not become one yet. */
function joinable(runs: readonly Run[], now: Micros): readonly Run[] {
  let group: Run[] = [];
  for (const run of runs) {
    const last = group.at(-1);
    const goesOn =
      last !== undefined &&
      run.header.previous === last.header.chain &&
      run.header.first === last.header.last + 1 &&
      dayOf(run) === dayOf(last) &&
      group.reduce((sum, { header }) => sum + header.objects, run.header.objects) <= mostObjects;
    if (!goesOn) {
      if (group.length > 1) return group;
      group = [];
    }
    if (dayOf(run) < formatInstant(now).slice(0, 10)) group.push(run);
  }
  return group;
}

/** Whether the next object goes into the same index as those. */
function goesInto(pending: readonly IndexedPiece[], next: IndexedPiece): boolean {
  const [first] = pending;
  const last = pending.at(-1);
  if (first === undefined || last === undefined) return true;
  if (next.first !== last.last + 1 || next.previous !== last.chain) return false;
  // All objects of a segment are in one index.
  if (next.segment === last.segment) return true;
  return pending.length < mostObjects && hourOf(first.coveredTo) === hourOf(next.coveredTo);
}

function hourOf(at: Micros): number {
  return Math.floor(at / 3_600_000_000);
}

function dayOf({ header: { coveredTo } }: Run): string {
  return formatInstant(instantOf(coveredTo)).slice(0, 10);
}
