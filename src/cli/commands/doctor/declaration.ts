import { declare, optional } from '../../command.ts';

export const doctor = declare({
  name: 'doctor',
  group: 'Inspection',
  summary: 'Try everything that an operation needs. For each part that does not work, say what to do.',
  about:
    'Tries the configuration, the toolchain, the store (a write, a conditional write, a read, a delete), nodes, agents, disks, clocks, the audit key and the journals of the last runs, and foretells how long a restore would take. ' +
    'Exit code 1 when something does not work.',
  arguments: {
    env: optional('Environment of cardea.config.ts. Without it, only the parts that need no environment are tried.'),
  },
  options: {},
  interrupted: () => ({
    state: 'Nothing was changed, but that an object below probe/ of the store may be left from trying it.',
    next: 'Run the same command again; that object harms nothing and can be deleted.',
  }),
  examples: [
    { run: 'cardea doctor prod', says: 'Try everything that prod needs.' },
    { run: 'cardea doctor', says: 'Try only this machine and the configuration.' },
  ],
});
