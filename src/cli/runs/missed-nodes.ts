import { z } from 'zod';
import type { Outcome } from '../command.ts';
import type { CliContext } from '../context.ts';

const shape = z.object({ problems: z.array(z.string()), missed: z.array(z.string()).default([]) });

/**
 * What a run says of the nodes whose log it could not start to ship, from the result of that step: it has succeeded, but
 * not in that.
 */
export function withMissedNodes(context: CliContext, environment: string, result: unknown, done: Outcome): Outcome {
  const found = shape.safeParse(result);
  const { missed, problems } = found.success ? found.data : { missed: [], problems: [] };
  const json = { ...done.json, notShipped: missed };
  if (problems.length === 0) return { ...done, json };
  const warning = [
    `WARNING: the log of ${missed.join(', ')} is not shipped. An agent that was away begins by itself when it is back.`,
    ...problems.map((line) => `  ${line}`),
    `To see that every node ships: cardea ship ${environment}`,
  ].join('\n');
  context.output.warn(context.output.paintNote('red', warning));
  return { ...done, json, text: `${done.text}\n${warning}` };
}
