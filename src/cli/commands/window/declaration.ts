import { declare, required, text } from '../../command.ts';

export const window = declare({
  name: 'window',
  group: 'Looking',
  summary:
    'Say to which instants an environment can be restored, what a disaster now would lose, and which gaps there are.',
  about:
    'newest: every write acknowledged up to it is in the store. settled: transactions up to it are whole as well. ' +
    'A gap is a stretch of instants that cannot be restored to, with the reason. Judged from the bucket alone, so it also answers when the cluster is gone. ' +
    'Every restore to an instant opens a timeline; --timeline shows the window of an older one. Exit code 1 when there is no instant to restore to.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: { timeline: text('ID', 'Another timeline than the one that is written now, such as t0001.') },
  examples: [
    { run: 'cardea window prod', says: 'From when to when, and the RPO at this moment.' },
    { run: 'cardea window prod --timeline t0001', says: 'What can still be had of the history before a restore.' },
    { run: 'cardea window prod --json', says: 'For a monitor: oldest, settled, newest, rpoSeconds, gaps.' },
  ],
});
