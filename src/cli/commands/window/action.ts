import { computeWindow } from '../../../runbooks/recovery/window.ts';
import { readRecoveryFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import type { Action } from '../../command.ts';
import type { window } from './declaration.ts';
import { windowText } from './text.ts';

export const action: Action<typeof window> = async (context, input) => {
  const { config } = await context.environment(input.env);
  const platform = await context.platform(input.env);
  const { clock, signal } = context;
  const facts = await refuseWhenUnreachable(async () => readRecoveryFacts({ platform, config, clock }, signal));
  const report = computeWindow(facts, input.timeline);
  return {
    json: report,
    text: windowText(
      report,
      { environment: input.env, now: facts.now, objective: config.objectives.rpo },
      context.output.paint,
    ),
    exitCode: report.newest === null ? 1 : 0,
  };
};
