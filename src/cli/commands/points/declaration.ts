import { declare, number, required } from '../../command.ts';

export const points = declare({
  name: 'points',
  group: 'Inspection',
  summary: 'List the restore points of an environment with age, size, cut and proof, newest first.',
  about:
    'Proof: taken (uploaded), checked (every file of the snapshot is in the store, and the new bytes were read back), proven (restored and opened), failed (never used). ' +
    'Cut: quiesced (nothing wrote during the backup), fuzzy (taken under load) or instant (proven together with its log, up to one instant).',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: { limit: number('N', 'How many points to list; 0 lists all.', 0) },
  examples: [
    { run: 'cardea points prod', says: 'List every restore point of prod.' },
    { run: 'cardea points prod --limit 1 --json', says: 'Print the newest point for a script.' },
  ],
});
