import { choice, declare, flag, number, optional, required } from './command.ts';

export const sandboxUp = declare({
  name: 'sandbox up',
  group: 'Setting up',
  summary: 'Start an environment as processes on this machine: a Cassandra ring, JanusGraph, node agents and a bucket.',
  about:
    'Installs what is missing first. Running it again starts what is not running, also after a kill at any moment. ' +
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
  examples: [
    { run: 'cardea sandbox up local', says: 'Three Cassandra nodes, a JanusGraph server, a bucket in a directory.' },
    { run: 'cardea sandbox up local --nodes 1 --store s3', says: 'One node, and the bucket on an S3 server.' },
  ],
});

export const sandboxDown = declare({
  name: 'sandbox down',
  group: 'Setting up',
  summary: 'Stop an environment of the sandbox and remove it with its data, its bucket and its copies.',
  arguments: { env: required('Environment of the sandbox; `local~look` for the copy `look` beside `local`.') },
  options: { keepData: flag('Only stop it, in order; `sandbox up` starts it again as it was.') },
  examples: [
    { run: 'cardea sandbox down local', says: 'Nothing of it stays.' },
    { run: 'cardea sandbox down local~look', says: 'Remove what `restore local --into look` made; local stays.' },
    { run: 'cardea sandbox down local --keep-data', says: 'Free the memory, keep everything else.' },
  ],
});

export const sandboxStatus = declare({
  name: 'sandbox status',
  group: 'Setting up',
  summary: 'Addresses, processes, folders and logs of an environment of the sandbox, or of all.',
  arguments: { env: optional('Environment of the sandbox, or a copy of it (`local~look`); all of them when absent.') },
  options: {},
  examples: [{ run: 'cardea sandbox status local --json', says: 'Machine output: gremlin, cassandra, bucket, nodes.' }],
});
