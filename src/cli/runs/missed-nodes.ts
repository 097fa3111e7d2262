import { z } from 'zod';
import { linesText, namesJson, namesText, someLines, someNames } from '../../runbooks/steps/some-names.ts';
import type { Outcome } from '../command.ts';
import type { CliContext } from '../context.ts';

const none = { count: 0, first: [] };
const shape = z.object({ problems: someLines, missed: someNames.default(none) });

/**
 * What a run says of the nodes whose log it could not start to ship, from the result of that step: it has succeeded, but
 * not in that.
 */
export function withMissedNodes(context: CliContext, environment: string, result: unknown, done: Outcome): Outcome {
  const found = shape.safeParse(result);
  const { missed, problems } = found.success ? found.data : { missed: none, problems: none };
  const json = { ...done.json, ...namesJson('notShipped', missed) };
  if (problems.count === 0) return { ...done, json };
  const warning = [
    `WARNING: the log of ${namesText(missed)} is not shipped. An agent that was away begins by itself when it is back.`,
    ...linesText(problems, `cardea doctor ${environment}`).map((line) => `  ${line}`),
    `To see that every node ships: cardea ship ${environment}`,
  ].join('\n');
  context.output.warn(context.output.paintNote('red', warning));
  return { ...done, json, text: `${done.text}\n${warning}` };
}
