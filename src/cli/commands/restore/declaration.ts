import { beforeItsRun, declare, flag, required, text } from '../../command.ts';

export const restore = declare({
  name: 'restore',
  group: 'The main job',
  summary: 'Bring an environment back to a restore point or an instant, or bring that up beside it under a new name.',
  about:
    'In place, the data that is there now is moved aside whole, never deleted: look at the result, then `cardea restore accept RUN` deletes the old data ' +
    'or `cardea restore revert RUN` brings it back. Without --to the newest proven point is taken; when none is proven, the newest checked one, with a warning. ' +
    'With a time, everything committed at or before it comes back: a base, and the shipped log cut at that microsecond. What was written later stays on the old timeline.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    to: text(
      'POINT|TIME',
      'A restore point (`cardea points ENV`), or a time (`cardea window ENV`): ISO with its zone and up to six decimals, now-90s, newest, settled.',
    ),
    timeline: text('TIMELINE', 'The history that the time is meant on; the current one when absent.'),
    into: text('NAME', 'Restore into a new environment of this name beside the live one, which is not touched.'),
    confirm: text('ENV', 'The name of the environment, typed again: a restore in place replaces its data.'),
    allowTaken: flag('Accept a point that was only taken, never checked.'),
    withoutBase: flag('Do not take a new base afterwards; take one soon yourself.'),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  examples: [
    { run: 'cardea restore prod --plan', says: 'Show the steps and the point that would be taken; change nothing.' },
    {
      run: 'cardea restore prod --to backup-20260219-020000 --confirm prod',
      says: 'Bring prod back to that point, in place.',
    },
    {
      run: 'cardea restore prod --to 2026-02-19T09:10:17.999999Z --confirm prod',
      says: 'Bring prod back to everything committed at or before that microsecond.',
    },
    {
      run: 'cardea restore prod --to now-90s --plan',
      says: 'Which base, what would be replayed, and what would be lost.',
    },
    { run: 'cardea restore prod --into prod-look', says: 'Bring the newest good point up beside prod, to look at it.' },
    { run: 'cardea restore local --confirm local --json', says: 'Machine output: {"run": …, "ok": …, "seconds": …}.' },
  ],
});
