import { agent } from './agent.ts';
import { backup } from './backup.ts';
import { type Command, type CommandGroup, command } from './command.ts';
import { config } from './config.ts';
import { init } from './init.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  command(backup, () => import('./actions/backup.ts')),
  command(init, () => import('./actions/init.ts')),
  command(config, () => import('./actions/config.ts')),
  command(agent, () => import('./actions/agent.ts')),
];

/** Words that only hold commands below them: `cardea run show`. */
export const groups: ReadonlyArray<{ readonly name: string; readonly group: CommandGroup; readonly summary: string }> =
  [
    { name: 'run', group: 'Runs', summary: 'Show, resume or cancel one run.' },
    { name: 'sandbox', group: 'Setting up', summary: 'Environments as processes on this machine.' },
  ];
