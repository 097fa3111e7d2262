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

/** The effects and conflicts of an undo of some groups, from the shipped log alone. */
export interface UndoAnalysis {
  readonly timeline: string;
  readonly chosen: ChosenGroups;
  readonly report: ConflictReport;
  /** Cells whose old value is younger than `before`: another transaction wrote them between two chosen ones. */
  readonly bases: LaterBases;
  /** The last instant before the first chosen group. */
  readonly before: Micros;
  /** Up to here the log was compared. */
  readonly newest: Micros;
  /** Of log that were read for it. */
  readonly bytes: number;
  /** Where the log has holes, so that a conflict may be missed. */
  readonly holes: readonly string[];
}

export interface UndoQuestion {
  /** Ids as `cardea transactions` prints them. */
  readonly groups: readonly string[];
  readonly timeline?: string | undefined;
  /** A commit time that is not compared: that of the compensating transaction itself. */
  readonly ignoring?: Micros;
  /** Of later transactions only those from here on are compared; all of them by default. */
  readonly since?: Micros;
  /** Microseconds: see `TransactionRange`. */
  readonly settleMargin: number;
}

/** If chosen times are further apart than this, each is searched separately. */
const together = 600_000_000;

/**
 * Finds the groups and everything later that touches the same. Throws UsageProblem `bad-group`, RefusedProblem
 * `unknown-group`, `ambiguous-group`, `no-log-there`, and what reading the log throws.
 */
export async function analyseUndo(
  log: GraphLog,
  known: Pick<KnownSchema, 'schema'>,
  { groups: texts, timeline, ignoring, since, settleMargin }: UndoQuestion,
  signal?: AbortSignal,
): Promise<UndoAnalysis> {
  const refs = parseGroups(texts);
  const times = [...new Set(refs.map((ref) => ref.slot))].sort((a, b) => a - b);
  const slots = new Map<Micros, readonly TransactionGroup[]>();
  for (const { from, to } of ranges(times)) {
    for await (const groups of slotsIn(log, known, { from, to, timeline, settleMargin }, { signal })) {
      if (times.includes(groups[0].slot)) slots.set(groups[0].slot, groups);
    }
  }
  const { schema } = known;
  const chosen = chooseGroups(refs, slots);
  const scan = new ConflictScan(chosen.groups);
  const first = chosen.groups[0]?.slot ?? micros(0);
  let facts: ReadFacts | undefined;
  const rows = rowsOf(schema, chosen);
  const from = micros(Math.max(first, since ?? 0));
  const range = { from, to: undefined, timeline, settleMargin, ...(rows === undefined ? {} : { rows }) };
  const onRead = (read: ReadFacts): void => {
    facts = read;
  };
  for await (const groups of slotsIn(log, known, range, { onRead, signal })) {
    const { slot } = groups[0];
    if (slot === ignoring) continue;
    const whole = slots.get(slot);
    // Only the rows in question were read of other slots. That is enough to find conflicts, but not to know the numbers
    // of their groups.
    for (const group of whole ?? groups) scan.add(whole === undefined ? { ...group, id: formatInstant(slot) } : group);
  }
  return {
    timeline: facts?.timeline ?? '',
    chosen,
    report: scan.report(),
    bases: scan.bases(),
    before: cutBefore(first),
    newest: facts?.newest ?? first,
    bytes: facts?.bytes ?? 0,
    holes: facts?.holes ?? [],
  };
}

/** Throws RefusedProblem `undo-conflicts`, with the list, if later transactions depend on the chosen ones. */
export function requireNoConflicts({ report }: UndoAnalysis, environment: string): void {
  if (report.conflictCount === 0) return;
  throw new RefusedProblem({
    code: 'undo-conflicts',
    happened: `${report.conflictCount} later changes depend on what would be undone.`,
    state: 'Nothing was changed.',
    next: `Undo the later transactions as well (--group for each), or restore a copy of the state before and repair by hand: cardea restore ${environment} --to TIME --into NAME.`,
    details: report.conflicts.map(({ group, element, why }) => `${group} ${why}: ${element}`),
  });
}

/** For a restore, which leaves out whole commit times. Throws RefusedProblem `group-shares-slot`. */
export function requireWholeSlots({ chosen }: UndoAnalysis): void {
  if (chosen.divided.length === 0) return;
  throw new RefusedProblem({
    code: 'group-shares-slot',
    happened:
      'Other groups share a commit time with the chosen ones; a restore would leave out everything that was committed at that time.',
    state: 'Nothing was changed.',
    next: 'Undo with --way compensate, which keeps the other groups, or choose all groups of that time with …Z/*.',
    details: chosen.divided.map((slot) => `${formatInstant(slot)}/*`),
  });
}

/** Commit times to leave out, for a restore. */
export function slotsOf({ chosen }: UndoAnalysis): readonly Micros[] {
  return [...new Set(chosen.groups.map((group) => group.slot))];
}

/**
 * The rows in which a conflict is possible: those of the chosen cells, and those of the vertices at both ends of their
 * edges. Undefined if a vertex has many rows.
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
