import { formatInstant, type Micros } from '../../model/instant.ts';
import { RefusedProblem, UsageProblem } from '../../model/problem.ts';
import { parseGroupId, slotId, type GroupRef } from './group-id.ts';
import type { TransactionGroup } from './group.ts';

/** What somebody wants undone. */
export interface ChosenGroups {
  /** In order of time. */
  readonly groups: readonly TransactionGroup[];
  /**
   * Slots of which some groups are chosen and others are not. A restore leaves out whole slots, so it cannot undo these without undoing the
   * others with them.
   */
  readonly divided: readonly Micros[];
}

/** Throws UsageProblem `bad-group`, naming every text that is not the id of a group. */
export function parseGroups(texts: readonly string[]): readonly GroupRef[] {
  const refs = texts.map((text) => ({ text, ref: parseGroupId(text) }));
  const bad = refs.filter(({ ref }) => ref === undefined).map(({ text }) => text);
  if (bad.length === 0 && refs.length > 0) return refs.flatMap(({ ref }) => (ref === undefined ? [] : [ref]));
  throw new UsageProblem({
    code: 'bad-group',
    happened: refs.length === 0 ? 'No group was named.' : 'Not every --group is the id of a group.',
    state: 'Nothing was started.',
    next: 'Copy the ids from `cardea transactions ENV --around TIME`: 2026-02-19T09:10:18.123457Z, …Z/2 for one part, …Z/* for all parts.',
    ...(bad.length === 0 ? {} : { details: bad }),
  });
}

/**
 * The groups that are named, from all groups of their slots. Throws RefusedProblem `unknown-group`, and `ambiguous-group` for a time alone
 * that several groups share: they may be one transaction's or those of several, and the log does not tell.
 */
export function chooseGroups(
  refs: readonly GroupRef[],
  slots: ReadonlyMap<Micros, readonly TransactionGroup[]>,
): ChosenGroups {
  const chosen = new Map<string, TransactionGroup>();
  for (const { slot, part } of refs) {
    const groups = slots.get(slot) ?? [];
    if (groups.length === 0) throw unknown(formatInstant(slot), 'nothing in the log was committed at that time');
    if (part === undefined && groups.length > 1) throw ambiguous(slot, groups);
    const wanted = typeof part === 'number' ? groups.filter((group) => group.part === part) : groups;
    if (wanted.length === 0) throw unknown(`${formatInstant(slot)}/${part}`, `that time has ${groups.length} groups`);
    for (const group of wanted) chosen.set(group.id, group);
  }
  const groups = [...chosen.values()].sort((a, b) => a.slot - b.slot || a.part - b.part);
  const divided = [...new Set(groups.map((group) => group.slot))].filter(
    (slot) => groups.filter((group) => group.slot === slot).length < (slots.get(slot)?.length ?? 0),
  );
  return { groups, divided };
}

/** The shortest ids that name the chosen groups: of a slot that is chosen whole, the one that stands for all its groups. */
export function idsOf({ groups, divided }: ChosenGroups): readonly string[] {
  return [...new Set(groups.map((group) => (divided.includes(group.slot) ? group.id : slotId(group.slot, group.of))))];
}

function unknown(id: string, why: string): RefusedProblem {
  return new RefusedProblem({
    code: 'unknown-group',
    happened: `There is no group ${id}: ${why}.`,
    state: 'Nothing was changed.',
    next: 'Copy the id from `cardea transactions ENV --around TIME`, to the microsecond.',
  });
}

function ambiguous(slot: Micros, groups: readonly TransactionGroup[]): RefusedProblem {
  const time = formatInstant(slot);
  return new RefusedProblem({
    code: 'ambiguous-group',
    happened: `${groups.length} unrelated groups of changes were committed at ${time}. They may belong to one transaction or to several.`,
    state: 'Nothing was changed.',
    next: `Look at them (cardea transactions ENV --around ${time} --within 1s). Then name ${time}/* for all of them, or only those to undo.`,
    details: groups.slice(0, 20).map((group) => `${group.id}: ${whatIt(group)}`),
  });
}

function whatIt({ vertices, edges, cells }: TransactionGroup): string {
  const ids = [...vertices.keys()].slice(0, 3).join(', ');
  return `${vertices.size} vertices (${ids}), ${edges.size} edges, ${cells.length} cells`;
}
