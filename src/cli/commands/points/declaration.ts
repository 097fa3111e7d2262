import { declare, number, required } from '../../command.ts';

export const points = declare({
  name: 'points',
  group: 'Looking',
  summary: 'List the restore points of an environment, newest first, with age, size, cut and proof.',
  about:
    'Proof: taken (uploaded), checked (what the snapshot held is in the store, new bytes read back), proven (restored and opened), failed (never used). ' +
    'Cut: quiesced (no writes meanwhile), fuzzy (taken under load) or instant (proven together with its log, up to one instant).',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: { limit: number('N', 'How many; 0 for all.', 0) },
  examples: [
    { run: 'cardea points prod', says: 'Every restore point of prod.' },
    { run: 'cardea points prod --limit 1 --json', says: 'The newest one for a script.' },
  ],
});
