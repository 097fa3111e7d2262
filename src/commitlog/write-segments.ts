import type { EntryRun } from './cut-segment.ts';
import { SegmentWriter } from './segment-writer.ts';

/** Bytes to append to a segment's file, in order. */
export interface SegmentPart {
  /** `CommitLog-8-1771466400000.log`. */
  readonly file: string;
  readonly id: bigint;
  readonly bytes: Uint8Array;
  /** Mutations of the whole segment when these bytes are its last ones. */
  readonly ended: { readonly mutations: number } | undefined;
}

/**
 * Segments of at most 32 MiB that hold all the runs, each under an id that `nextId` gives; no segment when there are no runs. Holds about
 * a MiB.
 */
export async function* writeSegments(
  runs: AsyncIterable<EntryRun> | Iterable<EntryRun>,
  nextId: () => bigint,
): AsyncGenerator<SegmentPart, void> {
  let writer: SegmentWriter | undefined;
  for await (const { version, entries, count } of runs) {
    if (writer?.version !== version || !writer.addEntries(entries, count)) {
      if (writer !== undefined) yield* lastParts(writer);
      writer = new SegmentWriter(version, nextId());
      writer.addEntries(entries, count);
    }
    yield* parts(writer, writer.take());
  }
  if (writer !== undefined) yield* lastParts(writer);
}

function* lastParts(writer: SegmentWriter): Generator<SegmentPart, void> {
  const chunks = writer.finish();
  yield* parts(writer, chunks.slice(0, -1));
  for (const bytes of chunks.slice(-1)) {
    yield { file: writer.fileName, id: writer.id, bytes, ended: { mutations: writer.mutations } };
  }
}

function* parts({ fileName: file, id }: SegmentWriter, chunks: readonly Uint8Array[]): Generator<SegmentPart, void> {
  for (const bytes of chunks) yield { file, id, bytes, ended: undefined };
}
