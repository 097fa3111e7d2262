import { type StageAmount, type StageName, restoreStages, stageNames } from './restore-stages.ts';
import { type ForetoldStage, type MeasuredStage, stageLaw } from './stage-law.ts';

/** What nobody could tell, and why. */
export interface Untold {
  readonly unknown: string;
}

/** The work of a restore in place. */
export interface RestoreWork {
  /** Bytes of the node that has most. */
  readonly files: number | Untold;
  /**
   * Plain bytes of log that every node reads, and of the part of the node that gets most; undefined for a restore
   * without log.
   */
  readonly log: { readonly read: number; readonly placed: number } | Untold | undefined;
  /** Vertices, edges and properties of the graph. */
  readonly elements: number | Untold;
  /** Tables that are newer than the base are created. */
  readonly createTables: boolean;
  /** Files and log are brought while the graph serves. */
  readonly stage: boolean;
}

/** What earlier runs took, by stage. */
export type MeasuredStages = Partial<Readonly<Record<StageName, readonly MeasuredStage[]>>>;

interface StageTimeBase {
  readonly stage: StageName;
  readonly steps: readonly string[];
  /** What its time grows with; null for a stage whose time does not. */
  readonly of: { readonly amount: number; readonly unit: 'bytes' | 'elements' } | null;
  /** The graph does not serve meanwhile. */
  readonly outage: boolean;
  /** Another stage goes on at the same time and takes longer: it adds nothing to the whole. */
  readonly meanwhile: boolean;
}

export type StageTime = StageTimeBase &
  (
    | { readonly seconds: number; readonly from: 'measured' | 'assumed' }
    | { readonly seconds: null; readonly from: 'unknown'; readonly why: string }
  );

export interface Duration {
  readonly seconds: number;
  /** A stage in it is unknown and counts as nothing. */
  readonly atLeast: boolean;
}

/** How long a restore in place takes. */
export interface RestoreTime {
  /** In the order of the runbook, those alone that there are. */
  readonly stages: readonly StageTime[];
  /** From begin to end, the proof included: what `objectives.rto` is about. */
  readonly total: Duration;
  /** From the begin until the graph serves again. */
  readonly serves: Duration;
  /** From the stop of the graph until it serves again. */
  readonly outage: Duration;
  /** Seconds of the total that were not measured here. */
  readonly assumedSeconds: number;
}

/** Pure. */
export function restoreTime(work: RestoreWork, measured: MeasuredStages): RestoreTime {
  const told = stageNames.filter((stage) => isThere(stage, work)).map((stage) => timeOf(stage, work, measured));
  const ends = endsOf(told);
  const longest = longestPath(told, ends);
  const stages = told.map((each) => ({ ...each, meanwhile: !longest.has(each.stage) }));
  const before = told.filter(({ stage }) => stage !== 'rebuild-index' && stage !== 'verify');
  const away = told.filter(({ outage }) => outage);
  return {
    stages,
    total: { seconds: ends.get('verify') ?? 0, atLeast: hasUnknown(told) },
    serves: { seconds: ends.get('start-graph') ?? 0, atLeast: hasUnknown(before) },
    outage: { seconds: sum(away), atLeast: hasUnknown(away) },
    assumedSeconds: sum(stages.filter(({ from, meanwhile }) => from === 'assumed' && !meanwhile)),
  };
}

/** Of the objective: above it a forecast is near it. */
const near = 0.8;

/**
 * The total against `objectives.rto`, in seconds. What has an unknown stage is never `kept`, and `missed` when what is
 * known exceeds the objective already. Pure.
 */
export function againstRto({ total }: RestoreTime, rto: number): 'kept' | 'near' | 'missed' | 'unknown' {
  if (total.seconds > rto) return 'missed';
  if (total.seconds > near * rto) return 'near';
  return total.atLeast ? 'unknown' : 'kept';
}

type Told = Omit<StageTimeBase, 'meanwhile'> &
  (
    | { readonly seconds: number; readonly from: 'measured' | 'assumed' }
    | { readonly seconds: null; readonly from: 'unknown'; readonly why: string }
  );

function isThere(stage: StageName, { log, stage: staged, createTables }: RestoreWork): boolean {
  switch (stage) {
    case 'plan-logs':
    case 'verify-logs':
    case 'place-logs':
      return log !== undefined;
    case 'stage-logs':
      return log !== undefined && staged;
    case 'stage-files':
      return staged;
    case 'create-tables':
      return createTables;
    default:
      return true;
  }
}

function timeOf(stage: StageName, work: RestoreWork, measured: MeasuredStages): Told {
  const { law, of } = lawOf(stage, work);
  const { steps, outage } = restoreStages[stage];
  const amount = amountOf(of, work);
  if (typeof amount === 'object') {
    return { stage, steps, outage, seconds: null, from: 'unknown', why: amount.unknown, of: null };
  }
  const foretold: ForetoldStage = stageLaw(measured[law] ?? [], restoreStages[law].assumed)(amount);
  const unit = of === 'elements' ? 'elements' : 'bytes';
  return { stage, steps, outage, ...foretold, of: of === 'fixed' ? null : { amount, unit } };
}

/** Without staging, files and log are brought by the steps that else only move them. */
function lawOf(stage: StageName, work: RestoreWork): { readonly law: StageName; readonly of: StageAmount } {
  if (!work.stage && stage === 'restore-files') return { law: 'stage-files', of: 'files' };
  if (!work.stage && stage === 'place-logs') return { law: 'stage-logs', of: 'log' };
  return { law: stage, of: restoreStages[stage].of };
}

function amountOf(of: StageAmount, { files, log, elements }: RestoreWork): number | Untold {
  switch (of) {
    case 'files':
      return files;
    case 'elements':
      return elements;
    case 'log':
      return log === undefined || 'unknown' in log ? (log ?? 0) : log.read;
    case 'placed':
      return log === undefined || 'unknown' in log ? (log ?? 0) : log.placed;
    case 'fixed':
      return 0;
  }
}

/** When each stage ends, seconds after the begin: it begins when those that it comes after have ended. */
function endsOf(told: readonly Told[]): ReadonlyMap<StageName, number> {
  const ends = new Map<StageName, number>();
  const there = new Map(told.map((each) => [each.stage, each]));
  for (const stage of stageNames) {
    const begins = Math.max(0, ...afterOf(stage).map((each) => ends.get(each) ?? 0));
    // One that is left out ends when those before it have ended.
    ends.set(stage, begins + (there.get(stage)?.seconds ?? 0));
  }
  return ends;
}

/** The stages of which no other that goes on meanwhile takes longer. */
function longestPath(told: readonly Told[], ends: ReadonlyMap<StageName, number>): ReadonlySet<StageName> {
  const path = new Set<StageName>();
  for (let at: StageName | undefined = 'verify'; at !== undefined; ) {
    path.add(at);
    at = afterOf(at).toSorted((a, b) => (ends.get(b) ?? 0) - (ends.get(a) ?? 0))[0];
  }
  // Nobody can say that an unknown one adds nothing.
  for (const { stage, from } of told) if (from === 'unknown') path.add(stage);
  return path;
}

function afterOf(stage: StageName): readonly StageName[] {
  return restoreStages[stage].after;
}

function hasUnknown(told: readonly Told[]): boolean {
  return told.some(({ from }) => from === 'unknown');
}

function sum(told: ReadonlyArray<{ readonly seconds: number | null }>): number {
  return told.reduce((all, { seconds }) => all + (seconds ?? 0), 0);
}
