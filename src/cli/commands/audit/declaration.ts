import { declare, optional } from '../../command.ts';

export const audit = declare({
  name: 'audit',
  group: 'Looking',
  summary: 'Verify that no run, and no event of a run, was changed, reordered, removed or cut off after the fact.',
  about:
    'Every journal is a hash chain; the start and the end of every run are signed into one audit chain with a key that is not in the bucket. ' +
    'Without the key only what the chains alone can show is verified, and that is said. Exit code 1 when something was tampered with.',
  arguments: { env: optional('Environment of cardea.config.ts; all that can be reached when absent.') },
  options: {},
  examples: [
    { run: 'cardea audit prod', says: 'Verify all of it.' },
    { run: 'cardea audit', says: 'Every environment that can be reached.' },
    { run: 'cardea audit prod --json', says: 'Findings for a script.' },
  ],
});
