import { declare, flag, required } from '../../command.ts';

export const sandboxDown = declare({
  name: 'sandbox down',
  group: 'Setup',
  summary: 'Stop an environment of the sandbox and delete it, with its data, its bucket and its copies.',
  arguments: { env: required('Environment of the sandbox; `local~look` is the copy `look` of `local`.') },
  options: { keepData: flag('Only stop it cleanly; `cardea sandbox up` starts it again with its data.') },
  examples: [
    { run: 'cardea sandbox down local', says: 'Delete local and everything that belongs to it.' },
    {
      run: 'cardea sandbox down local~look',
      says: 'Delete the copy that `restore local --into look` made; keep local.',
    },
    { run: 'cardea sandbox down local --keep-data', says: 'Stop the processes of local and keep its data.' },
  ],
});
