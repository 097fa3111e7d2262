import { epochMicros } from '../../commitlog/mutation-reader.ts';
import type { Micros } from '../../model/instant.ts';

/** Beyond it a write time is no clock that runs ahead but a time that somebody chose. */
const longestMicros = 3600e6;

/**
 * By how many seconds the first write of a section is later than the clock of the node that ships it, at least: a graph server's clock
 * runs ahead. Zero when it is not, or when the section is not of a form that is known; it is looked at without its check sums, for a
 * figure that people are shown. `at`: offset of the section's marker.
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
