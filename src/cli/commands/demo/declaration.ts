import { choice, declare, flag, number } from '../../command.ts';

export const demo = declare({
  name: 'demo',
  group: 'The main job',
  summary:
    'The whole story on real parts, here, in minutes: lose a living graph to a bad job and a disaster, bring it back to the instant before, prove it.',
  about:
    'Starts a Cassandra ring, JanusGraph and agents as processes of this machine, and removes them at the end. An application writes all along; a bad job drops accounts; everything is killed at once and every disk wiped. The graph comes back to the instant before the bad job, and then to everything but it, each compared with what the application itself logged. Prints the path of its report.',
  arguments: {},
  options: {
    vertices: number('N', 'Size of the sample graph.', 10_000),
    seed: number('N', 'Seed of the sample graph; the same seed gives the same graph.', 1),
    nodes: number('N', 'Cassandra nodes.', 3),
    store: choice(['directory', 's3'], 'Where the bucket lies; s3 runs a real S3 server.', 'directory'),
    keep: flag('Leave everything running at the end.'),
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
    { run: 'cardea demo --json', says: 'The last thing printed is one JSON object with the outcome.' },
  ],
});
