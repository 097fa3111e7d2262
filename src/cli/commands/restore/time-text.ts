import { formatBytes } from '../../../model/bytes.ts';
import { formatSeconds, milliseconds } from '../../../model/duration.ts';
import { type Problem, asProblem } from '../../../model/problem.ts';
import type { MeasuredRun } from '../../../runbooks/recovery/measured-stages.ts';
import { surveyOwnPoints } from '../../../runbooks/catalog/point-catalog.ts';
import { elementsOf, largestNode, measuredStages } from '../../../runbooks/recovery/measured-stages.ts';
import { logsOfNodes } from '../../../runbooks/recovery/node-logs.ts';
import { planLogs } from '../../../runbooks/recovery/plan-logs.ts';
import {
  againstRto,
  type RestoreTime,
  type RestoreWork,
  restoreTime,
  type StageTime,
} from '../../../runbooks/recovery/restore-time.ts';
import { plannedBytes } from '../../../model/log-plan.ts';
import type { RestorePoint } from '../../../model/restore-point.ts';
import type { Platform } from '../../../ports/platform.ts';
import type { CliContext } from '../../context.ts';
import { restoresMeasured } from '../../runs/measured-runs.ts';
import { within } from '../../runs/within.ts';
import { table } from '../../terminal/table.ts';
import { durationText } from '../status/rto.ts';
import type { Decided } from './target.ts';

/** How long a restore in place takes, beside the objective. */
export interface PlannedTime extends RestoreTime {
  /** Seconds. */
  readonly objective: number;
  readonly verdict: ReturnType<typeof againstRto>;
  /** Runs whose times are in it, newest first. */
  readonly measuredBy: readonly string[];
  /** What could not be read, so that more of it is assumed or unknown than had to be. */
  readonly unread: readonly string[];
}

/** How long a plan waits for what it reads only to tell the time, milliseconds. */
const patience = 20_000;

/** Never throws because something cannot be read: that is assumed, or unknown with its reason. */
export async function plannedTime(
  context: CliContext,
  name: string,
  decided: Decided,
  { stage }: { readonly stage: boolean },
): Promise<PlannedTime> {
  const [platform, { config }] = await Promise.all([context.platform(name), context.environment(name)]);
  const { clock } = context;
  const inTime = async <T>(work: Promise<T>, late: string) => within(clock, work, { patience, late });
  const [runs, survey, log] = await Promise.all([
    inTime(restoresMeasured(platform.bucket), 'The journals of earlier restores were not read in time'),
    inTime(surveyOwnPoints(platform.bucket, name), 'The restore points were not read in time'),
    inTime(logOf(platform, decided), 'The schemas of the log were not read in time'),
  ]);
  context.signal.throwIfAborted();
  return timeOfPlan(decided.point, {
    runs,
    points: survey instanceof Error ? survey : survey.points,
    log: log instanceof Error ? { unknown: log.happened } : log,
    createTables: (decided.instant?.choice.tablesToCreate ?? []).length > 0,
    stage,
    nodes: platform.nodes.length,
    rto: config.objectives.rto,
  });
}

interface ReadForPlan extends Pick<RestoreWork, 'log' | 'createTables' | 'stage'> {
  readonly runs: readonly MeasuredRun[] | Problem;
  readonly points: readonly RestorePoint[] | Problem;
  readonly nodes: number;
  readonly rto: string;
}

/** Pure. */
export function timeOfPlan(point: RestorePoint, read: ReadForPlan): PlannedTime {
  const { log, createTables, stage, nodes } = read;
  const runs = read.runs instanceof Error ? [] : read.runs;
  const points = read.points instanceof Error ? [] : read.points;
  const elements = elementsOf(point, { runs, points });
  const work = { files: largestNode(point), log, elements, createTables, stage };
  const time = restoreTime(work, measuredStages(runs, { points, nodes }));
  const objective = milliseconds(read.rto) / 1000;
  return {
    ...time,
    objective,
    verdict: againstRto(time, objective),
    measuredBy: runs.map(({ run }) => run),
    unread: [read.runs, read.points].flatMap((each) => (each instanceof Error ? [each.happened] : [])),
  };
}

async function logOf(platform: Platform, { point, instant }: Decided): Promise<RestoreWork['log']> {
  if (instant === undefined) return undefined;
  try {
    const plan = planLogs(instant.facts, instant.choice, { idsKnown: true });
    const part = await logsOfNodes(platform, point, plan);
    return { read: plannedBytes(plan), placed: Math.max(0, ...platform.nodes.map(({ name }) => part(name).bytes)) };
  } catch (error) {
    return { unknown: asProblem(error, 'Reading the schemas of the log').happened };
  }
}

/** As part of a plan. */
export function timeText(time: PlannedTime): string {
  const { stages, total, serves, outage, objective, assumedSeconds, measuredBy, unread } = time;
  const named = measuredBy.slice(0, 3).join(', ');
  const more = measuredBy.length > 3 ? ` and ${measuredBy.length - 3} more` : '';
  const assumedText = assumedSeconds > 0 ? `${formatSeconds(assumedSeconds)} of the total are assumed; ` : '';
  const lines = [
    `serves after ${durationText(serves)}; is away for ${durationText(outage)} of that`,
    `${assumedText}${measuredBy.length === 0 ? 'no run of this environment has measured a restore' : `measured by ${named}${more}`}`,
    ...unread,
  ];
  const rows = table(stages, [
    { title: 'STAGE', cell: ({ stage }) => stage },
    { title: 'TIME', right: true, cell: ({ seconds }) => (seconds === null ? 'unknown' : formatSeconds(seconds)) },
    { title: 'FROM', cell: ({ from }) => (from === 'unknown' ? '' : from) },
    { title: 'OF', right: true, cell: amountText },
    { title: 'GRAPH', cell: ({ outage: away }) => (away ? 'away' : '') },
    { title: 'NOTE', cell: noteText },
  ]);
  return [
    `  time  ${durationText(total)} until the graph is checked (objective ${formatSeconds(objective)}${verdictText(time)})`,
    ...[...lines, ...rows.split('\n')].map((line) => `        ${line}`),
  ].join('\n');
}

function verdictText({ verdict }: PlannedTime): string {
  switch (verdict) {
    case 'missed':
      return ': EXCEEDED';
    case 'near':
      return ': near';
    case 'unknown':
      return ': cannot be told';
    case 'kept':
      return '';
  }
}

function amountText({ of }: StageTime): string {
  if (of === null || of.amount === 0) return '';
  return of.unit === 'bytes' ? formatBytes(of.amount) : `${Math.round(of.amount).toLocaleString('en-US')} elements`;
}

function noteText(each: StageTime): string {
  if (each.from === 'unknown') return each.why;
  return each.meanwhile ? 'beside a longer stage' : '';
}
