import { readingObject } from '../../commitlog/log-damage.ts';
import { type IndexedPiece, ListingSum, readLogIndex, runOf } from '../../commitlog/log-index.ts';
import type { FoundPiece, StreamFold } from '../../commitlog/verified-stream.ts';
import type { LogIndexHeader } from '../../model/log-index.ts';
import { segmentFolder, streamPrefix } from '../../model/log-piece.ts';
import { mapConcurrently } from '../../model/map-concurrently.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { failed, folderOf, type HeaderReading, readHeader, requestsAtOnce } from './piece-headers.ts';

/** Objects whose headers stand in memory together. */
const batchObjects = 512;
/** Looks at a segment whose objects go while they are read, because its agent merges them. */
const mostLooks = 5;

export interface Place {
  readonly timeline: string;
  readonly hostId: string;
}

interface Listed {
  readonly key: string;
  readonly bytes: number;
}

/** All objects below one folder of a stream. */
export interface ListedSegment {
  /** 19 digits; for objects that do not belong there, whatever their folder is called. */
  readonly segment: string;
  readonly objects: readonly Listed[];
}

export interface FoundIndex {
  readonly key: string;
  readonly header: LogIndexHeader;
  /** Names of the folders of its first and last segment. */
  readonly from: string;
  readonly to: string;
}

/** Where what is listed lies, and the fold that it goes into. */
export interface StretchReading {
  readonly bucket: ObjectStore;
  readonly place: Place;
  readonly fold: StreamFold;
  readonly reading: HeaderReading;
}

/**
 * Segments of a listing that are told of by the same index, or by none. Each goes into the fold with `add`, or with
 * `end` at the latest.
 */
interface Stretch {
  /** In the order of the listing. Throws what the store throws. */
  add(listed: ListedSegment): Promise<void>;
  /** No more of them. Throws what the store throws. */
  end(): Promise<void>;
}

/**
 * How a stretch is read that begins right after the key `after`, or with the stream when that is undefined: by the
 * headers of its objects when there is no index; by its entries when single objects are wanted (`open`), or when it
 * does not follow what was read; else by its header alone. Throws nothing itself.
 */
export function stretchOf(
  stretches: StretchReading,
  told: { readonly index: FoundIndex | undefined; readonly open: boolean; readonly after: string | undefined },
): Stretch {
  const { index, open, after } = told;
  if (index === undefined) return new HeaderStretch(stretches);
  const isRun = !open && stretches.fold.follows(runOf(index.key, index.header));
  return isRun ? new RunStretch(stretches, index, after) : new EntryStretch(stretches, index);
}

/** No index tells of these: the headers of their objects are read, some hundred together. */
class HeaderStretch implements Stretch {
  readonly #stretches: StretchReading;
  #waiting: ListedSegment[] = [];
  #objects = 0;

  constructor(stretches: StretchReading) {
    this.#stretches = stretches;
  }

