import { listRuns, type RunsWorld, type RunSummary } from '../../../journal/runs.ts';
import type { TrustingWorld } from '../../../journal/vouching.ts';
import { asProblem, Problem } from '../../../model/problem.ts';
import type { WindowReport } from '../../../model/window.ts';
import type { ObjectStore } from '../../../ports/object-store.ts';
import type { Platform } from '../../../ports/platform.ts';
import { findFindings } from '../../../runbooks/catalog/finding-catalog.ts';
import { surveyOwnPoints } from '../../../runbooks/catalog/point-catalog.ts';
import { listTimelines } from '../../../runbooks/catalog/timeline-catalog.ts';
import { leftBehind } from '../../../runbooks/recovery/present-history.ts';
import { readNewestFacts, type RecoveryFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import type { MeasuredRun } from '../../../runbooks/recovery/measured-stages.ts';
import type { RunbookServices } from '../../../runbooks/services.ts';
import { type NewestRestore, newestRestore } from '../../../runbooks/recovery/newest-restore.ts';
import { computeWindow } from '../../../runbooks/recovery/window.ts';
import { enterEnvironment } from '../../runs/enter-environment.ts';
import { type ResumeWay, resumeWayOf } from '../../runs/resume-way.ts';
import { restoresMeasured } from '../../runs/measured-runs.ts';
import { runsWorld } from '../../runs/runs-world.ts';
import { restoreDecisions } from '../../runs/undecided-restore.ts';
import { within } from '../../runs/within.ts';
import type { CliContext } from '../../context.ts';
import { type EnvironmentStatus, environmentStatus, kindOf } from './signals.ts';

/** How long one part of the status may take, in milliseconds: it is better to say which part hangs than to hang. */
const patience = 8000;
/** How many runs are read: enough for the newest of each runbook. */
const recentRuns = 50;

/**
 * Collects the status of one environment. An environment that cannot be opened is `unknown`. Only a wrong configuration
 * throws.
 */
export async function statusOf(context: CliContext, name: string): Promise<EnvironmentStatus> {
  const { config } = await context.environment(name);
  const { clock } = context;
  try {
    const platform = await context.platform(name);
    const { bucket } = platform;
    const world = await runsWorld(context, name);
    const services = { platform, config, clock };
    const inTime = async <T>(work: Promise<T>, late: string) => within(clock, work, { patience, late });
    const [ring, stranger, log, measuring, stored] = await Promise.all([
      inTime(platform.database.ring(), 'The database did not answer in time'),
      inTime(otherBucketOf(platform, name), 'The agents did not answer in time'),
      inTime(newestWindow(services), `The log in ${bucket.description} was not read in time`),
      inTime(restoresMeasured(platform.bucket), `The journals in ${bucket.description} were not read in time`),
      inTime(
        Promise.all([surveyWithFindings(bucket, name), restoreDecisions(world), runsWithWays(world, name)]),
        `${bucket.description} did not answer in time`,
      ),
    ]);
    const window = log === undefined || log instanceof Error ? log : log.window;
    const restores = newestOf(log, measuring, platform.nodes.length);
    const [survey, decisions, { runs, ways }] =
      stored instanceof Error
        ? [
            { points: [], damaged: [], left: new Set<string>(), findings: undefined },
            { undecided: [], decided: new Map() },
            { runs: [], ways: new Map() },
          ]
        : stored;
    const store = stored instanceof Error ? stored : { description: bucket.description };
    const facts = { environment: name, config, now: clock.now(), nodes: platform.nodes, ring, store };
    // Agents that do not answer say nothing of their bucket.
    const remembered = stranger instanceof Error && stranger.code === 'bucket-changed' ? stranger : undefined;
    return environmentStatus({ ...facts, stranger: remembered, ...survey, ...decisions, runs, ways, window, restores });
  } catch (thrown) {
    const problem = asProblem(thrown, `Opening ${name}`);
    const signal = { name: 'nodes', level: 'unknown', says: problem.happened, next: problem.next } as const;
    return { environment: name, level: 'unknown', signals: [signal] };
  }
}

/** The newest runs, and for each one that was interrupted how it is carried on. */
export async function runsWithWays(
  world: RunsWorld & TrustingWorld,
  environment: string,
): Promise<{ readonly runs: readonly RunSummary[]; readonly ways: ReadonlyMap<string, ResumeWay> }> {
  const runs = await listRuns(world, { limit: recentRuns });
  const ways = new Map<string, ResumeWay>();
  const told = new Set<string>();
  for (const each of runs) {
    // As the signals have it: of each kind the newest run counts.
    if (each.status !== 'interrupted' || told.has(kindOf(each))) continue;
    const { run } = each;
    told.add(kindOf(each));
    try {
      ways.set(run, await resumeWayOf(world, run, environment));
    } catch (thrown) {
      // A journal that is damaged in the middle shows only when all of it is read.
      const problem = asProblem(thrown, 'Reading its journal');
      if (problem.code !== 'journal-damaged') throw thrown;
      ways.set(run, { command: undefined, doubt: problem.happened.replace(/\.$/, '') });
    }
  }
  return { runs, ways };
}

/** Throws RefusedProblem `bucket-changed` when agents remember another bucket. */
async function otherBucketOf(platform: Platform, name: string): Promise<undefined> {
  await enterEnvironment(platform, name);
}

/** What a restore of everything would take now; the Problem of what could not be read. */
function newestOf(
  log: Awaited<ReturnType<typeof newestWindow>> | Problem,
  measuring: readonly MeasuredRun[] | Problem,
  nodes: number,
): NewestRestore | Problem | undefined {
  if (log === undefined || log instanceof Error) return log;
  if (measuring instanceof Error) return measuring;
  try {
    return newestRestore(log.facts, log.window, { runs: measuring, nodes });
  } catch (thrown) {
    // The other signals are worth more than this one.
    return asProblem(thrown, 'Foretelling a restore');
  }
}

async function surveyWithFindings(bucket: ObjectStore, name: string) {
  const survey = await surveyOwnPoints(bucket, name);
  const good = survey.points.find(({ proof }) => proof !== 'failed');
  const left = leftBehind(await listTimelines(bucket));
  const leftIds = new Set(survey.points.filter((point) => left(point) !== undefined).map(({ id }) => id as string));
  return { ...survey, left: leftIds, findings: good === undefined ? undefined : await findingsOf(bucket, good.id) };
}

async function findingsOf(bucket: ObjectStore, of: string) {
  try {
    const record = await findFindings(bucket, of);
    if (record === undefined) return undefined;
    const all = Object.values(record.counts).reduce((sum, count) => sum + count, 0);
    return { of, all, fresh: record.findings.filter(({ fresh }) => fresh === true).length };
  } catch (thrown) {
    // The next check judges without it, and says so.
    if (thrown instanceof Problem && thrown.code === 'bad-document') return undefined;
    throw thrown;
  }
}

/** From the newest good point on; undefined when there is none. */
async function newestWindow(
  services: RunbookServices,
): Promise<{ readonly facts: RecoveryFacts; readonly window: WindowReport } | undefined> {
  const facts = await readNewestFacts(services);
  return facts === undefined ? undefined : { facts, window: computeWindow(facts) };
}
