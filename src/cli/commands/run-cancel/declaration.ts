import { declare, required, text } from '../../command.ts';

export const runCancel = declare({
  name: 'run cancel',
  group: 'Runs',
  summary: 'Cancel a run: the process that executes it stops at once and cleans up.',
  arguments: { id: required('Id of the run, as `cardea runs` lists it.') },
  options: { env: text('ENV', 'Environment of the run. Default: every environment is searched for it.') },
  examples: [{ run: 'cardea run cancel backup-20260219-020000-k3f9', says: 'Cancel that backup.' }],
});
