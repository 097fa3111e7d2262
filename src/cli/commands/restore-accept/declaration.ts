import { beforeItsRun, declare, required, text } from '../../command.ts';

export const restoreAccept = declare({
  name: 'restore accept',
  group: 'The main job',
  summary: 'Accept a restore: delete the old data that it moved aside.',
  arguments: { run: required('Run of the restore, as `cardea status` shows it.') },
  options: {
    env: text('ENV', 'Environment of the run; found by looking in every environment when absent.'),
    confirm: text('ENV', 'The name of the environment, typed again: the old data is deleted for good.'),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  examples: [
    {
      run: 'cardea restore accept restore-20260219-031500-k3f9 --confirm prod',
      says: 'The restored data is good: free the disk space of the old data.',
    },
  ],
});
