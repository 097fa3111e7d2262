import { createHash } from 'node:crypto';
import { objectPatience, patiently } from '../../ports/patience.ts';
import type { NodeParts } from '../node-parts.ts';
import type { StoredAs } from './stored-files.ts';

/** Files read back at once: enough to keep a store busy, few enough for memory. */
const readers = 4;

interface ReadingBack {
  /** Bytes that were read so far, of all files. */
  readonly onBytes: (bytes: number) => void;
  /** `sum`: SHA-256 of the object, as hexadecimal digits. */
  readonly onRead: (file: StoredAs, sum: string) => void;
  /** Of a file that could not be read. Without it, and where it throws, that ends the reading of all. */
  readonly onFailure?: (file: StoredAs, thrown: unknown) => void;
}

/** Reads objects from the store and hashes them, some at a time. */
export async function readBack(
  parts: Pick<NodeParts, 'bucket' | 'clock'>,
  files: readonly StoredAs[],
  signal: AbortSignal,
  { onBytes, onRead, onFailure }: ReadingBack,
): Promise<void> {
  let done = 0;
  const report = (bytes: number) => {
    done += bytes;
    onBytes(done);
  };
  onBytes(0);
  const queue = files.values();
  const broken = new AbortController();
  const over = AbortSignal.any([signal, broken.signal]);
  const read = async () => {
    for (const file of queue) {
      try {
        onRead(file, await hashOf(parts, file.key, over, report));
      } catch (thrown) {
        if (onFailure === undefined || over.aborted) throw thrown;
        onFailure(file, thrown);
      }
    }
  };
  // What one of them breaks on ends the others: the check is begun again, and must not run beside its own past.
  const reading = async () => read().catch((thrown: unknown) => broken.abort(thrown));
  await Promise.all(Array.from({ length: readers }, reading));
  broken.signal.throwIfAborted();
}

/**
 * SHA-256 of an object. `onBytes` gets the number of bytes read, and a negative number when the object breaks off and is
 * read again. Only then is it retried here: before the first byte, the bucket itself retries.
 */
export async function hashOf(
  { bucket, clock }: Pick<NodeParts, 'bucket' | 'clock'>,
  key: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  let read = 0;
  let begun = false;
  return patiently(clock, { ...objectPatience, signal, only: () => begun }, async () => {
    onBytes(-read);
    read = 0;
    begun = false;
    return hashOfStream(await bucket.getStream(key), signal, (bytes) => {
      begun = true;
      read += bytes;
      onBytes(bytes);
    });
  });
}

/** SHA-256 of all bytes, as hexadecimal digits. `onBytes` is told how many each chunk has. */
export async function hashOfStream(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onBytes: (bytes: number) => void = () => {},
): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    hash.update(chunk);
    onBytes(chunk.length);
  }
  return hash.digest('hex');
}
