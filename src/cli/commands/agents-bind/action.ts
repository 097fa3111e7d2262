import { systemProcesses } from '../../../adapters/system/processes.ts';
import type { Action } from '../../command.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import { bindAgents, notBound, notConfirmed } from './bind.ts';
import type { agentsBind } from './declaration.ts';

export const action: Action<typeof agentsBind> = async (context, input) => {
  const { name } = await context.environment(input.env);
  if (input.confirm !== name) throw notConfirmed(name, input.confirm);
  const platform = await context.platform(name);
  const { clock, ids, actor, signal, output } = context;
  const bound = await refuseWhenUnreachable(async () =>
    bindAgents(
      { clock, ids, actor, processes: systemProcesses(), onWait: (why) => output.note(why) },
      platform,
      signal,
    ),
  );
  const { identity, epoch, setAside, agents } = bound;
  const away = agents.filter(({ problem }) => problem !== undefined);
  const text = [
    ...setAside.map((key) => `${key} was no lease that a run can have held; it lies in leases/set-aside/ now.`),
    ...agents.map(
      ({ node, problem }) => `${node}: ${problem === undefined ? 'bound' : `NOT bound: ${problem.happened}`}`,
    ),
    `${platform.bucket.description} is the bucket ${identity.id} of ${name}; the epoch is ${epoch}. Take a backup now: cardea backup ${name}`,
  ].join('\n');
  return {
    json: {
      environment: name,
      bucket: identity,
      epoch,
      setAside,
      agents: agents.map(({ node, problem }) => ({
        node,
        bound: problem === undefined,
        ...(problem && { problem: problem.toDocument() }),
      })),
    },
    text,
    ...(away.length === 0
      ? {}
      : {
          problem: notBound(
            name,
            away.map(({ node }) => node),
          ),
        }),
  };
};
