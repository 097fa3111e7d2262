import { beforeItsRun, choice, declare, required, text, texts } from '../../command.ts';

export const undo = declare({
  name: 'undo',
  group: 'The main job',
  summary: 'Undo some transactions and keep everything else, also what came after them.',
  about:
    'By --way compensate the graph goes on: a copy of the database as it was just before them is restored beside, and one transaction brings back what ' +
    'they changed, cell by cell, where nobody changed it since. By --way restore everything comes back from a base and its log, without them: the graph ' +
    'stops meanwhile, and a new timeline begins. --plan compares both with their cost. Later transactions that build on them refuse either; a commit time ' +
    'that several groups share is refused until it is said which (…Z/2) or that all are meant (…Z/*).',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    group: texts(
      'GROUP',
      'What to undo, as `cardea transactions ENV --around TIME` prints it. Required; may be given several times.',
    ),
    way: choice(
      ['compensate', 'restore'],
      'Without stopping the graph, or by a restore that leaves them out.',
      'compensate',
    ),
    confirm: text('ENV', 'The name of the environment, typed again: its data is changed.'),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  examples: [
    {
      run: "cardea undo prod --group '2026-02-19T09:10:18.123457Z/*' --plan",
      says: 'What stands in the way, both ways with their cost, and the steps; nothing is changed.',
    },
    {
      run: "cardea undo prod --group '2026-02-19T09:10:18.123457Z/*' --confirm prod",
      says: 'Undo it while prod goes on.',
    },
    {
      run: 'cardea undo prod --group 2026-02-19T09:10:18.123457Z --way restore --confirm prod',
      says: 'Undo it by a restore: for what is too large to compensate.',
    },
  ],
});
