import { declare } from '../../command.ts';

export const agent = declare({
  name: 'agent',
  group: 'Processes',
  summary: 'Run the agent of one Cassandra node: it takes snapshots, uploads, checks and restores files there.',
  about:
    'The sandbox or the cluster starts it; you rarely do so by hand. --config names the file that the platform wrote for this node.',
  arguments: {},
  options: {},
  examples: [{ run: 'cardea agent --config /etc/cardea/agent.json', says: 'Run until stopped.' }],
});
