import { declare } from '../../command.ts';

export const agent = declare({
  name: 'agent',
  group: 'Processes',
  summary: 'Run the agent beside one Cassandra node: snapshots, uploads, checks and restores on its behalf.',
  about:
    'Started by the sandbox or by the cluster, rarely by hand. --config names the file that the platform wrote for this node.',
  arguments: {},
  options: {},
  examples: [{ run: 'cardea agent --config /etc/cardea/agent.json', says: 'Run until stopped.' }],
});
