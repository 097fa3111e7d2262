import { withRequestedFault } from '../../adapters/faults/kill-after-event.ts';
import { fileAuditSigner } from '../../adapters/system/audit-key.ts';
import { systemProcesses } from '../../adapters/system/processes.ts';
import type { RunEvent } from '../../journal/event.ts';
import type { RunState } from '../../journal/run-state.ts';
import type { ShownRun } from '../../journal/runs.ts';
import { formatSeconds } from '../../model/duration.ts';
import { asProblem, RefusedProblem } from '../../model/problem.ts';
import type { Progress } from '../../model/progress.ts';
import { planOf } from '../../runbook/plan.ts';
import type { Runbook } from '../../runbook/define.ts';
import { type EngineWorld, resumeRun, type RunOutcome, startRun } from '../../runbook/engine.ts';
import { acceptedParams } from '../../runbook/params.ts';
import { unknownRunbook } from '../../runbook/refusal.ts';
import { findRunbook, type RunbookServices } from '../../runbooks/index.ts';
import type { Outcome } from '../command.ts';
import type { CliContext } from '../context.ts';
import type { Interruption } from '../terminal/interrupt.ts';
import { enterEnvironment } from './enter-environment.ts';
import { refuseWhenUnreachable } from './refuse-when-unreachable.ts';
import { reportOf } from './run-report.ts';
import { resumeWay, resumeWayOf } from './resume-way.ts';
import { planText } from './plan-text.ts';
import { inReadingOrder, type StepTitle } from './run-model.ts';
import { runsWorld } from './runs-world.ts';
import { openLiveRunView } from './live-run-view.ts';

export interface Operation<P> {
  readonly environment: string;
  readonly runbook: Runbook<P, RunbookServices>;
  /** As the runbook's schema takes them. */
  readonly params: unknown;
  /** What was typed with --confirm. */
  readonly confirmed?: string | undefined;
  /** What the command says when the run succeeded. */
  readonly done: (outcome: RunOutcome) => Outcome | Promise<Outcome>;
}

/**
 * Executes a runbook for a command. `--plan` only shows it; else it runs, shown live, and Ctrl-C leaves it resumable.
 */
export async function operate<P>(context: CliContext, operation: Operation<P>): Promise<Outcome> {
  const { environment, runbook, confirmed } = operation;
  if (context.flags.plan) {
    const plan = planOf(runbook, acceptedParams(runbook, operation.params), environment);
    return { json: plan, text: planText(plan, context.output.paint) };
  }
  const services = await runbookServices(context, environment);
  const outcome = await viewed(context, environment, inReadingOrder(runbook.steps), (world) =>
    // Rejects only while nothing is journaled.
    refuseWhenUnreachable(() =>
      startRun(world, runbook, {
        environment,
        params: operation.params,
        services,
        signal: context.signal,
        ...(confirmed === undefined ? {} : { confirmed }),
      }),
    ),
  );
  return settled(outcome, operation.done);
}

/**
 * Continues an interrupted run, shown live. A run that had already ended is reported as it ended, and every one as the command reports it that
 * begins such a run, with its results beside. `confirmed` is what was typed with --confirm. Throws RefusedProblem `other-environment` for a journal that another environment's bucket should hold.
 */
export async function resume(
  context: CliContext,
  { state, journal }: ShownRun,
  { environment, confirmed }: { readonly environment: string; readonly confirmed?: string | undefined },
): Promise<Outcome> {
  const { run } = state;
  requireOwnRun(state, environment);
  const titles = inReadingOrder(findRunbook(state.runbook, state.runbookVersion)?.steps ?? []);
  const outcome = await viewed(context, environment, titles, async (world) =>
    refuseWhenUnreachable(() =>
      resumeRun<RunbookServices>(world, findRunbook, {
        run,
        journal,
        services: async (name: string) => runbookServices(context, name),
        signal: context.signal,
        ...(confirmed === undefined ? {} : { confirmed }),
      }),
    ),
  );
  return settled(outcome, async (ended) => {
    const { seconds, results } = ended;
    const reported = await reportOf(context, environment, state, ended);
    return {
      ...reported,
      json: { ...reported?.json, seconds, results },
      text: [
        `${run} succeeded, ${formatSeconds(seconds)} after its start.`,
        ...(reported === undefined ? [] : [reported.text]),
      ].join('\n'),
    };
  });
}

