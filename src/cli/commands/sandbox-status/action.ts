import { UsageProblem } from '../../../model/problem.ts';
import type { ConfigurationChange } from '../../../platforms/sandbox/configuration-changes.ts';
import { changesSince, environments, report, type SandboxReport } from '../../../platforms/sandbox/report.ts';
import type { Action } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import type { sandboxStatus } from './declaration.ts';
import { sandboxText } from './text.ts';

export const action: Action<typeof sandboxStatus> = async (context, input) => {
  const known = environments();
  if (input.env !== undefined) {
    const one = await withChanges(context, input.env);
    if (one === undefined) throw unknown(input.env, known);
    return { json: one, text: sandboxText(one, one.changes) };
  }
  const all = (await Promise.all(known.map((name) => withChanges(context, name)))).filter((each) => each !== undefined);
  return {
    json: all,
    text:
      all.length === 0
        ? 'The sandbox has no environments.'
        : all.map((each) => sandboxText(each, each.changes)).join('\n\n'),
  };
};

async function withChanges(
  context: CliContext,
  name: string,
): Promise<(SandboxReport & { readonly changes: readonly ConfigurationChange[] }) | undefined> {
  const [now, changes] = await Promise.all([report(name), changesOf(context, name)]);
  return now === undefined ? undefined : { ...now, changes };
}

/** What runs is shown whatever its configuration says by now: a file that cannot be used, or that lacks the environment, changes nothing. */
async function changesOf(context: CliContext, name: string): Promise<readonly ConfigurationChange[]> {
  try {
    const { config } = await context.environment(name);
    return config.platform.kind === 'sandbox' ? changesSince(name, config) : [];
  } catch (error) {
    if (error instanceof UsageProblem) return [];
    throw error;
  }
}

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
