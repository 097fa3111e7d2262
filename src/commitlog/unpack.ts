import type { inflateSync, zstdDecompressSync } from 'node:zlib';

export type Unpack = typeof inflateSync | typeof zstdDecompressSync;

/**
 * Decompresses one block of at most `most` bytes of content, and tells how many bytes of it that took: the decoders stop at the end of their
 * frame and say nothing about what follows. Throws what they throw.
 */
export function unpackBlock(
  unpack: Unpack,
  block: Uint8Array,
  most: number,
): { readonly content: Uint8Array; readonly used: number } {
  // What `info` adds is not in the platform's types.
  const result = unpack(block, { info: true, maxOutputLength: most }) as unknown as {
    readonly buffer: Uint8Array;
    readonly engine: { readonly bytesWritten: number };
  };
  return { content: result.buffer, used: result.engine.bytesWritten };
}
