import { beforeItsRun, declare, flag, required, text, texts } from '../../command.ts';

export const restoreAccept = declare({
  name: 'restore accept',
  group: 'Main operations',
  summary: 'Accept a restore: delete the old data that the restore moved aside.',
  arguments: { run: required('Id of the restore run, as `cardea status` shows it.') },
  options: {
    env: text('ENV', 'Environment of the run. Default: every environment is searched for it.'),
    lost: texts(
      'NODE',
      'A node whose disk was replaced since the restore: nothing lies aside there any more. The rest of the old data is deleted, and the restore cannot be reverted.',
    ),
    unproven: flag(
      'Keep a restored graph that serves and could not be proven, because its proof fails for a reason that you know.',
    ),
    confirm: text('ENV', 'The name of the environment again, as a confirmation: the old data is deleted for good.'),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  run: true,
  examples: [
    {
      run: 'cardea restore accept restore-20260219-031500-k3f9 --confirm prod',
      says: 'The restored data is good: delete the old data and free its disk space.',
    },
    {
      run: 'cardea restore accept restore-20260219-031500-k3f9 --lost node-2 --confirm prod',
      says: 'The disk of node-2 was replaced since the restore: nothing is kept there any more.',
    },
  ],
});
