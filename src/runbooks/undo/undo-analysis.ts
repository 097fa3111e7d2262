import { vertexKind } from '../../graph/codec/element-id.ts';
import type { GraphSchema } from '../../graph/schema.ts';
import { chooseGroups, parseGroups, type ChosenGroups } from '../../graph/transactions/chosen-groups.ts';
import { type ConflictReport, ConflictScan, type LaterBases } from '../../graph/transactions/conflicts.ts';
import type { TransactionGroup } from '../../graph/transactions/group.ts';
import { cutBefore } from '../../model/commit-slot.ts';
import { formatInstant, type Micros, micros } from '../../model/instant.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { KnownSchema } from '../catalog/schema-catalog.ts';
import { type ReadFacts, slotsIn } from '../recovery/transaction-search.ts';
import type { GraphLog } from '../recovery/log-range-reader.ts';

/** What an undo of some groups would meet, from the shipped log alone. */
export interface UndoAnalysis {
  readonly timeline: string;
  readonly chosen: ChosenGroups;
  readonly report: ConflictReport;
  /** Cells whose state to go back to is younger than `before`: another transaction wrote them between two chosen ones. */
  readonly bases: LaterBases;
  /** The last instant before the first chosen group. */
  readonly before: Micros;
  /** Up to here the log was compared. */
  readonly newest: Micros;
  /** Where the log has holes, and a conflict may hide. */
  readonly holes: readonly string[];
}

export interface UndoQuestion {
  /** Ids as `cardea transactions` prints them. */
  readonly groups: readonly string[];
  readonly timeline?: string | undefined;
  /** A commit time that is not compared: of the transaction that compensates the chosen ones. */
  readonly ignoring?: Micros;
}

/** Chosen times further apart than this are looked up each by itself. */
const together = 600_000_000;

/**
 * Finds the groups and everything later that meets them. Throws UsageProblem `bad-group`, RefusedProblem `unknown-group`, `ambiguous-group`,
 * `no-log-there`, and what reading the log throws.
 */
export async function analyseUndo(
  log: GraphLog,
  known: Pick<KnownSchema, 'schema'>,
  { groups: texts, timeline, ignoring }: UndoQuestion,
  signal?: AbortSignal,
): Promise<UndoAnalysis> {
  const refs = parseGroups(texts);
  const times = [...new Set(refs.map((ref) => ref.slot))].sort((a, b) => a - b);
  const slots = new Map<Micros, readonly TransactionGroup[]>();
  for (const { from, to } of ranges(times)) {
    for await (const groups of slotsIn(log, known, { from, to, timeline }, { signal })) {
      if (times.includes(groups[0].slot)) slots.set(groups[0].slot, groups);
    }
  }
  const { schema } = known;
  const chosen = chooseGroups(refs, slots);
  const scan = new ConflictScan(chosen.groups);
  const first = chosen.groups[0]?.slot ?? micros(0);
  let facts: ReadFacts | undefined;
  const rows = rowsOf(schema, chosen);
  const range = { from: first, to: undefined, timeline, ...(rows === undefined ? {} : { rows }) };
  const onRead = (read: ReadFacts): void => {
    facts = read;
  };
  for await (const groups of slotsIn(log, known, range, { onRead, signal })) {
    const { slot } = groups[0];
    if (slot === ignoring) continue;
    const whole = slots.get(slot);
    // Of other slots only the rows in question were read, which is enough to meet; the numbers of their groups are not known then.
    for (const group of whole ?? groups) scan.add(whole === undefined ? { ...group, id: formatInstant(slot) } : group);
  }
  return {
    timeline: facts?.timeline ?? '',
    chosen,
    report: scan.report(),
    bases: scan.bases(),
    before: cutBefore(first),
    newest: facts?.newest ?? first,
    holes: facts?.holes ?? [],
  };
}

/** Refuses while later transactions stand in the way. Throws RefusedProblem `undo-conflicts` with the list. */
export function requireNoConflicts({ report }: UndoAnalysis, environment: string): void {
  if (report.conflictCount === 0) return;
  throw new RefusedProblem({
    code: 'undo-conflicts',
    happened: `${report.conflictCount} later changes build on what would be undone.`,
    state: 'Nothing was changed.',
    next: `Undo these transactions with it (--group for each), or bring the state before it up beside and repair by hand: cardea restore ${environment} --to TIME --into NAME.`,
    details: report.conflicts.map(({ group, element, why }) => `${group} ${why}: ${element}`),
  });
}

/** For a restore, which leaves out whole commit times. Throws RefusedProblem `group-shares-slot`. */
export function requireWholeSlots({ chosen }: UndoAnalysis): void {
  if (chosen.divided.length === 0) return;
  throw new RefusedProblem({
    code: 'group-shares-slot',
    happened:
      'Other groups share a commit time with the chosen ones; a restore leaves out all that was committed at that time.',
    state: 'Nothing was changed.',
    next: 'Undo with --way compensate, which leaves the others alone, or choose all groups of the time with …Z/*.',
    details: chosen.divided.map((slot) => `${formatInstant(slot)}/*`),
  });
}

/** Commit times to leave out, for a restore. */
export function slotsOf({ chosen }: UndoAnalysis): readonly Micros[] {
  return [...new Set(chosen.groups.map((group) => group.slot))];
}

/**
 * The rows that a conflict can stand in: those of the chosen cells, and those of the vertices at both ends of their edges. Undefined where a
 * vertex has many rows.
 */
function rowsOf(schema: GraphSchema, { groups }: ChosenGroups): ((key: Uint8Array) => boolean) | undefined {
  const rows = new Set<string>();
  const add = (key: Uint8Array): void => void rows.add(textOf(key));
  for (const { cells, loose, vertices, edges } of groups) {
    for (const { cell } of [...cells, ...loose]) add(cell.key);
    const ends = [...edges.values()].flatMap((edge) => [edge.out, edge.in]);
    for (const vertex of [...vertices.keys(), ...ends]) {
      if (vertex === undefined) continue;
      if (vertexKind(vertex) === 'partitioned') return undefined;
      add(schema.ids.toKey(vertex));
    }
  }
  return (key) => rows.has(textOf(key));
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

function ranges(times: readonly Micros[]): { from: Micros; to: Micros }[] {
  const found: { from: Micros; to: Micros }[] = [];
  for (const at of times) {
    const last = found.at(-1);
    if (last !== undefined && at - last.to <= together) last.to = at;
    else found.push({ from: at, to: at });
  }
  return found;
}
