import { declare, optional } from '../../command.ts';

export const doctor = declare({
  name: 'doctor',
  group: 'Looking',
  summary: 'Try everything an operation will need, and say for each that does not work what to do about it.',
  about:
    'Configuration, toolchain, store (a write, a conditional write, a read, a delete), nodes, agents, disks, clocks, the audit key, and the journals of the last runs. ' +
    'Exit code 1 when something does not work.',
  arguments: {
    env: optional('Environment of cardea.config.ts; without it only what does not depend on one is tried.'),
  },
  options: {},
  interrupted: () => ({
    state: 'Nothing was changed, but that an object below probe/ of the store may be left from trying it.',
    next: 'Run the same command again; that object harms nothing and can be deleted.',
  }),
  examples: [
    { run: 'cardea doctor prod', says: 'Everything about prod.' },
    { run: 'cardea doctor', says: 'This machine and the configuration only.' },
  ],
});
