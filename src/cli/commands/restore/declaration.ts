import { beforeItsRun, declare, flag, required, text } from '../../command.ts';

export const restore = declare({
  name: 'restore',
  group: 'Main operations',
  summary: 'Restore an environment to a restore point or an instant, in place or as a copy with a new name.',
  about:
    'A restore in place moves the present data aside and deletes nothing. Look at the result: `cardea restore accept RUN` then deletes the old data, ' +
    'and `cardea restore revert RUN` brings it back. Without --to the newest proven point is restored (a warning names a newer one that is only checked); if no point is proven, the newest checked one, with a warning. ' +
    'With a time, everything committed at or before it is restored: first a base backup, then the shipped log up to that microsecond. Later writes stay on the old timeline.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    to: text(
      'POINT|TIME',
      'A restore point (`cardea points ENV`) or a time (`cardea window ENV`). A time is ISO with a zone and up to six decimals, or now-90s, newest, settled.',
    ),
    timeline: text('TIMELINE', 'The timeline to which the time belongs. Default: the current one.'),
    into: text('NAME', 'Restore into a copy with this name. The live environment is not touched.'),
    confirm: text('ENV', 'The name of the environment again, as a confirmation: a restore in place replaces its data.'),
    allowTaken: flag('Accept a point that was taken but never checked.'),
    allowFailed: flag(
      'Have a point that failed its last check checked anew, file by file, and restored if it is whole now.',
    ),
    withoutLog: flag(
      'Restore the files of a point as they were taken, without the log that makes them one instant, where that log is gone. Then a transaction that was written during the backup may be there in part.',
    ),
    withoutBase: flag('Do not take a new base backup afterwards. Take one yourself soon.'),
    withoutStaging: flag(
      'Bring files and log only after the servers have stopped. That needs less free space, and the graph is away for longer.',
    ),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  run: true,
  examples: [
    { run: 'cardea restore prod --plan', says: 'Show the steps and the point that would be restored; change nothing.' },
    {
      run: 'cardea restore prod --to backup-20260219-020000 --confirm prod',
      says: 'Restore prod to that point, in place.',
    },
    {
      run: 'cardea restore prod --to 2026-02-19T09:10:17.999999Z --confirm prod',
      says: 'Restore everything that was committed to prod at or before that microsecond.',
    },
    {
      run: 'cardea restore prod --to now-90s --plan',
      says: 'Show which base would be used, what would be replayed, and what would be lost.',
    },
    { run: 'cardea restore prod --into prod-look', says: 'Restore the newest good point as a copy, to look at it.' },
    { run: 'cardea restore local --confirm local --json', says: 'Machine output: {"run": …, "ok": …, "seconds": …}.' },
  ],
});
