import { declare } from '../../command.ts';

export const labDown = declare({
  name: 'lab down',
  group: 'Setting up',
  summary:
    'Stop the lab and remove it: no process, mount, link, rule or control group stays. Built parts stay in the cache.',
  arguments: {},
  options: {},
  examples: [{ run: 'cardea lab down', says: 'The machine is as it was.' }],
});
