import { beforeItsRun, declare, flag, required, text } from '../../command.ts';

export const restoreRevert = declare({
  name: 'restore revert',
  group: 'Main operations',
  summary: 'Undo a restore: stop the servers, move the old data back into place, and start the servers again.',
  about: 'The data that the restore brought is not deleted; it is moved aside.',
  arguments: { run: required('Id of the restore run, as `cardea status` shows it.') },
  options: {
    env: text('ENV', 'Environment of the run. Default: every environment is searched for it.'),
    confirm: text('ENV', 'The name of the environment again, as a confirmation: its data is replaced.'),
    withoutBase: flag('Do not take a new base backup afterwards. Take one yourself soon.'),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  run: true,
  examples: [
    {
      run: 'cardea restore revert restore-20260219-031500-k3f9 --confirm prod',
      says: 'The restore was a mistake: bring back what it moved aside.',
    },
  ],
});
