import { declare } from '../../command.ts';

export const labDown = declare({
  name: 'lab down',
  group: 'Setup',
  summary:
    'Stop the lab and remove it: no process, mount, link, firewall rule or control group remains. Built parts stay in the cache.',
  arguments: {},
  options: {},
  examples: [{ run: 'cardea lab down', says: 'Leave the machine as it was before.' }],
});
