import { formatSeconds } from '../../../model/duration.ts';
import { formatInstant } from '../../../model/instant.ts';
import { restoreIntoRunbook, restoreRunbook } from '../../../runbooks/index.ts';
import { listTimelines } from '../../../runbooks/catalog/timeline-catalog.ts';
import type { Forecast } from '../../../runbooks/recovery/restore-forecast.ts';
import { requireRestorableForm } from '../../../runbooks/steps/graph-form.ts';
import { outageOf } from '../../../runbooks/steps/standard-steps.ts';
import { rolesOf, rolesWarning } from '../../../runbooks/steps/restored-roles.ts';
import type { Action, Outcome } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { forecastText } from './forecast-text.ts';
import { withMissedNodes } from '../../runs/missed-nodes.ts';
import { withNewBase } from '../../runs/new-base.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import { knownText } from '../../runs/known-text.ts';
import { operate } from '../../runs/operation.ts';
import type { restore } from './declaration.ts';
import { plannedRoom, roomText } from './room-text.ts';
import { type Decided, decideTarget, replayParamsOf } from './target.ts';

export const action: Action<typeof restore> = async (context, input) => {
  const { name } = await context.environment(input.env);
  const decided = await refuseWhenUnreachable(async () => decideTarget(context, name, input));
  for (const warning of decided.warnings) {
    context.output.warn(context.output.paintNote('yellow', `WARNING: ${warning}`));
  }
  const forecast = await foretell(context, name, decided);
  context.signal.throwIfAborted();
  const { point } = decided;
  // The run asks for itself; a plan must not promise what it would refuse.
  if (context.flags.plan) {
    await requireRestorableForm(await context.platform(name), point.id, decided.instant !== undefined);
  }
  const params = { point: point.id, allowTaken: input.allowTaken };
  const what = targetText(decided);
  context.output.note(`${input.into === undefined ? name : `The copy ${input.into}`} is to come back as of ${what}.`);
  const target = { point: point.id, instant: instantOf(decided) };
  if (input.into !== undefined) {
    const into = input.into;
    const outcome = await operate(context, {
      environment: name,
      runbook: restoreIntoRunbook,
      params: { ...params, into, ...replayParamsOf(decided, { inPlace: false }) },
      confirmed: input.confirm,
      async done({ run, seconds }) {
        const copy = await (await context.platform(name)).copies.open(into);
        await copy?.close();
        const gremlin = copy?.graph.url ?? null;
        return {
          json: { run, ok: true, seconds, ...target, into, gremlin },
          text: `${what} was restored in ${formatSeconds(seconds)} as the copy ${into}: ${gremlin}. ${name} was not touched.\nCheck the copy: cardea check ${name}~${into}. Remove it: cardea sandbox down ${name}~${into} --confirm ${name}~${into}`,
        };
      },
    });
    return withForecast(context, outcome, forecast);
  }
  const outcome = await operate(context, {
    environment: name,
    runbook: restoreRunbook,
    params: {
      ...params,
      newBase: !input.withoutBase,
      stage: !input.withoutStaging,
      ...replayParamsOf(decided, { inPlace: true }),
    },
    confirmed: input.confirm,
    async done({ run, seconds, results }) {
      const outage = outageOf(results);
      const known = knownText(results.verify);
      const opened = (await listTimelines((await context.platform(name)).bucket)).at(-1);
      const timeline = opened?.id ?? null;
      // A restore to the log's end reaches a later instant than the one known when it was decided.
      const instant = target.instant === null ? null : (opened?.parent?.forkedAt ?? target.instant);
      const roles = rolesOf(results);
      const done = withMissedNodes(context, name, results['start-shipping'], {
        json: {
          run,
          ok: true,
          seconds,
          outageSeconds: outage ?? null,
          ...target,
          instant,
          timeline,
          roles,
          known: known.known,
          inherited: known.inherited,
        },
        text: [
          `${name} was restored to ${instant ?? what} in ${formatSeconds(seconds)}, on timeline ${timeline}. Its graph was checked.${known.text}`,
          ...(outage === undefined ? [] : [`The graph did not serve for ${formatSeconds(outage)} of that.`]),
          rolesWarning(roles) ?? 'Roles and passwords are as they were before the restore.',
          `The old data is kept. To delete it: cardea restore accept ${run} --confirm ${name}`,
          `To undo the restore:                cardea restore revert ${run} --confirm ${name}`,
        ].join('\n'),
      });
      return input.withoutBase ? done : withNewBase(context, name, done);
    },
  });
  const planned = withForecast(context, outcome, forecast);
  if (!context.flags.plan) return planned;
  const room = await plannedRoom(context, name, decided, { stage: !input.withoutStaging });
  const text = `${planned.text}${forecast === undefined ? '\n' : ''}\n${roomText(room, !input.withoutStaging)}`;
  return { ...planned, json: { ...planned.json, room }, text };
};

/** A person who has decided must not wait long until what is left behind is counted. */
async function foretell(context: CliContext, name: string, { instant }: Decided): Promise<Forecast | undefined> {
  if (instant === undefined) return undefined;
  const { forecastOf } = await import('../../../runbooks/recovery/restore-forecast.ts');
  const platform = await context.platform(name);
  const withinMs = context.flags.plan ? 60_000 : 5000;
  const forecast = await forecastOf(platform, instant.facts, instant.choice, { withinMs, signal: context.signal });
  if (!context.flags.plan) context.output.note(`${forecastText(forecast)}\n`);
  return forecast;
}

/** A plan prints the forecast after the steps. */
function withForecast(context: CliContext, outcome: Outcome, forecast: Forecast | undefined): Outcome {
  if (!context.flags.plan || forecast === undefined) return outcome;
  return { ...outcome, json: { ...outcome.json, forecast }, text: `${outcome.text}\n\n${forecastText(forecast)}` };
}

function targetText({ point, instant }: Decided): string {
  return instant === undefined ? `${point.id} (${point.takenAt})` : formatInstant(instant.choice.instant);
}

function instantOf({ instant }: Decided): string | null {
  return instant === undefined ? null : formatInstant(instant.choice.instant);
}
