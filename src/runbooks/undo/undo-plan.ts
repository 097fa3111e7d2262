import { readEntry } from '../../graph/codec/index-entry.ts';
import { relationIdText } from '../../graph/codec/element-id.ts';
import { compensate, leftCells, type LeftCell, type ReadCell } from '../../graph/transactions/compensation.ts';
import type { GraphSchema } from '../../graph/schema.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, type Micros, micros } from '../../model/instant.ts';
import { runId, timelineId } from '../../model/identifiers.ts';
import { FailedProblem, RefusedProblem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { type UndoPlan, undoPlanDocument, undoPlanKey } from '../../model/undo-plan.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { readCells } from './cell-reader.ts';
import type { UndoAnalysis } from './undo-analysis.ts';
import { standingOf } from './undo-standing.ts';

/** For more cells a restore without the groups is better: it is quicker, and nobody sees a part of it. */
export const mostCells = 100_000;

interface Making {
  readonly run: string;
  readonly environment: string;
  readonly live: Platform;
  /** The database as it was just before the first group. */
  readonly copy: Platform;
  readonly schema: GraphSchema;
  readonly analysis: UndoAnalysis;
  /** By the clocks of the nodes. */
  readonly now: Micros;
  readonly signal: AbortSignal;
}

/**
 * Decides what is written: the copy's value for each touched cell whose live value is still the one that the groups
 * wrote. Throws RefusedProblem `undo-too-large`, `undo-rows`, `undo-changed` (with every cell that somebody wrote
 * since).
 */
export async function makeUndoPlan(making: Making): Promise<{ readonly plan: UndoPlan; readonly unchanged: number }> {
  const { run, environment, live, copy, analysis, now, signal } = making;
  const { chosen, bases } = analysis;
  const left = leftCells(chosen);
  const asked = [...left.cells, ...left.undecided];
  if (left.rows.length > 0) throw wholeRows(left.rows);
  if (asked.length > mostCells) throw tooLarge(environment, asked.length);
  const were = await readCells(copy.database, copy.keyspace, asked, signal);
  const cells = [...left.cells, ...left.undecided.filter((cell) => isOfChosen(making, cell, were.get(cell.name)))];
  const are = await readCells(live.database, live.keyspace, cells, signal);
  const compensation = compensate(
    cells,
    ({ name }) => (bases.has(name) ? bases.get(name) : were.get(name)?.value),
    ({ name }) => are.get(name),
  );
  if (compensation.changed.length > 0) throw changedSince(environment, compensation.changed);
  const newest = cells.reduce((most, { name, slot }) => Math.max(most, slot, are.get(name)?.at ?? 0), 0);
  // Later than everything it replaces, even if the graph servers' clocks run ahead of the clock here.
  const commit = commitSlot(micros(Math.max(now, newest + 2)));
  const vertices = new Set(chosen.groups.flatMap((group) => [...group.vertices.keys()]));
  return {
    plan: {
      run: runId.parse(run),
      timeline: timelineId.parse(analysis.timeline),
      groups: chosen.groups.map((group) => group.id),
      commit: formatInstant(commit),
      compared: formatInstant(analysis.newest),
      writes: compensation.writes.map(({ table, key, column, value }) => ({
        table,
        key: key.toString('hex'),
        column: column.toString('hex'),
        ...(value === undefined ? {} : { value: value.toString('hex') }),
      })),
      stands: await standingOf(live, { schema: making.schema, chosen }, { cells, are }, signal),
      vertices: [...vertices].map(String),
      gone: chosen.groups.flatMap((group) => writtenEdges(group)),
    },
    unchanged: compensation.unchanged,
  };
}

/**
 * Edges that the groups wrote. The documents of edges that did not exist before are removed; those of the others are
 * made again.
 */
function writtenEdges({ edges }: UndoAnalysis['chosen']['groups'][number]): string[] {
  return [...edges.values()].flatMap(({ state, relation, out, in: to, type }) =>
    state === 'removed' || relation === undefined || out === undefined || to === undefined
      ? []
      : [relationIdText(relation, out, type, to)],
  );
}

/** Whether a freed entry of a unique index led to a vertex of the chosen groups. */
function isOfChosen({ schema, analysis }: Making, { cell }: LeftCell, was: ReadCell | undefined): boolean {
  if (was === undefined || cell.column === undefined) return false;
  const indexes = new Map(schema.compositeIndexes.map((index) => [index.id, index]));
  const entry = readEntry(indexes, cell.key, cell.column, was.value);
  return entry !== undefined && analysis.chosen.groups.some((group) => group.vertices.has(entry.element.vertex));
}

/**
 * Writes a plan down and gives its length and the hash by which the run asks for it. What lies there is replaced: an attempt that was broken off before its hash
 * was in the journal has written nothing to the graph, and what anybody else put there is not followed.
 */
export async function keepUndoPlan(bucket: ObjectStore, plan: UndoPlan): Promise<{ sha256: string; bytes: number }> {
  const text = undoPlanDocument.write(plan);
  await bucket.put(undoPlanKey(plan.run), text);
  return { sha256: sha256(text), bytes: Buffer.byteLength(text) };
}

/**
 * The plan that a run decided on, by the hash that its journal has of it: whoever can write to the bucket must not decide what is written to the
 * graph. Throws FailedProblem `undo-plan-missing`, RefusedProblem `undo-plan-changed`.
 */
export async function getUndoPlan(
  bucket: ObjectStore,
  { run, sha256: decided }: { readonly run: string; readonly sha256: string },
): Promise<UndoPlan> {
  const key = undoPlanKey(run);
  const stored = await bucket.get(key);
  if (stored === undefined) {
    throw new FailedProblem({
      code: 'undo-plan-missing',
      happened: `The undo plan ${key} is no longer in ${bucket.description}.`,
      state: writtenSoFar,
      next: startAgain,
    });
  }
  const found = sha256(stored.body);
  if (found !== decided) {
    throw new RefusedProblem({
      code: 'undo-plan-changed',
      happened: `The undo plan ${key} is not the one that ${run} decided on, and is not followed.`,
      state: writtenSoFar,
      next: startAgain,
      details: [`SHA-256 ${found}, decided on ${decided}`],
    });
  }
  return undoPlanDocument.read(stored.body, key);
}

const writtenSoFar =
  'Nothing was written by this step. What the run had already written is in the graph; `cardea transactions` shows it at its commit time.';
const startAgain =
  'Find out who changed it (`cardea audit`), then start the undo again: cells that are already undone are not changed again.';

function wholeRows(rows: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'undo-rows',
    happened:
      'Whole rows were removed at once, which no JanusGraph of up to 1.1 does. The log does not hold what was in them.',
    state: 'The graph was not changed.',
    next: 'Undo with --way restore, which leaves the removal out.',
    details: rows.slice(0, 20),
  });
}

function tooLarge(environment: string, cells: number): RefusedProblem {
  return new RefusedProblem({
    code: 'undo-too-large',
    happened: `The groups touched ${cells} cells; one compensating transaction can write at most ${mostCells}.`,
    state: 'The graph was not changed.',
    next: `Undo them by a restore that leaves them out: cardea undo ${environment} --way restore.`,
  });
}

function changedSince(environment: string, changed: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'undo-changed',
    happened: `${changed.length} cells were changed again after the groups wrote them.`,
    state: 'The graph was not changed.',
    next: `Find the later transactions (cardea transactions ${environment} --around TIME --element ID). Undo them as well, or repair the cells by hand.`,
    details: changed.slice(0, 50),
  });
}
