import { declare, optional, required, text } from '../../command.ts';

export const logs = declare({
  name: 'logs',
  group: 'Runs',
  summary: "Print the log of a run, or of one of its steps, as kept in the environment's bucket.",
  arguments: {
    id: required('Run, as `cardea runs` lists them.'),
    step: optional('Step of the run; all of them when absent.'),
  },
  options: { env: text('ENV', 'Environment of the run; found by looking in every environment when absent.') },
  examples: [
    { run: 'cardea logs backup-20260219-020000-k3f9', says: 'Every line of that run.' },
    { run: 'cardea logs backup-20260219-020000-k3f9 upload', says: 'Only the upload.' },
  ],
});
