import { logDamaged } from './log-damage.ts';

/** The plain bytes of an LZ4 block that holds exactly `plainLength`. Throws FailedProblem `log-damaged`. */
export function decompressLz4(block: Uint8Array, plainLength: number): Uint8Array {
  const plain = new Uint8Array(plainLength);
  let at = 0;
  let end = 0;

  /** A length of 15 goes on in the bytes that follow, the last of which is below 255. */
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (let more = 255; more === 255; at += 1) {
      more = block[at] ?? fail('a length is cut off');
      length += more;
    }
    return length;
  };

  while (at < block.length) {
    const token = block[at] as number;
    at += 1;
    const literals = lengthFrom(token >>> 4);
    if (at + literals > block.length || end + literals > plainLength) fail('literals go beyond its end');
    plain.set(block.subarray(at, at + literals), end);
    at += literals;
    end += literals;
    // The last sequence has no match.
    if (at === block.length) break;
    if (at + 2 > block.length) fail('an offset is cut off');
    const offset = (block[at] as number) | ((block[at + 1] as number) << 8);
    at += 2;
    const length = lengthFrom(token & 15) + 4;
    if (offset === 0 || offset > end || end + length > plainLength) fail('a match lies outside');
    copyMatch(plain, end, offset, length);
    end += length;
  }
  if (end !== plainLength) fail(`it holds ${end} bytes instead of ${plainLength}`);
  return plain;
}

/** `length` bytes from `offset` back to `at`; where they overlap, what was just written is copied again. */
export function copyMatch(plain: Uint8Array, at: number, offset: number, length: number): void {
  if (offset >= length) plain.copyWithin(at, at - offset, at - offset + length);
  else for (let step = 0; step < length; step += 1) plain[at + step] = plain[at - offset + step] as number;
}

function fail(why: string): never {
  throw logDamaged('An LZ4 block of the commit log', why);
}
