import { beforeItsRun, declare, optional, required, text } from '../../command.ts';

export const rehearse = declare({
  name: 'rehearse',
  group: 'Main operations',
  summary:
    'Restore a point beside the live environment, open it with a real JanusGraph, check the graph, measure the time, and remove the copy.',
  about:
    'A point that passes becomes `proven`: now you know that it can be restored. The live environment is not touched and nothing connects to it. ' +
    'A fuzzy point was taken while applications wrote. It is restored together with the shipped log after it, up to one instant. ' +
    'The rehearsal proves that instant, and later restores of the point bring back that instant.',
  arguments: {
    env: required('Environment of cardea.config.ts.'),
    point: optional('Restore point. Default: the newest checked one.'),
  },
  options: {
    to: text(
      'TIME',
      'The instant to rehearse, as `cardea restore --to` takes it. Default for a fuzzy point: the first instant that it can be restored to.',
    ),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  run: true,
  examples: [
    { run: 'cardea rehearse prod', says: 'Prove the newest checked point.' },
    { run: 'cardea rehearse staging backup-20260219-020000', says: 'Prove this point.' },
    { run: 'cardea rehearse prod --to now-1m', says: 'Prove that prod can be restored to its state of a minute ago.' },
    { run: 'cardea rehearse prod --plan', says: 'Show the steps and change nothing.' },
  ],
});
