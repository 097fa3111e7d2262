import { beforeItsRun, choice, declare, flag, required } from '../../command.ts';

export const backup = declare({
  name: 'backup',
  group: 'Main operations',
  summary: 'Back up an environment, then check in the store that the backup is complete.',
  about:
    'The checks run first: every node is up, every disk has room, the store works. If one fails, the backup stops, gives the reason and changes nothing. ' +
    'At the end the restore point is `checked`; `cardea rehearse` makes it `proven`.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    mode: choice(
      ['differential', 'full'],
      'Upload only the files that the store lacks, or upload every file again.',
      'differential',
    ),
    quiesced: flag(
      'You promise that nothing writes to the graph during the backup. Without this flag the cut is fuzzy: the point alone is not the graph of one instant, ' +
        'but a rehearsal proves it together with the shipped log that follows it.',
    ),
    whenDue: flag(
      'Only when one is due: by `backup.schedule`, by `backup.bases`, or because later instants cannot be restored without a new base. ' +
        'Else it says why not and changes nothing. For a timer that calls it every few minutes.',
    ),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  run: true,
  examples: [
    { run: 'cardea backup prod', says: 'Back up prod; upload only what changed.' },
    { run: 'cardea backup prod --mode full', says: 'Upload every file again; reuse nothing from earlier backups.' },
    { run: 'cardea backup local --quiesced --json', says: 'Machine output: {"run": …, "point": …}.' },
    { run: 'cardea backup prod --when-due', says: 'From a timer: back up if the schedule or the window asks for it.' },
    { run: 'cardea backup prod --plan', says: 'Show the steps and change nothing.' },
  ],
});
