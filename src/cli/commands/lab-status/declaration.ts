import { declare } from '../../command.ts';

export const labStatus = declare({
  name: 'lab status',
  group: 'Setup',
  summary: 'Show which checkout holds the lab, what runs in it, and where its kubeconfig and logs are.',
  arguments: {},
  options: {},
  examples: [
    { run: 'cardea lab status --json', says: 'Machine output: kubeconfig, servers with process ids and logs.' },
  ],
});
