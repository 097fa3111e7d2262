import { declare, flag, optional } from '../../command.ts';

export const status = declare({
  name: 'status',
  group: 'Looking',
  summary:
    "The morning's one screen: nodes, last backup and its proof, measured restore time, failed runs, what waits for a person.",
  arguments: { env: optional('Environment of cardea.config.ts; all of them when absent.') },
  options: { check: flag('Exit code 1 when anything is red.') },
  examples: [
    { run: 'cardea status', says: 'Every environment.' },
    { run: 'cardea status prod --check', says: 'For a monitor: exit code 1 when something needs a person.' },
  ],
});
