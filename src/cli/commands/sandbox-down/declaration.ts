import { declare, flag, required, text } from '../../command.ts';

export const sandboxDown = declare({
  name: 'sandbox down',
  group: 'Setting up',
  summary: 'Stop an environment of the sandbox and delete it with its data, its copies and the bucket in its folder.',
  about: 'A bucket that the configuration puts elsewhere stays.',
  arguments: { env: required('Environment of the sandbox; `local~look` for the copy `look` beside `local`.') },
  options: {
    keepData: flag('Only stop it, in order; `sandbox up` starts it again as it was.'),
    confirm: text(
      'ENV',
      'The name of the environment, typed again: its data is deleted for good. Not needed with --keep-data.',
    ),
  },
  interrupted: ({ env, keepData }) => ({
    stopping: 'What it has begun to stop it stops to the end, in seconds. Ctrl-C again leaves at once.',
    state: 'What of it was not stopped yet still runs, and its folder is still there.',
    next: `\`cardea sandbox down ${env}${keepData ? ' --keep-data' : ` --confirm ${env}`}\` goes on from here.`,
  }),
  examples: [
    { run: 'cardea sandbox down local --confirm local', says: 'Nothing of it stays.' },
    {
      run: 'cardea sandbox down local~look --confirm local~look',
      says: 'Remove what `restore local --into look` made; local stays.',
    },
    { run: 'cardea sandbox down local --keep-data', says: 'Free the memory, keep everything else.' },
  ],
});
