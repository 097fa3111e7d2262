import { type MutationBytes, mutationDamaged, type MutationWriter } from './mutation-bytes.ts';

/** Values under one header, which has two bits for each: null, empty. */
const group = 32;

type Values = ReadonlyArray<Uint8Array | undefined>;

/** `count` values of a clustering, undefined for null. Throws FailedProblem `log-damaged`. */
export function readClustering(read: MutationBytes, types: ReadonlyArray<number | undefined>, count: number): Values {
  if (count > types.length) throw mutationDamaged('a clustering has more values than its table has columns');
  const values: Array<Uint8Array | undefined> = [];
  let header = 0n;
  for (let place = 0; place < count; place += 1) {
    if (place % group === 0) header = read.bits();
    // Mostly there is neither null nor empty, and bigints are slow.
    const bits = header === 0n ? 0 : Number((header >> BigInt(2 * (place % group))) & 3n);
    if (bits === 0) values.push(read.value(types[place]));
    else values.push(bits === 1 ? read.take(0) : undefined);
  }
  return values;
}

export function writeClustering(write: MutationWriter, types: ReadonlyArray<number | undefined>, values: Values): void {
  for (let from = 0; from < values.length; from += group) {
    const part = values.length > group ? values.slice(from, from + group) : values;
    const bits = (value: Uint8Array | undefined) => (value === undefined ? 2n : value.length === 0 ? 1n : 0n);
    if (part.every((value) => value !== undefined && value.length > 0)) write.count(0);
    else write.bits(part.reduce((header, value, place) => header | (bits(value) << BigInt(2 * place)), 0n));
    for (let place = 0; place < part.length; place += 1) {
      const value = part[place];
      if (value !== undefined && value.length > 0) write.value(value, types[from + place]);
    }
  }
}
