import type { Clock } from '../../ports/clock.ts';
import type { LogFiles, SegmentFacts } from '../../ports/log-files.ts';
import { segmentId, type TailSettings } from './log-tail.ts';

/** Milliseconds between looks at Cassandra's segments. */
const keepMs = 1000;

interface Kept {
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly settings: TailSettings;
}

/**
 * Keeps every segment from `after` on while the work goes on: an agent that shall ship does not let Cassandra's log go
 * because the store does not say yet where its stream stands.
 */
export async function whileKeeping<T>(
  kept: Kept,
  after: string | null,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  await keepSegments(kept, after);
  const ended = new AbortController();
  const either = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
  const keeping = (async () => {
    while (!either.aborted) {
      await kept.clock.sleep(keepMs, either).catch(() => undefined);
      // Asked again in a second, and by the shipper itself as soon as there is one.
      if (!either.aborted) await keepSegments(kept, after).catch(() => undefined);
    }
  })();
  try {
    return await work();
  } finally {
    ended.abort();
    await keeping;
  }
}

/**
 * Once. What is given up for the sake of the disk is the oldest, so that whoever takes the stream up sees that it is
 * missing.
 */
export async function keepSegments({ files, settings }: Omit<Kept, 'clock'>, after: string | null): Promise<void> {
  const first = after === null ? -1n : BigInt(after);
  const live = new Set(await files.live());
  const links = await files.kept();
  for (const file of live) if (segmentId(file) > first && !links.includes(file)) await files.keep(file);
  const pinned: Array<{ readonly file: string; readonly bytes: number }> = [];
  for (const file of links.filter((each) => !live.has(each))) {
    const facts = await factsOf(files, file);
    if (facts !== undefined) pinned.push({ file, bytes: facts.taken });
  }
  pinned.sort((one, other) => (segmentId(one.file) < segmentId(other.file) ? -1 : 1));
  let sum = pinned.reduce((total, { bytes }) => total + bytes, 0);
  let { free } = await files.space();
  for (const { file, bytes } of pinned) {
    if (sum <= settings.maximumPinned && free >= settings.minimumFree) return;
    await files.release(file);
    sum -= bytes;
    free += bytes;
  }
}

/**
 * The oldest segment behind `after` that is still there, if nothing that was acknowledged after the instant can have
 * been in one before it: Cassandra makes the next segment when it begins to write to this one, so where the next one
 * was made before the instant, those before this one were full by then.
 */
export async function firstSince(
  files: LogFiles,
  after: bigint | undefined,
  instant: number,
): Promise<{ readonly id: bigint; readonly sure: boolean } | undefined> {
  const there = new Map([...(await files.kept()), ...(await files.live())].map((file) => [segmentId(file), file]));
  const ids = [...there.keys()].filter((id) => id > (after ?? -1n)).sort((one, other) => (one < other ? -1 : 1));
  const [id] = ids;
  if (id === undefined) return undefined;
  const next = there.get(id + 1n);
  const bornMs = next === undefined ? undefined : (await factsOf(files, next))?.bornMs;
  return { id, sure: bornMs !== undefined && (bornMs + birthMs) * 1000 <= instant };
}

/** Undefined when there is no such file any more. */
async function factsOf(files: LogFiles, file: string): Promise<SegmentFacts | undefined> {
  const bytes = await files.open(file);
  if (bytes === undefined) return undefined;
  try {
    return await bytes.facts();
  } finally {
    await bytes.close();
  }
}

/** Milliseconds by which the time of birth of a file may be early: file systems take it from a clock that ticks. */
const birthMs = 10;
