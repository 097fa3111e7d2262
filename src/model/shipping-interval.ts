import { durationText, milliseconds } from './duration.ts';

/** Milliseconds: of a store that asks a price for each request, and of a sandbox, whose store lies on its machine. */
const usual = { s3: 1000, sandbox: 250 } as const;
const longest = 5000;
const piecesInRpo = 20;

/** The longest time between two pieces of a node's log, in milliseconds, at which an RPO is kept also by a store that answers late. */
export function longestInterval(rpoMs: number): number {
  return rpoMs / piecesInRpo;
}

/** A duration: what holds where the configuration names no interval. It is 5 s or less, and at most a twentieth of the RPO (a duration). */
export function usualInterval(platform: 'sandbox' | 'kubernetes', store: 'directory' | 's3', rpo: string): string {
  const wanted = platform === 'sandbox' ? usual.sandbox : store === 's3' ? usual.s3 : longest;
  return durationText(Math.max(1, Math.min(wanted, longestInterval(milliseconds(rpo)))));
}
