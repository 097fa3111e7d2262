import { declare, required, text } from '../../command.ts';

export const runCancel = declare({
  name: 'run cancel',
  group: 'Runs',
  summary: 'Ask a run to stop; the process that drives it stops at once and cleans up.',
  arguments: { id: required('Run, as `cardea runs` lists them.') },
  options: { env: text('ENV', 'Environment of the run; found by looking in every environment when absent.') },
  examples: [{ run: 'cardea run cancel backup-20260219-020000-k3f9', says: 'Stop that backup.' }],
});
