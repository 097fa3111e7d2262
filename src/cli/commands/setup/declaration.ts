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
  examples: [
    { run: 'cardea setup', says: 'Everything `cardea demo` and `npm test` need.' },
    { run: 'cardea setup --store s3', says: 'Also Go, if missing, and the S3 server.' },
  ],
});
