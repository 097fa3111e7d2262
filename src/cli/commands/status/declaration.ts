import { declare, flag, optional } from '../../command.ts';

export const status = declare({
  name: 'status',
  group: 'Inspection',
  summary:
    'Show on one screen: nodes, the last backup and its proof, how long a restore would take, failed runs, and what waits for a person.',
  arguments: { env: optional('Environment of cardea.config.ts. Default: all of them.') },
  options: { check: flag('Exit code 1 when anything is red.') },
  examples: [
    { run: 'cardea status', says: 'Show every environment.' },
    { run: 'cardea status prod --check', says: 'For a monitor: exit code 1 when something is red.' },
  ],
});
