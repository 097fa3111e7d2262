import type { MutationCut } from './mutation-cut.ts';
import { entryOverhead, EntryCursor, sectionContent, writeEntry } from './entries.ts';
import { logDamaged } from './log-damage.ts';
import type { ReadPiece } from './piece.ts';
import { segmentHeaderOf } from './piece-content.ts';
import { wholeSections } from './section-chain.ts';
import type { SegmentHeader } from './segment-header.ts';

/** Entries that come back, side by side with their sizes and check sums, ready to be written into a segment of that version. */
export interface EntryRun {
  readonly version: number;
  /** A view, valid until the next run is asked for. */
  readonly entries: Uint8Array;
  /** Mutations in it. */
  readonly count: number;
}

/**
 * Cuts the pieces of any number of node streams: those of one node in the order of its log, the nodes' in any. Holds one piece at a time.
 * Throws FailedProblem `log-damaged`, and what `MutationCut` throws.
 */
export async function* cutPieces(
  pieces: AsyncIterable<ReadPiece> | Iterable<ReadPiece>,
  cut: MutationCut,
): AsyncGenerator<EntryRun, void> {
  const segments = new Map<string, { readonly file: string; readonly header: SegmentHeader }>();
  for await (const piece of pieces) {
    const { hostId, segment, from } = piece.header;
    const known = segments.get(hostId);
    const header = known?.file === segment.file ? known.header : segmentHeaderOf(piece);
    segments.set(hostId, { file: segment.file, header });
    yield* cutSections(piece.plain, from, header, cut);
  }
}

/** What is kept of `bytes`, whole sections that begin at `fileOffset` of the segment; at 0 its header stands first. */
export function* cutSections(
  bytes: Uint8Array,
  fileOffset: number,
  header: SegmentHeader,
  cut: MutationCut,
): Generator<EntryRun, void> {
  const skipped = fileOffset === 0 ? header.length : 0;
  let end = fileOffset + skipped;
  for (const { from, to } of wholeSections(bytes.subarray(skipped), header, fileOffset + skipped)) {
    yield* keptRuns(bytes.subarray(from - fileOffset, to - fileOffset), header, cut);
    end = to;
  }
  // A full segment may end with a few bytes too short for a marker, or with an empty one.
  if (bytes.subarray(end - fileOffset).some((byte) => byte !== 0)) {
    throw logDamaged(`Commit log segment ${header.id}`, `the section at ${end} does not begin with a marker`);
  }
}

/** A run is ended when it has grown this long, so that who writes it needs no more room. */
const longRun = 2 ** 19;

function* keptRuns(section: Uint8Array, header: SegmentHeader, every: MutationCut): Generator<EntryRun, void> {
  const { version } = header;
  const cut = every.of(version);
  const content = sectionContent(section, header);
  const cursor = new EntryCursor(content, header.id);
  let from = 0;
  let to = 0;
  let count = 0;
  while (cursor.next()) {
    const verdict = cut.judge(content, cursor.from, cursor.to);
    let whole = verdict === 'whole';
    let changed: Uint8Array | undefined;
    if (verdict === 'unsure') {
      const mutation = content.subarray(cursor.from, cursor.to);
      const kept = cut.takeApart(mutation);
      whole = kept === mutation;
      if (!whole) changed = kept;
    }
    if (count > 0 && (!whole || to - from > longRun)) {
      yield { version, entries: content.subarray(from, to), count };
      count = 0;
    }
    if (whole) {
      if (count === 0) from = cursor.start;
      to = cursor.end;
      count += 1;
    } else if (changed !== undefined) yield { version, entries: entryOf(changed), count: 1 };
  }
  if (count > 0) yield { version, entries: content.subarray(from, to), count };
}

function entryOf(mutation: Uint8Array): Uint8Array {
  const entry = new Uint8Array(mutation.length + entryOverhead);
  writeEntry(entry, 0, mutation);
  return entry;
}
