import { hash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { ObjectInfo } from '../../ports/object-store.ts';

/**
 * Up to this size an etag is the SHA-256 of the content. For larger files it is the file's identity: hashing gigabytes
 * for a listing would take hours.
 */
const hashedBytes = 64 * 1024;

/** An object's file, open for reading, as it was found. */
export interface Opened {
  readonly file: FileHandle;
  readonly found: BigIntStats;
}

export async function describe(key: string, { file, found }: Opened): Promise<ObjectInfo> {
  return infoOf(key, found, found.size <= hashedBytes ? await contentOf(file, Number(found.size)) : undefined);
}

export function infoOf(key: string, found: BigIntStats, body: Uint8Array | undefined): ObjectInfo {
  const etag =
    body !== undefined && found.size <= hashedBytes
      ? hash('sha256', body)
      : [found.ino, found.mtimeNs, found.size].map((part) => part.toString(36)).join('-');
  return { key, bytes: Number(found.size), etag, modifiedAt: found.mtime };
}

/** From the file's beginning, as many bytes as it had when it was opened. */
export async function contentOf(file: FileHandle, bytes: number): Promise<Buffer> {
  const content = Buffer.allocUnsafe(bytes);
  let at = 0;
  while (at < bytes) {
    const { bytesRead } = await file.read(content, at, bytes - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return content.subarray(0, at);
}

/** The same, in parts of at most `longest` bytes. Its end closes the file. Throws what the file system throws. */
export function streamOf({ file, found }: Opened, longest: number): AsyncIterable<Uint8Array> {
  const bytes = Number(found.size);
  // A stream allocates such a buffer before each read, also for an object of some hundred bytes, and once more to
  // learn that there is nothing left. Hundreds of objects are read at once, and their buffers stay until a collection.
  return file.createReadStream({ highWaterMark: Math.min(longest, Math.max(1, bytes)), end: Math.max(0, bytes - 1) });
}
