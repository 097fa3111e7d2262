import { declare, optional } from '../../command.ts';

export const audit = declare({
  name: 'audit',
  group: 'Inspection',
  summary: 'Verify that nobody has changed, reordered, removed or truncated the journals of the runs.',
  about:
    'Every journal is a hash chain. The start and the end of every run are signed into one audit chain, with a key that is not in the bucket. ' +
    'Without the key, only the chains are verified, and the output says so. Exit code 1 when something was tampered with.',
  arguments: { env: optional('Environment of cardea.config.ts. Default: every environment that can be reached.') },
  options: {},
  examples: [
    { run: 'cardea audit prod', says: 'Verify all runs of prod.' },
    { run: 'cardea audit', says: 'Verify every environment that can be reached.' },
    { run: 'cardea audit prod --json', says: 'Print the findings for a script.' },
  ],
});
