import { declare, optional } from '../../command.ts';

export const sandboxStatus = declare({
  name: 'sandbox status',
  group: 'Setting up',
  summary: 'Addresses, processes, folders and logs of an environment of the sandbox, or of all.',
  arguments: { env: optional('Environment of the sandbox, or a copy of it (`local~look`); all of them when absent.') },
  options: {},
  examples: [{ run: 'cardea sandbox status local --json', says: 'Machine output: gremlin, cassandra, bucket, nodes.' }],
});
