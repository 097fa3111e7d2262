import { choice, declare } from '../../command.ts';

export const setup = declare({
  name: 'setup',
  group: 'Setting up',
  summary:
    'Install into the cache what the sandbox needs: JDK and Maven when missing, database jars, Medusa, and the S3 server when asked for.',
  about:
    'Downloads once; works offline afterwards. The cache is $CARDEA_CACHE, else $XDG_CACHE_HOME/cardea, else ~/.cache/cardea.',
  arguments: {},
  options: { store: choice(['directory', 's3'], 'Also what the S3 server needs.', 'directory') },
  interrupted: () => ({
    stopping: 'Stopping the installer. Ctrl-C again leaves at once.',
    state: 'No installer runs on. What was installed whole stays; the part under way counts as not installed.',
    next: 'Run the same command again: it goes on with what is missing.',
    left: 'What was installed whole stays; an installer that still runs is ended by the next one.',
  }),
  examples: [
    { run: 'cardea setup', says: 'Everything `cardea demo` and `npm test` need.' },
    { run: 'cardea setup --store s3', says: 'Also Go, if missing, and the S3 server.' },
  ],
});
