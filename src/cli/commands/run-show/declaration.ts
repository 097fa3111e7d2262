import { declare, flag, required, text } from '../../command.ts';

export const runShow = declare({
  name: 'run show',
  group: 'Runs',
  summary: 'Show a run as it stands: every step with its state, time, and what failed.',
  arguments: { id: required('Run, as `cardea runs` lists them.') },
  options: {
    env: text('ENV', 'Environment of the run; found by looking in every environment when absent.'),
    follow: flag('Stay and show what happens until the run ends.'),
  },
  examples: [
    { run: 'cardea run show backup-20260219-020000-k3f9', says: 'What happened last night.' },
    { run: 'cardea run show backup-20260219-020000-k3f9 --follow', says: 'Watch a run that another process drives.' },
  ],
});
