import { beforeItsRun, choice, declare, flag, required } from '../../command.ts';

export const backup = declare({
  name: 'backup',
  group: 'The main job',
  summary: 'Take a backup of an environment and check in the store that all of it is there.',
  about:
    'The checks come first (every node up, room on every disk, the store works); a failed one stops the backup with its reason and changes nothing. ' +
    'The restore point is `checked` at the end; `cardea rehearse` makes it `proven`.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    mode: choice(['differential', 'full'], 'Upload what the store lacks, or everything again.', 'differential'),
    quiesced: flag(
      'You state that nothing writes to the graph during the backup. Without it the cut is fuzzy: the point alone is no instant of the graph, ' +
        'but a rehearsal proves it together with the shipped log that follows it.',
    ),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  examples: [
    { run: 'cardea backup prod', says: 'Back up prod; uploads only what changed.' },
    { run: 'cardea backup prod --mode full', says: 'Upload every file again, trusting nothing from earlier backups.' },
    { run: 'cardea backup local --quiesced --json', says: 'Machine output: {"run": …, "point": …}.' },
    { run: 'cardea backup prod --plan', says: 'Show the steps and change nothing.' },
  ],
});
