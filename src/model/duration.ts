import { z } from 'zod';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof unitMs;

/** A duration as people write it: `90s`, `5m`, `4h`, `30d`, `1h30m`. Throws a TypeError on anything else; milliseconds. */
export function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) {
    throw new TypeError(`"${text}" is not a duration; write 90s, 5m, 4h, 30d or 1h30m`);
  }
  return parts.reduce((sum, part) => sum + Number(part[1]) * unitMs[part[2] as Unit], 0);
}

export const duration = z
  .string()
  .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, 'a duration looks like 90s, 5m, 4h, 30d or 1h30m');

/** As it stands in a configuration, of milliseconds: `250ms`, `2.5s`, `15s`. */
export function durationText(ms: number): string {
  return ms < 1000 ? `${Math.floor(ms)}ms` : `${Math.floor(ms / 100) / 10}s`;
}

/** `4.2 s`, `3 min 20 s`, `2 h 5 min` for people. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}