/** The plan of a run that was started before, as `--plan` shows it. Throws as `resume` does. */
export async function resumePlan(
  context: CliContext,
  { state, journal }: ShownRun,
  environment: string,
): Promise<Outcome> {
  const { run, runbook: name, runbookVersion, params, steps } = state;
  requireOwnRun(state, environment);
  const runbook = findRunbook(name, runbookVersion);
  if (runbook === undefined) throw unknownRunbook(state);
  const plan = planOf(runbook, acceptedParams(runbook, params), environment);
  const way = await resumeWay(await engineWorld(context, environment), { state, journal }, environment);
  const done = Object.values(steps).map(({ step, status }) => `${step} ${status}`);
  const text = [
    planText(plan, context.output.paint),
    '',
    `So far, by its journal: ${done.length === 0 ? 'nothing' : done.join(', ')}.`,
    ...(way.doubt === undefined ? [] : [`Of ${run}: ${way.doubt}.`]),
    ...(way.cancels === true ? [`The cancel of ${run} was asked for: a resume ends it as cancelled.`] : []),
    ...(way.command === undefined ? [] : [`Next: ${way.command}`]),
  ];
  return { json: { ...plan, run, doubt: way.doubt ?? null, next: way.command ?? null }, text: text.join('\n') };
}

/** A journal that was copied from another environment's bucket would be carried out over there. */
function requireOwnRun(state: RunState, environment: string): void {
  if (state.environment === environment) return;
  throw new RefusedProblem({
    code: 'other-environment',
    happened: `The journal of ${state.run} in the bucket of ${environment} is one of another environment (${JSON.stringify(state.environment)}).`,
    state: 'Nothing was changed.',
    next: `See who put it there: cardea audit ${environment}`,
  });
}

/** What the engine needs for an environment. */
export async function engineWorld(context: CliContext, environment: string): Promise<EngineWorld> {
  const { config, auditKey, operatorKeys } = await context.environment(environment);
  const [platform, signer] = await Promise.all([
    context.platform(environment),
    fileAuditSigner(auditKey, environment, operatorKeys),
  ]);
  const { clock, ids, actor } = context;
  return {
    store: withRequestedFault(platform.bucket, {
      fault: process.env['CARDEA_FAULT'],
      platform: config.platform.kind,
    }),
    clock,
    ids,
    actor,
    processes: systemProcesses(),
    signer,
    enter: async (name) => enterEnvironment(platform, name),
    onWait: (why) => context.output.note(why),
  };
}

async function runbookServices(context: CliContext, name: string): Promise<RunbookServices> {
  const [platform, { config }] = await Promise.all([context.platform(name), context.environment(name)]);
  return {
    platform,
    config,
    clock: context.clock,
    async resumeCommand(run) {
      return (await resumeWayOf(await runsWorld(context, name), run, name)).command;
    },
  };
}

async function viewed(
  context: CliContext,
  environment: string,
  titles: readonly StepTitle[],
  work: (world: EngineWorld) => Promise<RunOutcome>,
): Promise<RunOutcome> {
  const { output, flags, clock } = context;
  const world = await engineWorld(context, environment);
  const view = await openLiveRunView(output, titles, () => clock.now(), flags.quiet || flags.json);
  let outcome: RunOutcome;
  try {
    outcome = await work({
      ...world,
      onEvent: (event: RunEvent) => {
        view.event(event);
        if (event.event.type === 'run-started' || event.event.type === 'run-resumed') {
          context.interrupt.say(whileRunning(event.run));
        } else if (endings.has(event.event.type)) {
          context.interrupt.say(onceEnded(event.run));
        }
      },
      onProgress: (step: string, progress: Progress) => view.progress(step, progress),
    });
  } finally {
    view.end();
  }
  for (const line of outcome.unwritten ?? []) output.warn(line);
  return outcome;
}

const endings: ReadonlySet<string> = new Set(['run-succeeded', 'run-failed', 'run-cancelled']);

function whileRunning(run: string): Interruption {
  return {
    stopping: `Stopping. Resume the run with: cardea run resume ${run} (Ctrl-C again leaves at once; the run can still be resumed).`,
    state: `Run ${run} is left where it was: what had finished is in its journal, and a job that an agent has begun goes on there.`,
    next: `Continue it with: cardea run resume ${run}`,
  };
}

function onceEnded(run: string): Interruption {
  return {
    stopping: `Run ${run} has ended; stopping what comes after it. Ctrl-C again leaves at once.`,
    state: `Run ${run} has ended, as its journal says.`,
    next: `See it with: cardea run show ${run}`,
  };
}

async function settled<P>(outcome: RunOutcome, done: Operation<P>['done']): Promise<Outcome> {
  const { run, seconds, problem } = outcome;
  if (outcome.status === 'succeeded') {
    const known = { run, ok: true, status: outcome.status, seconds };
    try {
      const end = await done(outcome);
      return { ...end, json: { ...known, ...end.json } };
    } catch (error) {
      // The run has succeeded all the same, and its end is in the journal.
      const { happened } = asProblem(error, 'Reading what it brought');
      const unread = `What it brought could not be read: ${happened}`;
      return { json: { ...known, unread }, text: `${run} succeeded in ${formatSeconds(seconds)}. ${unread}` };
    }
  }
  return { json: { run, ok: false, status: outcome.status, seconds }, text: '', ...(problem && { problem }) };
}
