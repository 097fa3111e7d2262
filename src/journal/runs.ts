import { runId } from '../model/identifiers.ts';
import { Problem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';
import { mapConcurrently } from '../model/map-concurrently.ts';
import type { Actor, RunEvent, StepMeasure } from './event.ts';
import { endsOfJournal, journalDamaged, readJournal, type VerifiedJournal } from './journal-reader.ts';
import { trueState } from './liveness.ts';
import { replay, type RunState, type RunStatus } from './run-state.ts';

export interface RunsWorld {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly processes: Processes;
}

/** One line of a list of runs. Only the id of a `damaged` run is certain. Times are ISO strings. */
export type RunSummary =
  | {
      readonly run: string;
      readonly status: RunStatus;
      readonly runbook: string;
      readonly environment: string;
      readonly actor: Actor;
      readonly startedAt: string;
      readonly lastEventAt: string;
      readonly endedAt?: string;
      readonly seconds?: number;
      readonly problem?: RunState['problem'];
      /** The copy beside the environment that it works on. */
      readonly copy?: string;
      readonly params: unknown;
    }
  | { readonly run: string; readonly status: 'damaged'; readonly why: string };

/**
 * The newest `limit` runs, newest first. Reads only their first and last events; a journal is verified when its run is
 * shown.
 */
export async function listRuns(
  world: RunsWorld,
  options: { readonly limit: number; readonly runbook?: string },
): Promise<readonly RunSummary[]> {
  const newest = (await runIds(world.store))
    .filter((run) => options.runbook === undefined || runbookPart(run) === options.runbook)
    .sort(newestFirst)
    .slice(0, options.limit);
  const summaries = await mapConcurrently(newest, 16, async (run): Promise<RunSummary | undefined> => {
    try {
      const { state } = await trueState(world, async () => ({ state: await briefState(world.store, run) }));
      return state && summaryOf(state);
    } catch (error) {
      if (error instanceof Problem && damageCodes.has(error.code)) {
        return { run, status: 'damaged', why: error.happened };
      }
      throw error;
    }
  });
  return summaries.filter((summary) => summary !== undefined);
}

export interface UnfinishedRun {
  readonly run: string;
  readonly runbook: string;
  readonly params: unknown;
}

/** Runs that began since then, by their names; of these runbooks, or of any. */
export interface WhichRuns {
  readonly since: Date;
  readonly kinds?: readonly string[];
}

/**
 * Every run begun since then whose journal has no end: it is under way, or was interrupted and can be carried on. Reads
 * only first and last events. A run whose journal is damaged is not carried on, and is left out.
 */
export async function unfinishedRuns(
  store: ObjectStore,
  { since, kinds }: WhichRuns,
): Promise<readonly UnfinishedRun[]> {
  const first = since.toISOString().replaceAll(/[-:]/g, '').slice(0, 15).replace('T', '-');
  const runs = (await runIds(store)).filter(
    (run) => run.slice(-20) >= first && (kinds === undefined || kinds.includes(runbookPart(run))),
  );
  const found = await mapConcurrently(runs, 16, async (run): Promise<UnfinishedRun | undefined> => {
    const state = await readableState(store, run);
    return state?.status === 'running' ? { run, runbook: state.runbook, params: state.params } : undefined;
  });
  return found.filter((each) => each !== undefined);
}

/** A run that succeeded, and what its steps took. */
export interface MeasuredRun {
  readonly run: string;
  readonly runbook: string;
  readonly params: unknown;
  /** By step. */
  readonly measured: Readonly<Record<string, StepMeasure>>;
}

/** Runs that are looked at for one that is wanted: others have failed, or noted nothing. */
const lookedAt = 3;

/**
 * The newest `limit` runs of these runbooks that succeeded and noted what their steps took, newest first. Reads only
 * first and last events, as far back as a few times `limit`. A run whose journal is damaged is left out.
 */
export async function measuredRuns(
  store: ObjectStore,
  { limit, runbooks }: { readonly limit: number; readonly runbooks: readonly string[] },
): Promise<readonly MeasuredRun[]> {
  const runs = (await runIds(store))
    .filter((run) => runbooks.includes(runbookPart(run)))
    .sort(newestFirst)
    .slice(0, limit * lookedAt);
  const found = await mapConcurrently(runs, 16, async (run): Promise<readonly MeasuredRun[]> => {
    const state = await readableState(store, run);
    if (state?.measured === undefined) return [];
    return [{ run, runbook: state.runbook, params: state.params, measured: state.measured }];
  });
  return found.flat().slice(0, limit);
}

export interface ShownRun {
  /** Its status is what is true at the moment, not only what the journal says. */
  readonly state: RunState;
  readonly events: readonly RunEvent[];
  readonly journal: VerifiedJournal;
}

/** One run, its journal verified. Throws UsageProblem `unknown-run`, RefusedProblem `journal-damaged`. */
export async function showRun(world: RunsWorld, run: string): Promise<ShownRun> {
  return trueState(world, async () => {
    const journal = await readJournal(world.store, run);
    const { events } = journal;
    const state = replay(events);
    if (state === undefined) throw journalDamaged(run, 'event 1 is not the start of a run');
    return { state, events, journal };
  });
}

async function runIds(store: ObjectStore): Promise<readonly string[]> {
  const runs: string[] = [];
  for await (const child of store.children('runs/')) {
    const run = /^runs\/(.+)\/$/.exec(child)?.[1];
    // A folder with another name holds no run, and its name would stand in commands that people copy.
    if (run !== undefined && runId.safeParse(run).success) runs.push(run);
  }
  return runs;
}

const damageCodes = new Set(['bad-document', 'journal-damaged']);

/** Undefined for a damaged journal, too. */
async function readableState(store: ObjectStore, run: string): Promise<RunState | undefined> {
  try {
    return await briefState(store, run);
  } catch (error) {
    if (error instanceof Problem && damageCodes.has(error.code)) return undefined;
    throw error;
  }
}

/** Undefined for a folder without events. */
async function briefState(store: ObjectStore, run: string): Promise<RunState | undefined> {
  const ends = await endsOfJournal(store, run);
  const state = replay(ends);
  if (ends.length > 0 && state === undefined) throw journalDamaged(run, 'event 1 is not the start of a run');
  return state;
}

function summaryOf(state: RunState): RunSummary {
  const { run, status, runbook, environment, actor, startedAt, lastEventAt, endedAt, seconds, problem, params, copy } =
    state;
  return {
    run,
    status,
    runbook,
    environment,
    actor,
    startedAt,
    lastEventAt,
    params,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(problem === undefined ? {} : { problem }),
    ...(copy === undefined ? {} : { copy }),
  };
}

/** A run id ends in `YYYYMMDD-HHMMSS-xxxx`, 20 characters that sort by time. */
function newestFirst(a: string, b: string): number {
  const [timeA, timeB] = [a.slice(-20), b.slice(-20)];
  if (timeA !== timeB) return timeA < timeB ? 1 : -1;
  return a < b ? 1 : -1;
}

function runbookPart(run: string): string {
  return run.slice(0, -21);
}
