import { declare } from '../../command.ts';

export const labDown = declare({
  name: 'lab down',
  group: 'Setting up',
  summary:
    'Stop the lab and remove it: no process, mount, link, rule or control group stays. Built parts stay in the cache.',
  arguments: {},
  options: {},
  interrupted: () => ({
    stopping: 'What it has begun to remove it removes to the end, in seconds. Ctrl-C again leaves at once.',
    state: 'What of the lab was not removed yet is still there.',
    next: '`cardea lab down` goes on from here.',
  }),
  examples: [{ run: 'cardea lab down', says: 'The machine is as it was.' }],
});
