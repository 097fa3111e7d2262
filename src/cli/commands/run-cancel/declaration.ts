import { declare, required, text } from '../../command.ts';

export const runCancel = declare({
  name: 'run cancel',
  group: 'Runs',
  summary: 'Ask a run to stop; the process that drives it stops at once and cleans up.',
  arguments: { id: required('Run, as `cardea runs` lists them.') },
  options: { env: text('ENV', 'Environment of the run; found by looking in every environment when absent.') },
  interrupted: ({ id }) => ({
    stopping: 'Stopping; the run may have been asked to stop already. Ctrl-C again leaves at once.',
    state: `${id} may have been asked to stop already: that is in its journal then, and holds.`,
    next: `See it with \`cardea run show ${id}\`; \`cardea run cancel ${id}\` asks again.`,
  }),
  examples: [{ run: 'cardea run cancel backup-20260219-020000-k3f9', says: 'Stop that backup.' }],
});
