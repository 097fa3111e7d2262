import { z } from 'zod';

/**
 * Microseconds since 1970-01-01 UTC, as Cassandra's write timestamps count them. A safe integer until the year 2255, so plain arithmetic
 * is exact; a timestamp that somebody wrote outside that range is no instant and is handled where it is decoded.
 */
export type Micros = number & { readonly __brand: 'Micros' };

/** Throws RangeError for what is not a whole number of microseconds in the safe range: a defect of the caller, never bad input. */
export function micros(value: number): Micros {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number of microseconds`);
  return value as Micros;
}

export function microsOf(date: Date): Micros {
  return micros(date.getTime() * 1000);
}

/** `2026-02-19T02:00:00.000001Z`: always six decimals, so that instants sort as text. */
export function formatInstant(at: Micros): string {
  const milliseconds = Math.floor(at / 1000);
  const rest = at - milliseconds * 1000;
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

const pattern = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6}))?(Z|[+-]\d{2}:\d{2})$/;

/**
 * An ISO time with up to six decimals and a zone (`Z` or an offset); undefined for any other text. A time without a zone
 * is not accepted, because a person could guess wrong at 03:00.
 */
export function parseInstant(text: string): Micros | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, day = '', time = '', decimals = '', zone = ''] = match;
  const seconds = time.length === 5 ? `${time}:00` : time;
  const base = Date.parse(`${day}T${seconds}${zone}`);
  // Date.parse carries the 31st of February over into March; a person who writes it made a mistake.
  if (Number.isNaN(base) || !isCalendarDay(day)) return undefined;
  return micros(base * 1000 + Number(decimals.padEnd(6, '0')));
}

function isCalendarDay(day: string): boolean {
  const parsed = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day);
}

/** In documents and machine output an instant is its text. */
export const instantText = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/, 'an instant looks like 2026-02-19T02:00:00.000000Z');

/** Of a text that `instantText` has accepted. */
export function instantOf(text: string): Micros {
  const parsed = parseInstant(text);
  if (parsed === undefined) throw new RangeError(`"${text}" is not an instant`);
  return parsed;
}
