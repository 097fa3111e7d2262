import { declare, flag, number, optional, required, text } from './command.ts';

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

const env = text('ENV', 'Environment of the run; found by looking in every environment when absent.');

export const runShow = declare({
  name: 'run show',
  group: 'Runs',
  summary: 'Show a run as it stands: every step with its state, time, and what failed.',
  arguments: { id: required('Run, as `cardea runs` lists them.') },
  options: { env, follow: flag('Stay and show what happens until the run ends.') },
  examples: [
    { run: 'cardea run show backup-20260219-020000-k3f9', says: 'What happened last night.' },
    { run: 'cardea run show backup-20260219-020000-k3f9 --follow', says: 'Watch a run that another process drives.' },
  ],
});

export const runResume = declare({
  name: 'run resume',
  group: 'Runs',
  summary:
    'Go on with a run that was interrupted (killed, or stopped with Ctrl-C); what had finished is not done again.',
  arguments: { id: required('Run, as `cardea runs` lists them.') },
  options: { env },
  examples: [{ run: 'cardea run resume restore-20260219-031500-k3f9', says: 'Go on where it stopped.' }],
});

export const runCancel = declare({
  name: 'run cancel',
  group: 'Runs',
  summary: 'Ask a run to stop; the process that drives it stops at once and cleans up.',
  arguments: { id: required('Run, as `cardea runs` lists them.') },
  options: { env },
  examples: [{ run: 'cardea run cancel backup-20260219-020000-k3f9', says: 'Stop that backup.' }],
});

export const logs = declare({
  name: 'logs',
  group: 'Runs',
  summary: "Print the log of a run, or of one of its steps, as kept in the environment's bucket.",
  arguments: {
    id: required('Run, as `cardea runs` lists them.'),
    step: optional('Step of the run; all of them when absent.'),
  },
  options: { env },
  examples: [
    { run: 'cardea logs backup-20260219-020000-k3f9', says: 'Every line of that run.' },
    { run: 'cardea logs backup-20260219-020000-k3f9 upload', says: 'Only the upload.' },
  ],
});
