import { declare, flag, number, required, text } from '../../command.ts';

export const check = declare({
  name: 'check',
  group: 'Main operations',
  summary:
    'Read the whole graph and check that it is consistent: both ends of every edge, the indexes, the id counters.',
  about:
    'It only reads, and its memory use is constant. If applications write meanwhile, every finding is checked again and reported only if it persists. ' +
    'Findings that a backup of the quiet graph, a proved instant or a restore recorded, or that somebody accepted, are known: they are listed apart. ' +
    'Exit code 1 when there are new findings. ' +
    '--accept records all new ones as known, with who accepted them and when; look at each of them first.',
  arguments: { env: required('Environment of cardea.config.ts; `local~look` is the copy `look` of `local`.') },
  options: {
    limit: number('N', 'How many findings to print; all of them are counted.', 50),
    accept: flag('Record the new findings as known. Needs --confirm.'),
    confirm: text(
      'ENV',
      'The name of the environment again, as a confirmation: accepted findings fail no restore any more.',
    ),
  },
  examples: [
    { run: 'cardea check prod', says: 'Print the fingerprint of the graph and every finding with its id.' },
    {
      run: 'cardea check prod --accept --confirm prod',
      says: 'What is found is old damage that the graph has to live with: from now on it is known.',
    },
    {
      run: 'cardea check local --json',
      says: 'Machine output: {"ok": …, "fingerprint": …, "findings": [new ones], "known": […]}.',
    },
  ],
});
