import { beforeItsRun, choice, declare, required, text, texts } from '../../command.ts';

export const undo = declare({
  name: 'undo',
  group: 'Main operations',
  summary: 'Undo some transactions and keep everything else, including what was written later.',
  about:
    '--way compensate keeps the graph running: it restores a copy of the database as it was just before those transactions, and one new transaction sets ' +
    'each changed cell back to its old value. --way restore restores everything except those transactions from a base backup and the log: ' +
    'the graph stops meanwhile, and a new timeline begins. --plan compares the cost of both ways. ' +
    'Both are refused if later transactions changed the same data or depend on it. If several groups share a commit time, name one (…Z/2) or all of them (…Z/*).',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    group: texts(
      'GROUP',
      'Id of what to undo, as `cardea transactions ENV --around TIME` prints it. Required; may be given several times.',
    ),
    way: choice(
      ['compensate', 'restore'],
      'compensate does not stop the graph; restore stops it and restores everything except these transactions.',
      'compensate',
    ),
    confirm: text('ENV', 'The name of the environment again, as a confirmation: its data is changed.'),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  run: true,
  examples: [
    {
      run: "cardea undo prod --group '2026-02-19T09:10:18.123457Z/*' --plan",
      says: 'Show what prevents the undo, the cost of both ways, and the steps; change nothing.',
    },
    {
      run: "cardea undo prod --group '2026-02-19T09:10:18.123457Z/*' --confirm prod",
      says: 'Undo it while prod keeps running.',
    },
    {
      run: 'cardea undo prod --group 2026-02-19T09:10:18.123457Z --way restore --confirm prod',
      says: 'Undo it by a restore, if it is too large to compensate.',
    },
  ],
});
