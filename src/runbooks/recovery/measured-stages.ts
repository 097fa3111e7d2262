import { z } from 'zod';
import type { RestorePoint } from '../../model/restore-point.ts';
import { restoreStages, type StageName, stageNames } from './restore-stages.ts';
import type { MeasuredStages, Untold } from './restore-time.ts';
import type { MeasuredStage } from './stage-law.ts';

/** A run that succeeded, as its journal's last event tells of it. */
export interface MeasuredRun {
  readonly run: string;
  readonly runbook: string;
  readonly params: unknown;
  /** By step: what the last attempt took, and the numbers in the result. */
  readonly measured: Readonly<
    Record<
      string,
      { readonly seconds: number; readonly attempts: number; readonly counts: Readonly<Record<string, number>> }
    >
  >;
}

/** Runbooks whose runs tell how long a restore takes. */
export const measuringRunbooks: readonly string[] = ['restore', 'rehearse', 'restore-into'];

/** The environment that the runs worked on. */
export interface MeasuredOn {
  /** Their points, as far as they are still there. */
  readonly points: readonly RestorePoint[];
  /** How many nodes it has. */
  readonly nodes: number;
}

const ofPoint = z.object({ point: z.string(), stage: z.boolean().default(true) });

/**
 * What these runs took for the stages of a restore. Only steps that were done at one go count: of one that was tried
 * again or carried on, the journal knows what its last attempt took. A copy beside the environment is restored in other
 * steps; those that do the same work count. Pure.
 */
export function measuredStages(runs: readonly MeasuredRun[], on: MeasuredOn): MeasuredStages {
  const found: Partial<Record<StageName, MeasuredStage[]>> = {};
  for (const run of runs) {
    for (const [stage, measured] of run.runbook === 'restore' ? inPlace(run, on) : beside(run, on)) {
      (found[stage] ??= []).push(measured);
    }
  }
  return found;
}

type Found = ReadonlyArray<readonly [StageName, MeasuredStage]>;

function inPlace(run: MeasuredRun, on: MeasuredOn): Found {
  const { log, placed, files, elements } = amountsOf(run, on);
  const staged = ofPoint.safeParse(run.params).data?.stage ?? true;
  const amounts = { log, placed, files, elements, fixed: 0 };
  return stageNames.flatMap((stage): Found => {
    const seconds = secondsOf(run, restoreStages[stage].steps);
    if (seconds === undefined) return [];
    // Without staging these bring what else lies beside the data already.
    if (!staged && stage === 'restore-files') return sized('stage-files', files, seconds);
    if (!staged && stage === 'place-logs') return sized('stage-logs', log, seconds);
    return sized(stage, amounts[restoreStages[stage].of], seconds);
  });
}

function beside(run: MeasuredRun, on: MeasuredOn): Found {
  const { log, placed, files, elements } = amountsOf(run, on);
  const of = (step: string, stage: StageName, amount: number | undefined, less = 0): Found => {
    const seconds = secondsOf(run, [step]);
    return seconds === undefined ? [] : sized(stage, amount, Math.max(0, seconds - less));
  };
  return [
    ...of('plan-logs', 'plan-logs', log),
    ...of('verify-logs', 'verify-logs', log),
    ...of('restore-files', 'stage-files', files),
    ...of('place-logs', 'stage-logs', log),
    ...of('start-database', 'start-database', placed),
    // It also starts a JanusGraph, which a restore in place does in a step of its own.
    ...of('open-graph', 'rebuild-index', elements, restoreStages['start-graph'].assumed.fixed),
    ...of('verify', 'verify', elements),
  ];
}

function sized(stage: StageName, amount: number | undefined, seconds: number): Found {
  return amount === undefined ? [] : [[stage, { amount, seconds }]];
}

function amountsOf(run: MeasuredRun, { points, nodes }: MeasuredOn) {
  const shared = (bytes: number | undefined) => (bytes === undefined ? undefined : bytes / nodes);
  const id = ofPoint.safeParse(run.params).data?.point;
  const point = points.find((each) => each.id === id);
  const replays = run.measured['verify-logs'] !== undefined;
  return {
    log: replays ? bytesIn(run, 'verify-logs') : 0,
    placed: replays ? shared(bytesIn(run, 'place-logs')) : 0,
    files: point === undefined ? shared(bytesIn(run, 'check-point')) : largestNode(point),
    elements: elementsIn(run),
  };
}

function bytesIn({ measured }: MeasuredRun, step: string): number | undefined {
  return measured[step]?.counts['bytes'];
}

function elementsIn({ measured }: MeasuredRun): number | undefined {
  return measured['verify']?.counts['elements'];
}

/** Of those of the steps that were done. Undefined when there are none, or when one was not done at one go. */
function secondsOf({ measured }: MeasuredRun, steps: readonly string[]): number | undefined {
  const done = steps.flatMap((id) => measured[id] ?? []);
  if (done.length === 0 || done.some(({ attempts }) => attempts !== 1)) return undefined;
  return done.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Bytes of files of the node that has most. */
export function largestNode({ nodes, bytes }: RestorePoint): number {
  return nodes.length === 0 ? bytes : Math.max(...nodes.map((node) => node.bytes));
}

/**
 * How many elements the graph of a point has: as its own fingerprint says, else in proportion to its bytes as the
 * newest run counted them, else as the newest other point recorded them. `runs` and `points`: newest first. Pure.
 */
export function elementsOf(
  point: RestorePoint,
  { runs, points }: { readonly runs: readonly MeasuredRun[]; readonly points: readonly RestorePoint[] },
): number | Untold {
  const own = printed(point);
  if (own !== undefined) return own;
  const counted = [
    ...runs.map((run) => ({ elements: elementsIn(run), bytes: bytesIn(run, 'check-point') })),
    ...points.map((each) => ({ elements: printed(each), bytes: each.bytes })),
  ];
  for (const { elements, bytes } of counted) {
    if (elements !== undefined && bytes !== undefined && bytes > 0) return Math.round((elements * point.bytes) / bytes);
  }
  return { unknown: 'no run has counted the elements of the graph yet' };
}

function printed({ fingerprint }: RestorePoint): number | undefined {
  if (fingerprint === undefined) return undefined;
  return fingerprint.vertices + fingerprint.edges + fingerprint.properties;
}
