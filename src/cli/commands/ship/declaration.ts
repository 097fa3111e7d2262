import { beforeItsRun, declare, required } from '../../command.ts';

export const ship = declare({
  name: 'ship',
  group: 'Main operations',
  summary: 'Make every node of an environment ship its commit log to the bucket.',
  about:
    'Agents ship by themselves. A restore pauses them and starts them again, and an agent that was away then begins when it is back. ' +
    'This command starts those that are paused although no restore needs that, and says which nodes do not ship and why. What ships is left alone. ' +
    'It is refused while a restore has left its data half in place. Exit code 1 when a node does not ship.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {},
  interrupted: () => beforeItsRun,
  plan: true,
  run: true,
  examples: [
    { run: 'cardea ship prod', says: 'Start every agent of prod that does not ship.' },
    {
      run: 'cardea ship prod --json',
      says: 'Machine output: {"run": …, "ok": true, "timeline": "t0002", "started": [], …}.',
    },
    { run: 'cardea ship prod --plan', says: 'Show the steps and change nothing.' },
  ],
});
