import { type MutationBytes, mutationDamaged, type MutationWriter } from './mutation-bytes.ts';
import type { LaidColumn } from './table-layout.ts';

/** From this many columns on, a row names columns by their places instead of by bits. */
const many = 64;

/** Which of the header's columns a row has. Throws FailedProblem `log-damaged`. */
export function readSubset(read: MutationBytes, all: readonly LaidColumn[]): readonly LaidColumn[] {
  const bits = read.bits();
  if (bits === 0n) return all;
  if (all.length < many) {
    if (bits >> BigInt(all.length) !== 0n) throw mutationDamaged('a row has columns that its header lacks');
    return all.filter((_, at) => ((bits >> BigInt(at)) & 1n) === 0n);
  }
  if (bits > BigInt(all.length)) throw mutationDamaged('a row lacks more columns than its header has');
  const missing = Number(bits);
  const present = all.length - missing;
  const placesArePresent = listsPresent(present, all.length);
  const places = new Set<number>();
  for (let left = placesArePresent ? present : missing; left > 0; left -= 1) {
    const place = read.count();
    if (place >= all.length) throw mutationDamaged('a row has a column that its header lacks');
    places.add(place);
  }
  return all.filter((_, place) => places.has(place) === placesArePresent);
}

/** As `readSubset` reads it; `chosen` are in the header's order. */
export function writeSubset(write: MutationWriter, chosen: readonly LaidColumn[], all: readonly LaidColumn[]): void {
  const isChosen = new Set(chosen);
  if (all.length < many) {
    write.bits(all.reduce((bits, column, at) => (isChosen.has(column) ? bits : bits | (1n << BigInt(at))), 0n));
    return;
  }
  write.count(all.length - chosen.length);
  if (all.length === chosen.length) return;
  const placesArePresent = listsPresent(chosen.length, all.length);
  for (const [place, column] of all.entries()) {
    if (isChosen.has(column) === placesArePresent) write.count(place);
  }
}

/** Cassandra lists either the present columns or the missing ones, whichever are fewer. */
function listsPresent(present: number, all: number): boolean {
  return present < Math.floor(all / 2);
}
