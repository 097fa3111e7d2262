import { declare, optional, required } from './command.ts';

export const rehearse = declare({
  name: 'rehearse',
  group: 'The main job',
  summary:
    'Restore a point beside the live environment, open it with a real JanusGraph, check the graph, measure, and remove it all.',
  about:
    'A point that passes becomes `proven`: only then is it known to be a backup. The live environment is not touched and nothing connects to it. ' +
    'A fuzzy point is rehearsed too, but never becomes proven.',
  arguments: {
    env: required('Environment of cardea.config.ts.'),
    point: optional('Restore point; the newest checked one when absent.'),
  },
  options: {},
  plan: true,
  examples: [
    { run: 'cardea rehearse prod', says: 'Prove the newest checked point.' },
    { run: 'cardea rehearse staging backup-20260219-020000', says: 'Prove this one.' },
    { run: 'cardea rehearse prod --plan', says: 'Show the steps and change nothing.' },
  ],
});
