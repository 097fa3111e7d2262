import { declare, required, text } from '../../command.ts';

export const agentsBind = declare({
  name: 'agents bind',
  group: 'Setup',
  summary: 'Bind the agents of an environment to its present bucket, and set them all to the epoch of its lease.',
  about:
    'For a bucket that was lost or made anew, for a lease or an epoch that was forged, and for a damaged identity. Agents end their jobs, forget the bucket that they worked for, and ship to this one. A bucket of another environment is refused. See docs/bucket.md.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {
    confirm: text(
      'ENV',
      'The name of the environment again, as a confirmation: what the agents knew of another bucket is given up.',
    ),
  },
  interrupted: ({ env }) => ({
    stopping: 'Stopping. Agents that were bound stay so. Ctrl-C again leaves at once.',
    state: 'Some agents may be bound already, others not.',
    next: `Run the same command again: cardea agents bind ${env} --confirm ${env}`,
  }),
  examples: [
    {
      run: 'cardea agents bind prod --confirm prod',
      says: 'The bucket was lost and a new one is there: work for that one.',
    },
  ],
});
