import { declare, required, text } from '../../command.ts';

export const runCancel = declare({
  name: 'run cancel',
  group: 'Runs',
  summary: 'Cancel a run: the process that executes it stops at once and cleans up.',
  arguments: { id: required('Id of the run, as `cardea runs` lists it.') },
  options: { env: text('ENV', 'Environment of the run. Default: every environment is searched for it.') },
  interrupted: ({ id }) => ({
    stopping: 'Stopping; the run may already have been asked to stop. Ctrl-C again leaves at once.',
    state: `${id} may already have been asked to stop. If so, that is in its journal and remains in force.`,
    next: `See it with \`cardea run show ${id}\`; \`cardea run cancel ${id}\` asks again.`,
  }),
  examples: [{ run: 'cardea run cancel backup-20260219-020000-k3f9', says: 'Cancel that backup.' }],
});
