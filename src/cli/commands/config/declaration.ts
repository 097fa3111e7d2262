import { declare, flag, optional } from '../../command.ts';

export const config = declare({
  name: 'config',
  group: 'Setting up',
  summary: 'Print the configuration in force, with every default filled in; secrets are references and stay so.',
  arguments: { env: optional('Only this environment.') },
  options: { schema: flag('Print the JSON Schema of cardea.config.ts instead.') },
  examples: [
    { run: 'cardea config', says: 'Check the file and see what it means.' },
    { run: 'cardea config prod --json', says: 'One environment for a script.' },
    { run: 'cardea config --schema', says: 'For editors and other tools.' },
  ],
});
