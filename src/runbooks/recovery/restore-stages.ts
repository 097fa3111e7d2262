import type { AssumedStage } from './stage-law.ts';

/** A part of a restore in place whose time is told. */
interface RestoreStage {
  /** The runbook's steps that are in it. */
  readonly steps: readonly string[];
  /** It begins when these have ended. */
  readonly after: readonly string[];
  /**
   * What its time grows with: the files of the node that has most, all the log that is read, the log of the node that
   * gets most, or the elements of the graph. `fixed`: nothing.
   */
  readonly of: StageAmount;
  /** The graph does not serve meanwhile. */
  readonly outage: boolean;
  /** Without anything measured. */
  readonly assumed: AssumedStage;
}

export type StageAmount = 'files' | 'log' | 'placed' | 'elements' | 'fixed';

const mib = 1024 ** 2;

/**
 * The stages of the runbook `restore` in its order, with what is assumed of each until a run of the environment was
 * measured. All of it is from the tables of docs/performance.md, one node with a directory as its bucket:
 *
 * - Outage of a restore: 15.4 s with 181 MiB of log, 17.8 s with everything after the stop, 20.6 s from begin to end.
 *   What comes before the stop and after the start takes 5.2 s of a small graph. The 2.4 s between the two orders
 *   hold more than the cutting of that log, so this rate is a lower bound.
 * - Any second: 8.01 s from a stopped Cassandra to rows that were read. What is left of the outage, 7.39 s, is more
 *   than the replay takes, so this rate is a lower bound.
 * - Restore: 1,025 MiB in 4.53 s, downloaded, compared and synced.
 * - Reading and cutting the commit log: 315 MB/s, each byte read and its CRC-32 taken, which is more than a
 *   verification does.
 * - A month of log: 3.41 s for the plan of a day of five nodes at 1 MB/s.
 * - Checking a graph: 65,747 elements/s. No table has the rebuild of a mixed index: it reads the same rows and is taken
 *   to be as fast.
 */
const assumed = {
  short: { fixed: 5 },
  moment: { fixed: 1 },
  plan: { fixed: 1, rate: (5 * 86_400 * 1e6) / 3.41 },
  verifyLog: { fixed: 1, rate: 315e6 },
  files: { fixed: 1, rate: (1025 * mib) / 4.53 },
  cut: { fixed: 1, rate: (181 * mib) / (17.8 - 15.4) },
  start: { fixed: 8.01 },
  replay: { fixed: 8.01, rate: (181 * mib) / (15.4 - 8.01) },
  elements: { fixed: 1, rate: 65_747 },
} as const;

export const restoreStages = {
  prepare: {
    steps: [
      'check-point',
      'check-store',
      'note-history',
      'same-history',
      'start-agents',
      'clear-stage',
      'check-disk',
      'check-aside',
      'same-files',
      'mark-disks',
      'look-services',
    ],
    after: [],
    of: 'fixed',
    outage: false,
    assumed: assumed.short,
  },
  'check-files': {
    steps: ['check-files'],
    after: ['prepare'],
    of: 'fixed',
    outage: false,
    assumed: assumed.short,
  },
  'plan-logs': { steps: ['plan-logs'], after: ['prepare'], of: 'log', outage: false, assumed: assumed.plan },
  'verify-logs': {
    steps: ['verify-logs'],
    after: ['plan-logs'],
    of: 'log',
    outage: false,
    assumed: assumed.verifyLog,
  },
  'stage-files': {
    steps: ['stage-files'],
    after: ['check-files', 'verify-logs'],
    of: 'files',
    outage: false,
    assumed: assumed.files,
  },
  'stage-logs': { steps: ['stage-logs'], after: ['verify-logs'], of: 'log', outage: false, assumed: assumed.cut },
  stop: {
    steps: ['stop-graph', 'pause-shipping', 'extend-logs', 'note-ids', 'stop-database', 'open-record', 'set-aside'],
    after: ['check-files', 'stage-files', 'stage-logs'],
    of: 'fixed',
    outage: true,
    assumed: assumed.short,
  },
  'restore-files': {
    steps: ['restore-files'],
    after: ['stop'],
    of: 'fixed',
    outage: true,
    assumed: assumed.moment,
  },
  'create-tables': {
    steps: ['create-tables'],
    after: ['restore-files'],
    of: 'fixed',
    outage: true,
    assumed: assumed.start,
  },
  'place-logs': {
    steps: ['place-logs'],
    after: ['create-tables'],
    of: 'fixed',
    outage: true,
    assumed: assumed.moment,
  },
  'start-database': {
    steps: ['start-database'],
    after: ['place-logs'],
    of: 'placed',
    outage: true,
    assumed: assumed.replay,
  },
  'make-sound': {
    steps: ['repair-roles', 'open-timeline', 'start-shipping', 'make-sound'],
    after: ['start-database'],
    of: 'fixed',
    outage: true,
    assumed: assumed.moment,
  },
  'start-graph': {
    steps: ['start-graph'],
    after: ['make-sound'],
    of: 'fixed',
    outage: true,
    assumed: assumed.short,
  },
  'rebuild-index': {
    steps: ['rebuild-index'],
    after: ['start-graph'],
    of: 'elements',
    outage: false,
    assumed: assumed.elements,
  },
  verify: {
    steps: ['verify', 'same-ids'],
    after: ['rebuild-index'],
    of: 'elements',
    outage: false,
    assumed: assumed.elements,
  },
} as const satisfies Readonly<Record<string, RestoreStage>>;

/** Named after the longest step of the stage. */
export type StageName = keyof typeof restoreStages;

export const stageNames = Object.keys(restoreStages) as readonly StageName[];
