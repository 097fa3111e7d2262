import { declare, flag, text } from '../../command.ts';

export const init = declare({
  name: 'init',
  group: 'Setting up',
  summary: 'Write a first cardea.config.ts into this folder; an existing one is never overwritten.',
  arguments: {},
  options: {
    name: text('NAME', "Name of the platform; this folder's name when absent."),
    print: flag('Print the file instead of writing it.'),
  },
  interrupted: () => ({
    state: 'The file may be there already.',
    next: 'Run the same command again: it never overwrites.',
  }),
  examples: [
    { run: 'cardea init', says: 'A small valid file with one environment on this machine.' },
    { run: 'cardea init --name janusgraph-banking --print', says: 'See it first.' },
  ],
});
