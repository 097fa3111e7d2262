/**
 * How long after its commit time a write may reach its node. JanusGraph writes a commit for 100 s at most
 * (`storage.write-time`), and its commit time is taken at the beginning.
 */
const usual = 120_000_000;

/**
 * Microseconds after a commit time within which every write of the commit is in the log of its nodes. `settleMargin`:
 * microseconds that `backup.log.settleMargin` says, where a commit may take longer than usual.
 */
export function arrivalWithin(settleMargin = 0): number {
  return Math.max(usual, settleMargin);
}
