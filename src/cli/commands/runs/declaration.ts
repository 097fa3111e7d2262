import { declare, flag, number, optional, text } from '../../command.ts';

export const runs = declare({
  name: 'runs',
  group: 'Runs',
  summary: 'List runs, newest first.',
  arguments: { env: optional('Environment of cardea.config.ts; all of them when absent.') },
  options: {
    limit: number('N', 'How many; 0 for all.', 20),
    runbook: text('NAME', 'Only runs of this runbook: backup, restore, rehearse, accept, revert, undo-compensate.'),
    failed: flag('Only runs that failed.'),
  },
  examples: [
    { run: 'cardea runs', says: 'The last runs of every environment.' },
    { run: 'cardea runs prod --runbook backup --limit 7', says: "The last week's nightly backups." },
  ],
});
