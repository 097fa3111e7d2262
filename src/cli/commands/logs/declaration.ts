import { declare, optional, required, text } from '../../command.ts';

export const logs = declare({
  name: 'logs',
  group: 'Runs',
  summary: "Print the log of a run, or of one of its steps, from the environment's bucket.",
  arguments: {
    id: required('Id of the run, as `cardea runs` lists it.'),
    step: optional('Step of the run. Default: all steps.'),
  },
  options: { env: text('ENV', 'Environment of the run. Default: every environment is searched for it.') },
  examples: [
    { run: 'cardea logs backup-20260219-020000-k3f9', says: 'Print every line of that run.' },
    { run: 'cardea logs backup-20260219-020000-k3f9 upload', says: 'Print only the lines of its step `upload`.' },
  ],
});
