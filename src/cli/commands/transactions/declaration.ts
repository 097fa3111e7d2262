import { declare, flag, number, required, text } from '../../command.ts';

export const transactions = declare({
  name: 'transactions',
  group: 'Looking',
  summary: 'What was written when: the transactions around a time, from the shipped log alone.',
  about:
    'How a person finds the bad one. Works with the database and JanusGraph down. Each entry is one commit time: what it added (+), removed (-) and ' +
    'wrote (~: new or changed, the log does not tell), by label and key, with the first ids. Where one commit time has parts that do not hang together, ' +
    'they are numbered (…Z/1, …Z/2); …Z/* names all of them. The label of a removed vertex is the only one that fits what it lost.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    around: text('TIME', 'An ISO time with its zone, or now-90s. Required.'),
    within: text('DURATION', 'How far to look on both sides of it; 30s by default.'),
    element: text('ID', 'Only transactions that touched this vertex or edge, by the id that Gremlin shows.'),
    removing: flag('Only transactions that removed something.'),
    limit: number('N', 'The N transactions nearest to the time; 0 for all.', 20),
    timeline: text('TIMELINE', 'Another history than the current one, as t0001.'),
  },
  examples: [
    {
      run: 'cardea transactions prod --around 2026-02-19T09:10:18Z',
      says: 'What was written half a minute before and after.',
    },
    {
      run: 'cardea transactions prod --around now-5m --within 5m --removing',
      says: 'What the last ten minutes removed.',
    },
    { run: 'cardea transactions prod --around now-1h --within 1h --element 8272', says: 'Who touched vertex 8272.' },
    {
      run: 'cardea transactions prod --around now-90s --json',
      says: 'Machine output: {"transactions": […], "largestRemoval": …}.',
    },
  ],
});
