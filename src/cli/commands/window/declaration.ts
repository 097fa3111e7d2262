import { declare, required, text } from '../../command.ts';

export const window = declare({
  name: 'window',
  group: 'Inspection',
  summary:
    'Show to which instants an environment can be restored, what a disaster now would lose, and where the gaps are.',
  about:
    'newest: every write acknowledged up to this instant is in the store. settled: every transaction up to this instant is also complete. ' +
    'A gap is a range of instants that cannot be restored, with the reason. The command reads only the bucket, so it works when the cluster is gone. ' +
    'Every restore to an instant begins a new timeline; --timeline shows the window of an older one. Exit code 1 when no instant can be restored.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: { timeline: text('ID', 'Show another timeline than the current one, such as t0001.') },
  examples: [
    { run: 'cardea window prod', says: 'Show the first and the last instant, and the present RPO.' },
    { run: 'cardea window prod --timeline t0001', says: 'Show what can still be restored from before a restore.' },
    { run: 'cardea window prod --json', says: 'For a monitor: oldest, settled, newest, rpoSeconds, gaps.' },
  ],
});
