import { readStreamedPieceHeader } from '../../commitlog/piece.ts';
import type { FoundPiece } from '../../commitlog/verified-stream.ts';
import { placeOfPiece } from '../../model/log-piece.ts';
import { FailedProblem, asProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

/** Enough to hide a store's latency, few enough for its connections. */
export const requestsAtOnce = 48;

export interface HeaderReading {
  readonly signal?: AbortSignal;
  /** Objects that are known to be damaged, with the reason; they do not count. */
  readonly damaged?: ReadonlyMap<string, string>;
}

/** Undefined for an object that went since it was listed: it was merged, and its bytes are in another one. */
export async function readHeader(
  bucket: ObjectStore,
  key: string,
  { signal, damaged }: HeaderReading,
): Promise<FoundPiece | undefined> {
  signal?.throwIfAborted();
  if (placeOfPiece(key) === undefined) return { key, fault: 'it does not belong to a shipped log' };
  const known = damaged?.get(key);
  if (known !== undefined) return { key, fault: known };
  try {
    return { key, header: await readStreamedPieceHeader(await bucket.getStream(key)) };
  } catch (error) {
    const problem = failed(error);
    if (problem.code === 'object-missing') return undefined;
    return { key, fault: problem.happened };
  }
}

/**
 * What is wrong with the object itself. A store that does not answer says nothing about the object, so that error is
 * rethrown.
 */
export function failed(error: unknown): FailedProblem {
  const problem = asProblem(error, 'Reading the shipped log');
  if (problem instanceof FailedProblem && problem.code !== 'unexpected') return problem;
  throw error;
}

/** Of a piece: the folder of its segment, without the final slash. */
export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}
