import { z } from 'zod';

/** The highest epoch that there can be: eight digits, as in the name of a lease. A hundred runs a day last 2,700 years. */
export const lastEpoch = 99_999_999;

/**
 * How far an epoch may be above the highest that is known. Honest ones grow by one with each run; what leaps further is
 * an error or forged, and must not use up the epochs that are left.
 */
export const farthestLeap = 1_000_000;

export const leaseEpoch = z.number().int().nonnegative().max(lastEpoch);
