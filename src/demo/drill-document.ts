import { z } from 'zod';
import { actor } from '../journal/event.ts';
import { documentType } from '../model/document.ts';
import { pointId, runId } from '../model/identifiers.ts';
import { cut, fingerprint, proof } from '../model/restore-point.ts';

const count = z.number().int().nonnegative();
const seconds = z.number().nonnegative();

/** One thing that had to be true, and what was seen. */
export const drillCheck = z.object({
  id: z.string(),
  title: z.string(),
  ok: z.boolean(),
  observed: z.string(),
});
export type DrillCheck = z.infer<typeof drillCheck>;

/** A measured time or loss beside what was promised. `not-guaranteed`: kept this time, by luck of the hour. */
const objective = z.object({
  name: z.string(),
  target: seconds,
  measured: seconds,
  state: z.enum(['met', 'missed', 'not-guaranteed']),
  note: z.string(),
});
export type DrillObjective = z.infer<typeof objective>;

/** A run as its journal tells it. `offset`: seconds from the run's start to the step's. */
const run = z.object({
  id: runId,
  title: z.string(),
  status: z.enum(['succeeded', 'failed', 'cancelled', 'refused', 'running', 'interrupted']),
  startedAt: z.iso.datetime(),
  seconds,
  actor,
  journal: z.object({ events: count, head: z.string() }),
  steps: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      status: z.enum(['succeeded', 'failed', 'skipped', 'running', 'retrying', 'stopped']),
      offset: seconds,
      seconds,
    }),
  ),
});
export type DrillRun = z.infer<typeof run>;

/** What is there of a label: with the point, after the disaster (absent when nothing answered), after the restore. */
const labelCount = z.object({
  of: z.enum(['vertices', 'edges']),
  label: z.string(),
  before: count,
  disaster: count.optional(),
  after: count,
});
export type LabelCount = z.infer<typeof labelCount>;

/**
 * The record of one drill: a disaster that was made, and what came back of it. Kept in the environment's bucket and, readable without it,
 * as a file. Times are seconds.
 */
export const drillDocument = documentType('drill', 1, {
  id: runId,
  environment: z.string(),
  startedAt: z.iso.datetime(),
  seconds,
  actor,
  cardea: z.string(),
  cassandra: z.string(),
  nodes: count,
  store: z.string(),
  point: z.object({
    id: pointId,
    takenAt: z.iso.datetime(),
    cut,
    proof,
    bytes: count,
    run: runId,
  }),
  disaster: z.object({
    at: z.iso.datetime(),
    /** Node whose process was killed and whose disk was emptied. */
    node: z.string(),
    wipedBytes: count,
    dropped: z.object({ label: z.string(), vertices: count, edges: count }),
  }),
  /** Transactions that the application was told are safe, after the point: no backup holds them. */
  lost: z.object({
    transactions: count,
    first: z.iso.datetime().optional(),
    last: z.iso.datetime().optional(),
    /** From the point's cut to the last of them. */
    seconds,
  }),
  counts: z.array(labelCount),
  fingerprint: z.object({ before: fingerprint, after: fingerprint }),
  checks: z.array(drillCheck).min(1),
  objectives: z.array(objective),
  runs: z.array(run),
  phases: z.array(z.object({ name: z.string(), seconds })),
  ok: z.boolean(),
});
export type Drill = z.infer<typeof drillDocument.body>;

/** Object key below which a drill's two files lie: `drills/<id>.json`, `drills/<id>.html`. */
export function drillKey(id: string, extension: 'json' | 'html'): string {
  return `drills/${id}.${extension}`;
}
