import type { Action } from '../../command.ts';
import { askAgents } from '../../runs/agents-of.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import type { agents } from './declaration.ts';
import { agentsText } from './text.ts';

export const action: Action<typeof agents> = async (context, input) => {
  const { name } = await context.environment(input.env);
  const platform = await context.platform(name);
  const [identity, asked] = await Promise.all([
    refuseWhenUnreachable(async () => platform.bucket.look()),
    askAgents(platform),
  ]);
  const { description } = platform.bucket;
  return {
    json: {
      environment: name,
      bucket: { description, ...(identity === undefined ? {} : { identity }) },
      agents: asked.map(({ node, health }) =>
        'highestEpoch' in health
          ? { ...health, node, answers: true }
          : { node, answers: false, problem: health.toDocument() },
      ),
    },
    text: agentsText({ environment: name, description, identity, asked }, context.output.paint),
  };
};
