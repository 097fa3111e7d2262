import { declare, number, required } from '../../command.ts';

export const check = declare({
  name: 'check',
  group: 'The main job',
  summary:
    'Read the whole graph and check that it is sound: edges seen from both ends, indexes that agree, ids below the mark.',
  about:
    'Read only; memory stays constant. On a graph that is being written to, every finding is looked at again and reported only when it persists. ' +
    'Exit code 1 when there are findings.',
  arguments: { env: required('Environment of cardea.config.ts; `local~look` for the copy `look` beside `local`.') },
  options: { limit: number('N', 'Findings to print; all are counted.', 50) },
  examples: [
    { run: 'cardea check prod', says: 'Fingerprint of the graph and every finding by id.' },
    { run: 'cardea check local --json', says: 'Machine output: {"ok": …, "fingerprint": …, "findings": […]}.' },
  ],
});
