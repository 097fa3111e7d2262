import { declare, number, required } from '../../command.ts';

export const check = declare({
  name: 'check',
  group: 'Main operations',
  summary:
    'Read the whole graph and check that it is consistent: both ends of every edge, the indexes, the id counters.',
  about:
    'It only reads, and its memory use is constant. If applications write meanwhile, every finding is checked again and reported only if it persists. ' +
    'Exit code 1 when there are findings.',
  arguments: { env: required('Environment of cardea.config.ts; `local~look` is the copy `look` of `local`.') },
  options: { limit: number('N', 'How many findings to print; all of them are counted.', 50) },
  examples: [
    { run: 'cardea check prod', says: 'Print the fingerprint of the graph and every finding with its id.' },
    { run: 'cardea check local --json', says: 'Machine output: {"ok": …, "fingerprint": …, "findings": […]}.' },
  ],
});
