import type { EnvironmentConfig } from '../../model/config.ts';
import { milliseconds } from '../../model/duration.ts';
import { type Micros, micros } from '../../model/instant.ts';

/**
 * How long after its commit time a write may reach its node. JanusGraph writes a commit for 100 s at most
 * (`storage.write-time`), and its commit time is taken at the beginning.
 */
const usual = 120_000_000;
/** So much later than another stream's a stream may reach the store, by clocks that differ. */
const streamsApart = 480_000_000;

/** Microseconds that a commit may take where that is longer than usual. */
export function settleMarginOf({ backup }: Pick<EnvironmentConfig, 'backup'>): number {
  return milliseconds(backup.log.settleMargin) * 1000;
}

/**
 * Microseconds after a commit time within which every write of the commit is in the log of its nodes. `settleMargin`:
 * microseconds that `backup.log.settleMargin` says, where a commit may take longer than usual.
 */
export function arrivalWithin(settleMargin = 0): number {
  return Math.max(usual, settleMargin);
}

/** Who has compared the log up to an instant has not seen every commit before it: what begins here may have come later. */
export function comparedUntil(instant: Micros, settleMargin: number): Micros {
  return micros(instant - arrivalWithin(settleMargin) - streamsApart);
}
