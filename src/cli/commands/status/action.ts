import { statusOf } from './collect.ts';
import type { Action } from '../../command.ts';
import type { status } from './declaration.ts';
import { statusText } from './text.ts';

export const action: Action<typeof status> = async (context, input) => {
  const names = input.env === undefined ? Object.keys((await context.config()).config.environments) : [input.env];
  // A name that is not known is wrong use, not a red environment.
  for (const name of names) await context.environment(name);
  const all = await Promise.all(names.map(async (name) => statusOf(context, name)));
  const red = all.some((one) => one.level === 'bad');
  return {
    json: input.env === undefined ? all : (all[0] ?? {}),
    text: statusText(all, context.output.paint),
    exitCode: input.check && red ? 1 : 0,
  };
};
