import { declare, optional } from '../../command.ts';

export const sandboxStatus = declare({
  name: 'sandbox status',
  group: 'Setup',
  summary: 'Show the addresses, processes, folders and logs of the environments of the sandbox.',
  arguments: { env: optional('Environment of the sandbox, or a copy of one (`local~look`). Default: all of them.') },
  options: {},
  examples: [{ run: 'cardea sandbox status local --json', says: 'Machine output: gremlin, cassandra, bucket, nodes.' }],
});
