import { declare } from '../../command.ts';

export const labDown = declare({
  name: 'lab down',
  group: 'Setup',
  summary:
    'Stop the lab and remove it: no process, mount, link, firewall rule or control group remains. Built parts stay in the cache.',
  arguments: {},
  options: {},
  interrupted: () => ({
    stopping: 'Finishing what it has begun to remove, in seconds. Ctrl-C again leaves at once.',
    state: 'The parts of the lab that were not removed yet are still there.',
    next: '`cardea lab down` continues from here.',
  }),
  examples: [{ run: 'cardea lab down', says: 'Leave the machine as it was before.' }],
});
