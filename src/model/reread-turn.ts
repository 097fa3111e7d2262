import { sha256 } from './sha256.ts';

/**
 * Which stored objects are to be read again: those of the days after `after` up to `until` (days since 1970), of a turn of `of` days. Every object has one day
 * of the turn, by its key, so that each is read once in it however many backups a day there are, and a day without a backup is made up for
 * by the next one.
 */
export interface RereadTurn {
  readonly after: number;
  readonly until: number;
  readonly of: number;
}

const dayMs = 86_400_000;

/** `last`: when a backup did it before, milliseconds; undefined when none did. `days`: in how many days everything is read once. */
export function rereadTurn({
  last,
  now,
  days,
}: {
  readonly last: number | undefined;
  readonly now: number;
  readonly days: number;
}): RereadTurn {
  const until = Math.floor(now / dayMs);
  const after = last === undefined ? until - 1 : Math.min(until, Math.floor(last / dayMs));
  return { after: Math.max(after, until - days), until, of: days };
}

export function isTurnOf(key: string, { after, until, of }: RereadTurn): boolean {
  const day = Number.parseInt(sha256(key).slice(0, 8), 16) % of;
  // The first day after `after` that is this one's.
  const next = after + 1 + ((((day - (after + 1)) % of) + of) % of);
  return next <= until;
}
