import { declare, flag, text } from '../../command.ts';

export const init = declare({
  name: 'init',
  group: 'Setup',
  summary: 'Write a first cardea.config.ts into this folder. An existing file is never overwritten.',
  arguments: {},
  options: {
    name: text('NAME', 'Name of the platform. Default: the name of this folder.'),
    print: flag('Print the file instead of writing it.'),
  },
  interrupted: () => ({
    state: 'The file may be there already.',
    next: 'Run the same command again: it never overwrites.',
  }),
  examples: [
    { run: 'cardea init', says: 'Write a small valid file with one environment on this machine.' },
    { run: 'cardea init --name janusgraph-banking --print', says: 'Look at the file first.' },
  ],
});
