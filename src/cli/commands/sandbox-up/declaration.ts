import { choice, declare, number, required } from '../../command.ts';

export const sandboxUp = declare({
  name: 'sandbox up',
  group: 'Setup',
  summary: 'Start an environment as processes on this machine: a Cassandra ring, JanusGraph, node agents and a bucket.',
  about:
    'First installs what is missing. Run it again to start what is not running, also after it was killed. ' +
    'If the configuration was changed since the environment was made, the changes are applied as far as that is safe; those that are not applied are named. ' +
    'Every environment has its own loopback addresses, so several environments and several checkouts can run side by side.',
  arguments: { env: required('Environment of cardea.config.ts whose platform is the sandbox.') },
  options: {
    nodes: number('COUNT', 'Number of Cassandra nodes; 0 takes the datacenter size of the configuration.', 0),
    store: choice(['configured', 'directory', 's3'], 'Where the bucket is; s3 starts a real S3 server.', 'configured'),
  },
  interrupted: ({ env }) => ({
    stopping: 'Stopping; servers that were started keep running. Ctrl-C again leaves at once.',
    state: 'Servers that were started keep running, and what was installed stays.',
    next: `\`cardea sandbox up ${env}\` continues from here; \`cardea sandbox down ${env} --confirm ${env}\` removes it.`,
  }),
  examples: [
    {
      run: 'cardea sandbox up local',
      says: 'Start three Cassandra nodes and a JanusGraph server, with the bucket in a directory.',
    },
    { run: 'cardea sandbox up local --nodes 1 --store s3', says: 'Start one node, with the bucket on an S3 server.' },
  ],
});
