import { choice, declare } from '../../command.ts';

export const setup = declare({
  name: 'setup',
  group: 'Setup',
  summary:
    'Install what the sandbox needs into the cache: JDK and Maven if missing, database jars, Medusa, and the S3 server on request.',
  about:
    'Downloads once and works offline afterwards. The cache is $CARDEA_CACHE, else $XDG_CACHE_HOME/cardea, else ~/.cache/cardea.',
  arguments: {},
  options: { store: choice(['directory', 's3'], 'With s3, also install what the S3 server needs.', 'directory') },
  interrupted: () => ({
    stopping: 'Stopping the installer. Ctrl-C again leaves at once.',
    state:
      'No installer is running. What was installed completely stays; the part in progress counts as not installed.',
    next: 'Run the same command again: it continues with what is missing.',
    left: 'What was installed completely stays; an installer that still runs is ended by the next one.',
  }),
  examples: [
    { run: 'cardea setup', says: 'Install everything that `cardea demo` and `npm test` need.' },
    { run: 'cardea setup --store s3', says: 'Also install the S3 server, and Go if it is missing.' },
  ],
});
