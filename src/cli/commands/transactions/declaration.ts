import { declare, flag, number, required, text } from '../../command.ts';

export const transactions = declare({
  name: 'transactions',
  group: 'Inspection',
  summary: 'List the transactions around a time, read from the shipped log.',
  about:
    'Use it to find a bad transaction. It works while Cassandra and JanusGraph are down. Each entry is one commit time. It shows what was added (+), ' +
    'removed (-) and written (~: new or changed; the log does not say which), by label and property key, with the first ids. ' +
    'If unrelated groups of changes share one commit time, they are numbered (…Z/1, …Z/2); …Z/* names all of them. ' +
    'The log does not hold the label of a removed vertex; it is shown only if exactly one label fits the removed properties and edges.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    around: text('TIME', 'An ISO time with a zone, or now-90s. Required.'),
    within: text('DURATION', 'How far to look before and after that time. Default: 30s.'),
    element: text('ID', 'List only transactions that touched the vertex or edge with this id, as Gremlin shows it.'),
    removing: flag('List only transactions that removed something.'),
    limit: number('N', 'List the N transactions nearest to the time; 0 lists all.', 20),
    timeline: text('TIMELINE', 'Read another timeline than the current one, such as t0001.'),
  },
  examples: [
    {
      run: 'cardea transactions prod --around 2026-02-19T09:10:18Z',
      says: 'List what was written up to half a minute before and after.',
    },
    {
      run: 'cardea transactions prod --around now-5m --within 5m --removing',
      says: 'List what was removed in the last ten minutes.',
    },
    {
      run: 'cardea transactions prod --around now-1h --within 1h --element 8272',
      says: 'List the transactions that touched vertex 8272.',
    },
    {
      run: 'cardea transactions prod --around now-90s --json',
      says: 'Machine output: {"transactions": […], "largestRemoval": …}.',
    },
  ],
});
