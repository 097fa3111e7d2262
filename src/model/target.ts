import { milliseconds } from './duration.ts';
import { pointId } from './identifiers.ts';
import { type Micros, formatInstant, micros, microsOf, parseInstant } from './instant.ts';
import { RefusedProblem, UsageProblem } from './problem.ts';
import type { z } from 'zod';

/** What somebody wants back. `end`: as late as the log allows, everything shipped (`newest`) or everything surely whole (`settled`). */
export type Target =
  | { readonly kind: 'point'; readonly point: z.infer<typeof pointId> }
  | { readonly kind: 'instant'; readonly instant: Micros }
  | { readonly kind: 'end'; readonly end: 'newest' | 'settled' };

/**
 * Reads `--to`: a restore point, an ISO time with a zone and up to six decimals, `now`, `now-90s`, `newest`, `settled`. A relative time is
 * made absolute here, once. Throws UsageProblem `no-zone` (with the corrected form), `unknown-target`; RefusedProblem `in-the-future`, `no-releases`.
 */
export function parseTarget(text: string, now: Date): Target {
  const written = text.trim();
  if (written === 'newest' || written === 'settled') return { kind: 'end', end: written };
  if (pointId.safeParse(written).success) return { kind: 'point', point: pointId.parse(written) };
  if (written.startsWith('release:')) {
    throw new RefusedProblem({
      code: 'no-releases',
      happened: `${written} cannot be restored: no releases are recorded yet.`,
      state: nothingStarted,
      next: 'Name a restore point (cardea points ENV) or a time (cardea window ENV).',
    });
  }
  const instant = relative(written, now) ?? parseInstant(written);
  if (instant === undefined) throw notATime(written);
  if (instant > microsOf(now)) {
    throw new RefusedProblem({
      code: 'in-the-future',
      happened: `${formatInstant(instant)} is in the future; the time now is ${formatInstant(microsOf(now))}.`,
      state: nothingStarted,
      next: 'Choose an earlier time, or `newest` for everything that was shipped. If the time looks right, check its zone.',
    });
  }
  return { kind: 'instant', instant };
}

const nothingStarted = 'Nothing was started.';

function relative(text: string, now: Date): Micros | undefined {
  const match = /^now(?:\s*([+-])\s*(\S+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, amount] = match;
  if (sign === undefined || amount === undefined) return microsOf(now);
  try {
    const distance = Math.round(milliseconds(amount) * 1000);
    return micros(microsOf(now) + (sign === '-' ? -distance : distance));
  } catch {
    throw notATime(text);
  }
}

/** A day and a time that only lack their zone, or the letters around it. */
const zoneless = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?)?\s*(UTC|GMT|z)?$/;

function notATime(text: string): UsageProblem {
  const match = zoneless.exec(text);
  const corrected = match === null ? undefined : `${match[1] ?? ''}T${match[2] ?? '00:00:00'}Z`;
  if (corrected === undefined || parseInstant(corrected) === undefined) {
    return new UsageProblem({
      code: 'unknown-target',
      happened: `"${text}" is neither a restore point nor a time.`,
      state: nothingStarted,
      next: 'Write a time with a zone (2026-02-19T02:00:00.000000Z), now-90s, newest, or a point (backup-20260219-020000).',
    });
  }
  return new UsageProblem({
    code: 'no-zone',
    happened: `"${text}" has no definite time zone, so it may mean several instants.`,
    state: nothingStarted,
    next: `Write ${corrected} if you mean UTC, or a time with its offset: ${corrected.slice(0, -1)}+01:00.`,
  });
}