  async add(listed: ListedSegment): Promise<void> {
    if (this.#objects >= batchObjects) await this.end();
    this.#waiting.push(listed);
    this.#objects += listed.objects.length;
  }

  async end(): Promise<void> {
    const segments = this.#waiting;
    this.#waiting = [];
    this.#objects = 0;
    await foldHeaders(segments, this.#stretches);
  }
}

/** Each object is compared with the entry of the index, and where a segment differs, its headers are read. */
class EntryStretch implements Stretch {
  readonly #stretches: StretchReading;
  readonly #index: FoundIndex;
  readonly #doubtful: HeaderStretch;
  #entries: Map<string, IndexedPiece[]> | undefined;

  constructor(stretches: StretchReading, index: FoundIndex) {
    this.#stretches = stretches;
    this.#index = index;
    this.#doubtful = new HeaderStretch(stretches);
  }

  async add(listed: ListedSegment): Promise<void> {
    const { bucket, fold, reading } = this.#stretches;
    this.#entries ??= await entriesOf(bucket, this.#index.key);
    const told = this.#entries.get(listed.segment) ?? [];
    // Held no longer than needed: a day of a busy node has a hundred thousand.
    this.#entries.delete(listed.segment);
    if (!isTold(listed, told, reading)) return this.#doubtful.add(listed);
    await this.#doubtful.end();
    for (const piece of told) fold.addIndexed(piece);
  }

  async end(): Promise<void> {
    await this.#doubtful.end();
  }
}

/** The index alone is enough if what is listed is what it tells of: that shows in a sum, and nothing listed is held. */
class RunStretch implements Stretch {
  readonly #stretches: StretchReading;
  readonly #index: FoundIndex;
  readonly #after: string | undefined;
  readonly #listing = new ListingSum();
  #damaged = false;

  constructor(stretches: StretchReading, index: FoundIndex, after: string | undefined) {
    this.#stretches = stretches;
    this.#index = index;
    this.#after = after;
  }

  async add({ objects }: ListedSegment): Promise<void> {
    const { damaged } = this.#stretches.reading;
    for (const object of objects) {
      this.#listing.add(object);
      if (damaged?.has(object.key) === true) this.#damaged = true;
    }
  }

  async end(): Promise<void> {
    const { key, header } = this.#index;
    if (!this.#damaged && this.#listing.digest() === header.listing) {
      this.#stretches.fold.addRun(runOf(key, header), header.plainBytes);
    } else {
      await this.#listAgain();
    }
  }

  /** Rarely do they differ: to list them again then costs less than to hold each of them always. */
  async #listAgain(): Promise<void> {
    const { bucket, place, reading } = this.#stretches;
    const entries = new EntryStretch(this.#stretches, this.#index);
    for await (const listed of listSegments(bucket, place, this.#after)) {
      reading.signal?.throwIfAborted();
      if (listed.segment > this.#index.to) break;
      // An earlier one may have been merged meanwhile: it was read.
      if (holds(this.#index, listed.segment)) await entries.add(listed);
    }
    await entries.end();
  }
}

/** Whether the index tells of the segment with this name of its folder. */
export function holds({ from, to }: FoundIndex, segment: string): boolean {
  return from <= segment && segment <= to;
}

/** The segments of a stream in log order, strictly after a key if one is given. Throws what the store throws. */
export async function* listSegments(
  bucket: ObjectStore,
  { timeline, hostId }: Place,
  after: string | undefined,
): AsyncGenerator<ListedSegment> {
  const prefix = streamPrefix(timeline, hostId);
  let segment: string | undefined;
  let objects: Listed[] = [];
  for await (const { key, bytes } of bucket.list(prefix, after === undefined ? {} : { after })) {
    const name = key.slice(prefix.length);
    if (/^(?:index|marks)\/|^watermark\.json$/.test(name)) continue;
    const folder = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
    if (segment !== undefined && folder !== segment) {
      yield { segment, objects };
      objects = [];
    }
    segment = folder;
    objects.push({ key, bytes });
  }
  if (segment !== undefined) yield { segment, objects };
}

/** By the folder of their segment; none when it is gone or damaged. */
async function entriesOf(bucket: ObjectStore, key: string): Promise<Map<string, IndexedPiece[]>> {
  const stored = await bucket.get(key);
  if (stored === undefined) return new Map();
  try {
    const { pieces } = await readingObject(key, () => readLogIndex(stored.body));
    return Map.groupBy(pieces, ({ segment }) => segmentFolder(segment));
  } catch (thrown) {
    if (failed(thrown).code === 'log-damaged') return new Map();
    throw thrown;
  }
}

function isTold({ objects }: ListedSegment, told: readonly IndexedPiece[], { damaged }: HeaderReading): boolean {
  const sizes = new Map(told.map(({ key, stored }) => [key, stored]));
  return (
    told.length > 0 &&
    told.length === objects.length &&
    objects.every(({ key, bytes }) => sizes.get(key) === bytes && damaged?.has(key) !== true)
  );
}

async function foldHeaders(
  segments: readonly ListedSegment[],
  { bucket, fold, reading }: StretchReading,
): Promise<void> {
  const read = await mapConcurrently(
    segments.flatMap(({ objects }) => objects),
    requestsAtOnce,
    async ({ key }) => readHeader(bucket, key, reading),
  );
  let at = 0;
  for (const { objects } of segments) {
    let found: ReadonlyArray<FoundPiece | undefined> = read.slice(at, at + objects.length);
    at += objects.length;
    for (let look = 1; look < mostLooks && found.includes(undefined); look += 1) {
      found = await readFolder(bucket, objects, reading);
    }
    fold.addSegment(found.filter((each) => each !== undefined));
  }
}

/** Once more what lies in the folder of these objects. */
async function readFolder(
  bucket: ObjectStore,
  objects: readonly Listed[],
  reading: HeaderReading,
): Promise<ReadonlyArray<FoundPiece | undefined>> {
  const keys: string[] = [];
  for await (const { key } of bucket.list(`${folderOf(objects[0]?.key ?? '')}/`)) keys.push(key);
  return mapConcurrently(keys, requestsAtOnce, async (key) => readHeader(bucket, key, reading));
}
