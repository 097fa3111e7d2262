import { UsageProblem } from '../../../model/problem.ts';
import { environments, report, type SandboxReport } from '../../../platforms/sandbox/report.ts';
import type { Action } from '../../command.ts';
import type { sandboxStatus } from './declaration.ts';
import { sandboxText } from './text.ts';

export const action: Action<typeof sandboxStatus> = async (_context, input) => {
  const known = environments();
  if (input.env !== undefined) {
    const one = await report(input.env);
    if (one === undefined) throw unknown(input.env, known);
    return { json: one, text: sandboxText(one) };
  }
  const all = (await Promise.all(known.map((name) => report(name)))).filter(
    (each): each is SandboxReport => each !== undefined,
  );
  return { json: all, text: all.length === 0 ? 'The sandbox has no environments.' : all.map(sandboxText).join('\n\n') };
};

function unknown(name: string, known: readonly string[]): UsageProblem {
  return new UsageProblem({
    code: 'not-up',
    happened: `The sandbox has no environment "${name}".`,
    state: 'Nothing was changed.',
    next:
      known.length === 0
        ? `Start it with: cardea sandbox up ${name}`
        : `Name one of ${known.join(', ')}, or start this one with: cardea sandbox up ${name}`,
  });
}
