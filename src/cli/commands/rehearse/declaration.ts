import { beforeItsRun, declare, optional, required, text } from '../../command.ts';

export const rehearse = declare({
  name: 'rehearse',
  group: 'The main job',
  summary:
    'Restore a point beside the live environment, open it with a real JanusGraph, check the graph, measure, and remove it all.',
  about:
    'A point that passes becomes `proven`: only then is it known to be a backup. The live environment is not touched and nothing connects to it. ' +
    'A fuzzy point, taken while writes went on, is restored with the shipped log that follows it, up to one instant: that is what is proved then, and what ' +
    'a restore of the point brings back from then on.',
  arguments: {
    env: required('Environment of cardea.config.ts.'),
    point: optional('Restore point; the newest checked one when absent.'),
  },
  options: {
    to: text(
      'TIME',
      'The instant to rehearse, as `cardea restore --to` takes it; of a fuzzy point the first that it serves when absent.',
    ),
  },
  interrupted: () => beforeItsRun,
  plan: true,
  examples: [
    { run: 'cardea rehearse prod', says: 'Prove the newest checked point.' },
    { run: 'cardea rehearse staging backup-20260219-020000', says: 'Prove this one.' },
    { run: 'cardea rehearse prod --to now-1m', says: 'Prove that the last minute but one can be restored to.' },
    { run: 'cardea rehearse prod --plan', says: 'Show the steps and change nothing.' },
  ],
});
