import { idsOf } from '../../../graph/transactions/chosen-groups.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { formatInstant, microsOf } from '../../../model/instant.ts';
import { UsageProblem } from '../../../model/problem.ts';
import { restoreRunbook, undoCompensateRunbook } from '../../../runbooks/index.ts';
import { settleMarginOf } from '../../../runbooks/recovery/arrival.ts';
import { readRecoveryFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import { knownSchema } from '../../../runbooks/catalog/schema-catalog.ts';
import { currentTimeline } from '../../../runbooks/catalog/timeline-record.ts';
import {
  analyseUndo,
  requireNoConflicts,
  requireWholeSlots,
  slotsOf,
  type UndoAnalysis,
} from '../../../runbooks/undo/undo-analysis.ts';
import { outageOf } from '../../../runbooks/steps/standard-steps.ts';
import type { Action, Outcome } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { withMissedNodes } from '../../runs/missed-nodes.ts';
import { withNewBase } from '../../runs/new-base.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import { knownText } from '../../runs/known-text.ts';
import { operate } from '../../runs/operation.ts';
import { undoReport } from '../../runs/run-report.ts';
import { decideTarget, replayParamsOf } from '../restore/target.ts';
import type { undo } from './declaration.ts';
import { undoText } from './text.ts';
import { undoWays, type UndoWay } from './ways.ts';

export const action: Action<typeof undo> = async (context, input) => {
  const { name, config } = await context.environment(input.env);
  const platform = await context.platform(name);
  const { clock, signal } = context;
  if (input.group.length === 0) throw noGroup(name);
  const { analysis, ways } = await refuseWhenUnreachable(async () => {
    const known = await knownSchema(platform, microsOf(clock.now()));
    const settleMargin = settleMarginOf(config);
    const analysis = await analyseUndo(platform, known, { groups: input.group, settleMargin }, signal);
    const facts = await readRecoveryFacts({ platform, config, clock }, signal);
    return { analysis, ways: await undoWays(analysis, facts, name) };
  });
  signal.throwIfAborted();
  const chosen = ways.find((each) => each.way === input.way);
  const compared = comparison(analysis, ways);
  const text = undoText(analysis, ways, context.output.paint);
  if (context.flags.plan && (chosen === undefined || chosen.refused !== null)) return { json: compared, text };
  if (!context.flags.plan) {
    requireNoConflicts(analysis, name);
    context.output.note(text);
  }
  const asked = { context, environment: name, confirmed: input.confirm };
  const done =
    input.way === 'restore' ? await byRestore(asked, analysis) : await byCompensation(asked, analysis, chosen);
  return context.flags.plan ? { json: { ...compared, plan: done.json }, text: `${text}\n\n${done.text}` } : done;
};

interface Asked {
  readonly context: CliContext;
  readonly environment: string;
  readonly confirmed: string | undefined;
}

async function byCompensation(
  { context, environment, confirmed }: Asked,
  analysis: UndoAnalysis,
  way: UndoWay | undefined,
): Promise<Outcome> {
  const { timeline, before, chosen } = analysis;
  // If it is not possible, choosing the base says why, and what would work instead.
  const choice =
    way?.choice ?? (await decideTarget(context, environment, { to: formatInstant(before), timeline })).instant?.choice;
  const groups = idsOf(chosen);
  return operate(context, {
    environment,
    runbook: undoCompensateRunbook,
    params: {
      groups,
      point: choice?.point.id,
      compared: analysis.bytes,
      replay: true,
      logs: { instant: formatInstant(before), timeline, exclusions: [], bytes: way?.replayBytes ?? undefined },
    },
    confirmed,
    done: (ended) => undoReport(environment, ended, groups),
  });
}

async function byRestore({ context, environment, confirmed }: Asked, analysis: UndoAnalysis): Promise<Outcome> {
  requireWholeSlots(analysis);
  const groups = idsOf(analysis.chosen);
  const wanted = { timeline: analysis.timeline, exclusions: slotsOf(analysis) };
  const decided = await refuseWhenUnreachable(async () => decideTarget(context, environment, wanted));
  for (const warning of decided.warnings) {
    context.output.warn(context.output.paintNote('yellow', `WARNING: ${warning}`));
  }
  return operate(context, {
    environment,
    runbook: restoreRunbook,
    params: { point: decided.point.id, allowTaken: false, ...replayParamsOf(decided, { inPlace: true }) },
    confirmed,
    async done({ run, seconds, results }) {
      const outage = outageOf(results);
      const known = knownText(results.verify);
      const timeline = await currentTimeline((await context.platform(environment)).bucket);
      const done = withMissedNodes(context, environment, results['start-shipping'], {
        json: {
          run,
          ok: true,
          seconds,
          outageSeconds: outage ?? null,
          way: 'restore',
          groups,
          timeline,
          known: known.known,
          inherited: known.inherited,
        },
        text: [
          `${environment} was restored without ${groups.join(', ')} in ${formatSeconds(seconds)}, on timeline ${timeline}. Its graph was checked.${known.text}`,
          ...(outage === undefined ? [] : [`The graph did not serve for ${formatSeconds(outage)} of that.`]),
          `The old data is kept. To delete it: cardea restore accept ${run} --confirm ${environment}`,
        ].join('\n'),
      });
      return withNewBase(context, environment, done);
    },
  });
}

function comparison(analysis: UndoAnalysis, ways: readonly UndoWay[]) {
  const { timeline, chosen, report, before, newest } = analysis;
  return {
    timeline,
    groups: chosen.groups.map((group) => group.id),
    before: formatInstant(before),
    compared: formatInstant(newest),
    ...report,
    holes: analysis.holes,
    ways: ways.map(({ choice: _choice, ...way }) => way),
  };
}

function noGroup(environment: string): UsageProblem {
  return new UsageProblem({
    code: 'no-group',
    happened: 'No group was named.',
    state: 'Nothing was started.',
    next: `Find it first: cardea transactions ${environment} --around TIME. Then name it with --group.`,
  });
}
