import { readEntry } from '../../graph/codec/index-entry.ts';
import { relationIdText } from '../../graph/codec/element-id.ts';
import { compensate, leftCells, type LeftCell, type ReadCell } from '../../graph/transactions/compensation.ts';
import type { GraphSchema } from '../../graph/schema.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, microsOf, micros } from '../../model/instant.ts';
import { runId, timelineId } from '../../model/identifiers.ts';
import { FailedProblem, RefusedProblem } from '../../model/problem.ts';
import { type UndoPlan, undoPlanDocument, undoPlanKey } from '../../model/undo-plan.ts';
import { createObject } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { readCells } from './cell-reader.ts';
import type { UndoAnalysis } from './undo-analysis.ts';

/** Beyond this a restore that leaves the groups out is the better way: quicker, and nobody sees a half of it. */
export const mostCells = 100_000;

interface Making {
  readonly run: string;
  readonly environment: string;
  readonly live: Platform;
  /** The database as it was just before the first group. */
  readonly copy: Platform;
  readonly schema: GraphSchema;
  readonly analysis: UndoAnalysis;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/**
 * Decides what is written: each touched cell as the copy has it, where the live one is still as the groups left it. Throws RefusedProblem
 * `undo-too-large`, `undo-rows`, `undo-changed` (with every cell that somebody wrote since).
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
  // Later than everything it replaces, also where the graph servers' clocks run ahead of this one.
  const commit = commitSlot(micros(Math.max(microsOf(now), newest + 2)));
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
      vertices: [...vertices].map(String),
      gone: chosen.groups.flatMap((group) => writtenEdges(group)),
    },
    unchanged: compensation.unchanged,
  };
}

/** Edges that the groups wrote: of those that did not exist before, the documents go; of the others they are made anew. */
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

/** Keeps a plan; one that this run has made before stands. */
export async function keepUndoPlan(bucket: ObjectStore, plan: UndoPlan): Promise<UndoPlan> {
  const created = await createObject(bucket, undoPlanKey(plan.run), undoPlanDocument.write(plan));
  return created ? plan : getUndoPlan(bucket, plan.run);
}

export async function findUndoPlan(bucket: ObjectStore, run: string): Promise<UndoPlan | undefined> {
  const stored = await bucket.get(undoPlanKey(run));
  return stored === undefined ? undefined : undoPlanDocument.read(stored.body, undoPlanKey(run));
}

/** Throws FailedProblem `undo-plan-missing`. */
export async function getUndoPlan(bucket: ObjectStore, run: string): Promise<UndoPlan> {
  const plan = await findUndoPlan(bucket, run);
  if (plan !== undefined) return plan;
  throw new FailedProblem({
    code: 'undo-plan-missing',
    happened: `The plan ${undoPlanKey(run)} is gone from ${bucket.description}.`,
    state: 'What this run had written of it so far is in the graph; cardea transactions shows it at its commit time.',
    next: 'Look for who removed it (`cardea audit`), then start the undo again: cells that are done already stay as they are.',
  });
}

function wholeRows(rows: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'undo-rows',
    happened: 'Whole rows were removed at once, which JanusGraph never does; what stood in them is not in the log.',
    state: 'The graph was not changed.',
    next: 'Undo with --way restore, which leaves the removal out.',
    details: rows.slice(0, 20),
  });
}

function tooLarge(environment: string, cells: number): RefusedProblem {
  return new RefusedProblem({
    code: 'undo-too-large',
    happened: `The groups touched ${cells} cells; one compensating transaction is written up to ${mostCells}.`,
    state: 'The graph was not changed.',
    next: `Undo with a restore that leaves them out: cardea undo ${environment} --way restore.`,
  });
}

function changedSince(environment: string, changed: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'undo-changed',
    happened: `${changed.length} cells are no longer as the groups left them.`,
    state: 'The graph was not changed.',
    next: `See who wrote them (cardea transactions ${environment} --around TIME --element ID), and undo that with it or repair by hand.`,
    details: changed.slice(0, 50),
  });
}
