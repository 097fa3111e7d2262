import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, type Micros, parseInstant } from '../../model/instant.ts';

/**
 * Names what one transaction did: `2026-11-24T09:10:18.123457Z`, and where one commit time has several parts that do not hang together
 * `…Z/2` for the second. `…Z/*` stands for all parts.
 */
export interface GroupRef {
  readonly slot: Micros;
  /** From 1; undefined when none is named. */
  readonly part: number | 'all' | undefined;
}

export function groupId(slot: Micros, part: number, of: number): string {
  return of === 1 ? formatInstant(slot) : `${formatInstant(slot)}/${part}`;
}

/** Of all parts of a slot: what a person who wants the whole of it passes on. */
export function slotId(slot: Micros, of: number): string {
  return of === 1 ? formatInstant(slot) : `${formatInstant(slot)}/*`;
}

/** Undefined when the text is not the id of a group. The even microsecond of a slot names it as well. */
export function parseGroupId(text: string): GroupRef | undefined {
  const [time = '', part, ...more] = text.split('/');
  const at = parseInstant(time);
  if (at === undefined || more.length > 0) return undefined;
  const slot = commitSlot(at);
  if (part === undefined) return { slot, part: undefined };
  if (part === '*') return { slot, part: 'all' };
  return /^[1-9]\d{0,8}$/.test(part) ? { slot, part: Number(part) } : undefined;
}
