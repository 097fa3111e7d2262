import { writePieceParts } from '../../commitlog/piece.ts';
import { type LogPieceHeader, logPieceKey, widestPieces } from '../../model/log-piece.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { nextMerge, type MergeablePiece } from './merge-plan.ts';

/** Reads plain bytes of the segment from the node's disk. `into`: memory that may be used for it. */
export type ReadBack = (from: number, to: number, into: Uint8Array) => Promise<Uint8Array>;

/** What the store holds of one segment. */
export class SegmentObjects {
  readonly segment: LogPieceHeader['segment'];
  readonly #bucket: ObjectStore;
  readonly #stream: Pick<LogPieceHeader, 'timeline' | 'hostId' | 'node'>;
  #objects: MergeablePiece[];
  /** Objects whose bytes a wider one holds: a put that arrived late, or a merge that was cut short. */
  #superseded: MergeablePiece[];
  #closed: boolean;

  constructor(
    bucket: ObjectStore,
    header: Pick<LogPieceHeader, 'timeline' | 'hostId' | 'node' | 'segment'>,
    found: readonly MergeablePiece[],
    closed = false,
  ) {
    const { timeline, hostId, node, segment } = header;
    this.#bucket = bucket;
    this.#stream = { timeline, hostId, node };
    this.segment = segment;
    this.#closed = closed;
    ({ widest: this.#objects, held: this.#superseded } = widestPieces(found));
  }

  /** In log order. */
  get objects(): readonly MergeablePiece[] {
    return this.#objects;
  }

  /** Whether the last object says that nothing follows it. */
  get closed(): boolean {
    return this.#closed;
  }

  add(piece: MergeablePiece, closesSegment: boolean): void {
    this.#objects.push(piece);
    this.#closed = closesSegment;
  }

  /** Whether `merge` has something to do. */
  wantsMerge(whole: boolean): boolean {
    return this.#nextRun(whole) !== undefined || this.#superseded.length > 0;
  }

  /**
   * One step of merging. The merged object comes first, then its parts go: a reader may see both. `whole`: nothing follows in the segment,
   * and its last object is to say so.
   */
  async merge(read: ReadBack, whole: boolean): Promise<void> {
    await Promise.all(this.#superseded.splice(0).map(async ({ key }) => this.#bucket.delete(key)));
    const run = this.#nextRun(whole);
    const [first, last] = [run?.[0], run?.at(-1)];
    if (run === undefined || first === undefined || last === undefined) return;
    const plain = () => inParts(read, first.from, last.to);
    const closesSegment = whole && last === this.#objects.at(-1);
    const header: Omit<LogPieceHeader, 'sha256'> = {
      ...this.#stream,
      segment: this.segment,
      from: first.from,
      to: last.to,
      closesSegment,
      pieces: run.flatMap(({ pieces }) => pieces),
    };
    const key = logPieceKey(header);
    await this.#bucket.putStream(key, writePieceParts(header, plain));
    const merged = new Set(run);
    const at = this.#objects.indexOf(first);
    const rest = this.#objects.filter((object) => !merged.has(object));
    rest.splice(at, 0, { key, from: header.from, to: header.to, pieces: header.pieces });
    this.#objects = rest;
    if (closesSegment) this.#closed = true;
    await Promise.all(run.filter((part) => part.key !== key).map(async (part) => this.#bucket.delete(part.key)));
  }

  #nextRun(whole: boolean): readonly MergeablePiece[] | undefined {
    const run = nextMerge(this.#objects, whole);
    if (run !== undefined || !whole || this.#closed) return run;
    // The last object alone, so that it says that it is the last.
    return this.#objects.length === 0 ? undefined : this.#objects.slice(-1);
  }
}

/** A segment is tens of megabytes; so much of it is in memory at once. */
const partBytes = 512 * 1024;

/** A part stands in memory until the next is asked for: fresh memory for each would keep the garbage collector busier than the merging itself. */
async function* inParts(read: ReadBack, from: number, to: number): AsyncGenerator<Uint8Array> {
  const memory = Buffer.allocUnsafe(Math.min(partBytes, to - from));
  for (let at = from; at < to; at += partBytes) yield read(at, Math.min(to, at + partBytes), memory);
}
