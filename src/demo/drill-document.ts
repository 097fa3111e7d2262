import { z } from 'zod';
import { actor } from '../journal/event.ts';
import { documentType } from '../model/document.ts';
import { pointId, runId, timelineId } from '../model/identifiers.ts';
import { instantText } from '../model/instant.ts';
import { cut, proof } from '../model/restore-point.ts';

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

/** A measured time or loss beside what was promised. */
const objective = z.object({
  name: z.string(),
  target: seconds,
  measured: seconds,
  state: z.enum(['met', 'missed']),
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

const elementSum = z.object({
  vertices: count,
  edges: count,
  vertexLabels: z.record(z.string(), count),
  edgeLabels: z.record(z.string(), count),
  /** Over every element's name and canonical text in the order of the names. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** One way back from the disaster, and the restored graph held against the application's own log. */
const recovery = z.object({
  id: z.enum(['instant', 'undo']),
  /** The timeline that it opened. */
  timeline: timelineId,
  /** Everything committed at or before it was to come back … */
  to: instantText,
  /** … but for this many commit slots that were named, */
  excluded: count,
  /** and for this many that the kill had cut short: what is not in the log whole is left out whole. */
  incomplete: count,
  run: runId,
  /** From the kill to the end of the restore's own verification. */
  secondsFromKill: seconds,
  expected: elementSum,
  restored: elementSum,
  /** Elements that differ. */
  missing: count,
  unexpected: count,
  changed: count,
  /** Names of the first of them. */
  examples: z.array(z.string()).max(20),
  /** The application's transactions that are there, and those that are there in part. */
  transactions: count,
  split: count,
});
export type Recovery = z.infer<typeof recovery>;

const timeline = z.object({
  id: timelineId,
  parent: timelineId.optional(),
  forkedAt: instantText.optional(),
  exclusions: count,
  why: z.string(),
});
export type DrillTimeline = z.infer<typeof timeline>;

/**
 * The record of one drill: a disaster that was made, and what came back of it. Kept in the environment's bucket and, readable without it,
 * as a file. Times are seconds.
 */
export const drillDocument = documentType('drill', 2, {
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
  /** The application until the disaster: what it was told is safe, over how long, and its longest wait for the next such word. */
  application: z.object({ acknowledged: count, seconds, longestSilence: seconds }),
  /** Seconds from an acknowledgement until the bucket held the transaction, measured from outside; see `ShippingLag`. */
  shipping: z.object({
    transactions: count,
    unshipped: count,
    p50: seconds,
    p99: seconds,
    worst: seconds,
    looks: count,
  }),
  badJob: z.object({
    /** Transactions it committed, and how many of them were found from the shipped log alone, among how many around that time. */
    transactions: count,
    found: count,
    shown: count,
    /** Commit times of its first and last. */
    first: instantText,
    last: instantText,
    dropped: z.object({ label: z.string(), vertices: count, edges: count }),
    /** Good transactions that were acknowledged after its last. */
    goodAfter: count,
  }),
  disaster: z.object({
    at: z.iso.datetime(),
    /** Nodes whose Cassandra and agent were killed together and whose disks were emptied. */
    nodes: z.array(z.string()),
    processes: count,
    wipedBytes: count,
  }),
  /** What could be restored afterwards, as the bucket alone told it. */
  window: z.object({
    timeline: timelineId,
    oldest: instantText.nullable(),
    settled: instantText.nullable(),
    newest: instantText.nullable(),
    gaps: count,
  }),
  recoveries: z.array(recovery),
  /** Acknowledged transactions that the last recovery could not bring back. */
  lost: z.object({
    acknowledged: count,
    /** Of those, acknowledged at or before the window's newest instant: promised to be safe. */
    promised: count,
    /** How long before the kill each had been acknowledged, the oldest first; of many only the first hundred. */
    ages: z.array(seconds).max(100),
  }),
  timelines: z.array(timeline),
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
