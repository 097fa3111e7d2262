import { declare, flag, optional } from '../../command.ts';

export const config = declare({
  name: 'config',
  group: 'Setup',
  summary:
    'Print the configuration with every default filled in. References to secrets are printed, never their values.',
  arguments: { env: optional('Print only this environment.') },
  options: { schema: flag('Print the JSON Schema of cardea.config.ts instead.') },
  examples: [
    { run: 'cardea config', says: 'Check the file and print what it means.' },
    { run: 'cardea config prod --json', says: 'Print one environment for a script.' },
    { run: 'cardea config --schema', says: 'Print the schema for an editor or another tool.' },
  ],
});
