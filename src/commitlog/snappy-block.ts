import { logDamaged } from './log-damage.ts';
import { copyMatch } from './lz4-block.ts';

/** The plain bytes of a raw Snappy block that holds exactly `plainLength`. Throws FailedProblem `log-damaged`. */
export function decompressSnappy(block: Uint8Array, plainLength: number): Uint8Array {
  const { announced, length: preamble } = announcedLength(block);
  if (announced !== plainLength) fail(`it should hold ${announced} bytes, but its section ${plainLength}`);
  const plain = new Uint8Array(plainLength);
  let at = preamble;
  let end = 0;

  /** A number of 1 to 4 bytes, the lowest first. */
  const number = (bytes: number): number => {
    if (at + bytes > block.length) fail('it is cut off');
    let value = 0;
    for (let byte = 0; byte < bytes; byte += 1) value += (block[at + byte] as number) * 2 ** (8 * byte);
    at += bytes;
    return value;
  };

  while (at < block.length) {
    const tag = number(1);
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >>> 2;
      // 60 to 63 say that the length less one stands in the next 1 to 4 bytes.
      const length = 1 + (short < 60 ? short : number(short - 59));
      if (at + length > block.length || end + length > plainLength) fail('literals go beyond its end');
      plain.set(block.subarray(at, at + length), end);
      at += length;
      end += length;
      continue;
    }
    const length = kind === 1 ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2);
    const offset = kind === 1 ? ((tag >>> 5) << 8) | number(1) : number(kind === 2 ? 2 : 4);
    if (offset === 0 || offset > end || end + length > plainLength) fail('a copy lies outside');
    copyMatch(plain, end, offset, length);
    end += length;
  }
  if (end !== plainLength) fail(`it holds ${end} bytes instead of ${plainLength}`);
  return plain;
}

function announcedLength(block: Uint8Array): { announced: number; length: number } {
  let announced = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = block[at] ?? fail('its length is cut off');
    announced += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return { announced, length: at + 1 };
  }
  return fail('its length has no end');
}

function fail(why: string): never {
  throw logDamaged('A Snappy block of the commit log', why);
}
