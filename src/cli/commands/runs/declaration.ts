import { declare, flag, number, optional, text } from '../../command.ts';

export const runs = declare({
  name: 'runs',
  group: 'Runs',
  summary: 'List runs, newest first.',
  arguments: { env: optional('Environment of cardea.config.ts. Default: all of them.') },
  options: {
    limit: number('N', 'How many runs to list; 0 lists all.', 20),
    runbook: text(
      'NAME',
      'List only runs of this runbook: backup, restore, rehearse, accept, revert, undo-compensate.',
    ),
    failed: flag('List only runs that failed.'),
  },
  examples: [
    { run: 'cardea runs', says: 'List the last runs of every environment.' },
    { run: 'cardea runs prod --runbook backup --limit 7', says: "List the last week's nightly backups." },
  ],
});
