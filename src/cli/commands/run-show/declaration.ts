import { declare, flag, required, text } from '../../command.ts';

export const runShow = declare({
  name: 'run show',
  group: 'Runs',
  summary: 'Show the present state of a run: every step with its state and time, and what failed.',
  arguments: { id: required('Id of the run, as `cardea runs` lists it.') },
  options: {
    env: text('ENV', 'Environment of the run. Default: every environment is searched for it.'),
    follow: flag('Keep showing what happens until the run ends.'),
  },
  examples: [
    { run: 'cardea run show backup-20260219-020000-k3f9', says: 'See what happened last night.' },
    { run: 'cardea run show backup-20260219-020000-k3f9 --follow', says: 'Watch a run that another process executes.' },
  ],
});
