import type { Problem } from '../../model/problem.ts';
import { asProblem } from '../../model/problem.ts';
import type { AgentHealth } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';

export interface AskedAgent {
  readonly node: string;
  readonly health: AgentHealth | Problem;
}

/** What each agent says of itself; a problem for one that does not answer. */
export async function askAgents(platform: Pick<Platform, 'nodes' | 'agent'>): Promise<readonly AskedAgent[]> {
  return Promise.all(
    platform.nodes.map(async ({ name }) => {
      try {
        return { node: name, health: await platform.agent(name).health() };
      } catch (thrown) {
        return { node: name, health: asProblem(thrown, `Asking the agent of ${name}`) };
      }
    }),
  );
}

/** Those that answered. */
export function healthOf(agents: readonly AskedAgent[]): readonly AgentHealth[] {
  return agents.flatMap(({ health }) => ('highestEpoch' in health ? [health] : []));
}
