import { formatInstant } from '../../../model/instant.ts';
import { restoreIntoRunbook, restoreRunbook } from '../../../runbooks/index.ts';
import type { Forecast } from '../../../runbooks/recovery/restore-forecast.ts';
import { requireRestorableForm } from '../../../runbooks/steps/graph-form.ts';
import type { Action, Outcome } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { forecastText } from './forecast-text.ts';
import { withNewBase } from '../../runs/new-base.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import { operate } from '../../runs/operation.ts';
import { copyReport, restoreReport } from '../../runs/run-report.ts';
import type { restore } from './declaration.ts';
import { plannedRoom, roomText } from './room-text.ts';
import { plannedTime, timeText } from './time-text.ts';
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
    await requireRestorableForm(await context.platform(name), point, decided.instant !== undefined);
  }
  const params = { point: point.id, allowTaken: input.allowTaken };
  const what = targetText(decided);
  context.output.note(`${input.into === undefined ? name : `The copy ${input.into}`} is to come back as of ${what}.`);
  const target = { point: point.id, instant: instantOf(decided), what };
  if (input.into !== undefined) {
    const into = input.into;
    const outcome = await operate(context, {
      environment: name,
      runbook: restoreIntoRunbook,
      params: { ...params, into, ...replayParamsOf(decided, { inPlace: false }) },
      confirmed: input.confirm,
      done: async (ended) => copyReport(context, name, ended, { ...target, into }),
    });
    return withForecast(context, outcome, forecast);
  }
  const outcome = await operate(context, {
    environment: name,
    runbook: restoreRunbook,
    params: {
      ...params,
      allowFailed: input.allowFailed,
      newBase: !input.withoutBase,
      stage: !input.withoutStaging,
      ...replayParamsOf(decided, { inPlace: true }),
    },
    confirmed: input.confirm,
    async done(ended) {
      const done = await restoreReport(context, name, ended, target);
      return input.withoutBase ? done : withNewBase(context, name, done);
    },
  });
  const planned = withForecast(context, outcome, forecast);
  if (!context.flags.plan) return planned;
  const [room, time] = await Promise.all([
    plannedRoom(context, name, decided, { stage: !input.withoutStaging }),
    plannedTime(context, name, decided, { stage: !input.withoutStaging }),
  ]);
  const text = `${planned.text}${forecast === undefined ? '\n' : ''}\n${roomText(room, !input.withoutStaging)}\n${timeText(time)}`;
  return { ...planned, json: { ...planned.json, room, time }, text };
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
