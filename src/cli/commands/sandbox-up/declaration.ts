import { choice, declare, number, required } from '../../command.ts';

export const sandboxUp = declare({
  name: 'sandbox up',
  group: 'Setting up',
  summary: 'Start an environment as processes on this machine: a Cassandra ring, JanusGraph, node agents and a bucket.',
  about:
    'Installs what is missing first. Running it again starts what is not running, also after a kill at any moment. ' +
    'A configuration that was changed since the environment was made is followed as far as that is safe, and what is not followed is said. ' +
    'Every environment has a loopback network of its own, so several of them, and several checkouts, run side by side.',
  arguments: { env: required('Environment of cardea.config.ts whose platform is the sandbox.') },
  options: {
    nodes: number('COUNT', "Nodes of the ring; 0: the configuration's datacenter size.", 0),
    store: choice(
      ['configured', 'directory', 's3'],
      'Where the bucket lies; s3 starts a real S3 server.',
      'configured',
    ),
  },
  interrupted: ({ env }) => ({
    stopping: 'Stopping; servers that were started run on. Ctrl-C again leaves at once.',
    state: 'Servers that were started run on, and what was installed stays.',
    next: `\`cardea sandbox up ${env}\` goes on from here, \`cardea sandbox down ${env} --confirm ${env}\` removes it.`,
  }),
  examples: [
    { run: 'cardea sandbox up local', says: 'Three Cassandra nodes, a JanusGraph server, a bucket in a directory.' },
    { run: 'cardea sandbox up local --nodes 1 --store s3', says: 'One node, and the bucket on an S3 server.' },
  ],
});
