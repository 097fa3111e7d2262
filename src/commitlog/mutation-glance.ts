import { MutationBytes } from './mutation-bytes.ts';
import { formatTableId } from './table-layout.ts';

/** Bytes of a table's id, which stands first in each update. */
const idLength = 16;

/**
 * The id of a serialized mutation's first table, a UUID with dashes, without decoding the rest; undefined when the bytes are too few. A
 * mutation stays within one keyspace, so the first table tells of all.
 */
export function firstTableOf(mutation: Uint8Array): string | undefined {
  const from = (mutation[0] ?? 0) < 0x80 ? 1 : 2;
  return mutation.length < from + idLength ? undefined : formatTableId(mutation.subarray(from, from + idLength));
}

/** The partition key of a serialized mutation, which all its updates have, without decoding the rest. Throws FailedProblem `log-damaged`. */
export function partitionKeyOf(mutation: Uint8Array): Uint8Array {
  const read = new MutationBytes(mutation);
  read.count();
  read.take(idLength);
  return read.sized();
}
