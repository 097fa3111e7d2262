import { epochMicros } from '../../commitlog/mutation-reader.ts';
import type { Micros } from '../../model/instant.ts';

/** Beyond this lead, a write time does not come from a clock that runs ahead; somebody chose it. */
const longestMicros = 3600e6;

/**
 * The least number of seconds by which the first write of a section is later than the clock of the node that ships it,
 * because a graph server's clock runs ahead. Zero if it is not later, or if the form of the section is unknown. It is
 * read without its check sums, because it is only a figure for people. `at`: offset of the section's marker.
 */
export function clockLead(plain: Uint8Array, at: number, shippedAt: Micros): number {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  // Marker, then the entry's size and its check sum, then the mutation: how many updates, and of the first its table and key.
  const count = unsigned(view, at + 16);
  const key = count === undefined ? undefined : unsigned(view, count.end + 16);
  if (key === undefined) return 0;
  const flagsAt = key.end + key.value;
  if (flagsAt >= view.byteLength || (view.getUint8(flagsAt) & 1) === 1) return 0;
  const earliest = unsigned(view, flagsAt + 1);
  if (earliest === undefined) return 0;
  const lead = epochMicros + earliest.value - shippedAt;
  return lead > 0 && lead < longestMicros ? lead / 1e6 : 0;
}

/** A whole number whose first byte says by its leading ones how many follow. */
function unsigned(view: DataView, at: number): { readonly value: number; readonly end: number } | undefined {
  if (at >= view.byteLength) return undefined;
  const first = view.getUint8(at);
  const more = Math.min(8, Math.clz32(~first << 24));
  if (at + more >= view.byteLength) return undefined;
  let value = more >= 7 ? 0 : first & (0xff >> (more + 1));
  for (let byte = 1; byte <= more; byte += 1) value = value * 256 + view.getUint8(at + byte);
  return { value, end: at + 1 + more };
}
