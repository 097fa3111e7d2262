import { declare, flag, required, text } from '../../command.ts';

export const sandboxDown = declare({
  name: 'sandbox down',
  group: 'Setup',
  summary: 'Stop an environment of the sandbox and delete it, with its data, its copies and the bucket in its folder.',
  about: 'A bucket that the configuration puts elsewhere is kept.',
  arguments: { env: required('Environment of the sandbox; `local~look` is the copy `look` of `local`.') },
  options: {
    keepData: flag('Only stop it cleanly; `cardea sandbox up` starts it again with its data.'),
    confirm: text(
      'ENV',
      'The name of the environment, typed again: its data is deleted for good. Not needed with --keep-data.',
    ),
  },
  interrupted: ({ env, keepData }) => ({
    stopping: 'It finishes stopping what it has begun to stop, in seconds. Ctrl-C again leaves at once.',
    state: 'What was not stopped yet still runs, and its folder is still there.',
    next: `\`cardea sandbox down ${env}${keepData ? ' --keep-data' : ` --confirm ${env}`}\` continues from here.`,
  }),
  examples: [
    { run: 'cardea sandbox down local --confirm local', says: 'Delete local and everything that belongs to it.' },
    {
      run: 'cardea sandbox down local~look --confirm local~look',
      says: 'Delete the copy that `restore local --into look` made; keep local.',
    },
    { run: 'cardea sandbox down local --keep-data', says: 'Stop the processes of local and keep its data.' },
  ],
});
