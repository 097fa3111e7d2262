import { type Micros, micros } from './instant.ts';

/**
 * JanusGraph sets a transaction's time once and writes its deletions at the even microsecond and its additions at the odd one after it.
 * The slot names both: the odd one. A cut at an odd microsecond is therefore whole per transaction, across nodes, tables and partitions.
 */
export function commitSlot(writeTime: Micros): Micros {
  return micros(writeTime % 2 === 0 ? writeTime + 1 : writeTime);
}

/** `--to T`, everything committed at or before T: the last write time that is kept. */
export function cutAfter(instant: Micros): Micros {
  return commitSlot(instant);
}

/** The last write time that is kept when the transaction of this slot and all later ones go. */
export function cutBefore(slot: Micros): Micros {
  return micros(slot - 2);
}
