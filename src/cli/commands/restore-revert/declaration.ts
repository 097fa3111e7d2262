import { beforeItsRun, declare, flag, required, text } from '../../command.ts';

export const restoreRevert = declare({
  name: 'restore revert',
  group: 'The main job',
  summary: 'Undo a restore: stop, move the data that was there before back into place, start.',
  about: 'What the restore had brought is kept aside in its turn.',
  arguments: { run: required('Run of the restore, as `cardea status` shows it.') },
  options: {
    env: text('ENV', 'Environment of the run; found by looking in every environment when absent.'),
    confirm: text('ENV', 'The name of the environment, typed again: its data is replaced.'),
    withoutBase: flag('Do not take a new base afterwards; take one soon yourself.'),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  examples: [
    {
      run: 'cardea restore revert restore-20260219-031500-k3f9 --confirm prod',
      says: 'The restore was a mistake: bring back what it moved aside.',
    },
  ],
});
