import { declare } from '../../command.ts';

export const agent = declare({
  name: 'agent',
  group: 'Processes',
  summary: 'Run the agent of one Cassandra node: it takes snapshots, uploads, checks and restores files there.',
  about:
    'The sandbox or the cluster starts it; you rarely do so by hand. --config names the file that the platform wrote for this node.',
  arguments: {},
  options: {},
  interrupted: () => ({
    stopping:
      'The agent stops. Its jobs end, and are done anew when they are asked for again. Ctrl-C again leaves at once.',
    state: 'The agent does not run; its node is as it was.',
    next: 'Start it again, in the sandbox with `cardea sandbox up`; whoever waits for one of its jobs asks again.',
  }),
  examples: [{ run: 'cardea agent --config /etc/cardea/agent.json', says: 'Run until stopped.' }],
});
