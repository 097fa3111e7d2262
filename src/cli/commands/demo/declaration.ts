import { choice, declare, flag, number } from '../../command.ts';

export const demo = declare({
  name: 'demo',
  group: 'Main operations',
  summary:
    'Show the whole story with real servers on this machine, in minutes: lose a live graph to a bad job and a disaster, restore it to the instant before, and prove it.',
  about:
    'Starts a Cassandra ring, JanusGraph and agents as processes on this machine, and removes them at the end. ' +
    'An application writes all the time. A bad job deletes accounts. Then every process is killed at once and every disk is wiped. ' +
    'The graph is restored twice: first to the instant before the bad job, then to the latest state without the bad job. ' +
    'Each result is compared with the log of the application. Prints the path of its report.',
  arguments: {},
  options: {
    vertices: number('N', 'Size of the sample graph.', 10_000),
    seed: number('N', 'Seed of the sample graph; the same seed gives the same graph.', 1),
    nodes: number('N', 'Cassandra nodes.', 3),
    store: choice(['directory', 's3'], 'Where the bucket is; s3 runs a real S3 server.', 'directory'),
    keep: flag('Keep everything running at the end.'),
  },
  interrupted: () => ({
    stopping:
      'Stopping and removing what the demo started. Ctrl-C again leaves at once; the next demo then removes it.',
    state: 'What it had started is stopped and removed.',
    next: 'Run `cardea demo` again; it begins anew.',
    left: 'What the demo had started may still run; `cardea sandbox down demo --confirm demo` removes it, and so does the next demo.',
  }),
  examples: [
    { run: 'cardea demo', says: 'Run it and read the report.' },
    {
      run: 'cardea demo --keep',
      says: 'Look around afterwards with `cardea status`, `cardea window`, `cardea check`.',
    },
    { run: 'cardea demo --json', says: 'Print the outcome as one JSON object at the end.' },
  ],
});
