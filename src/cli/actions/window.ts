import { computeWindow } from '../../runbooks/window.ts';
import { readRecoveryFacts } from '../../runbooks/recovery-facts.ts';
import { notStarted } from '../not-started.ts';
import type { Action } from '../command.ts';
import type { window } from '../window.ts';
import { windowText } from '../window-text.ts';

export const action: Action<typeof window> = async (context, input) => {
  const { config } = await context.environment(input.env);
  const platform = await context.platform(input.env);
  const { clock, signal } = context;
  const facts = await notStarted(async () => readRecoveryFacts({ platform, config, clock }, signal));
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
