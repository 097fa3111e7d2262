import { declare, required } from '../../command.ts';

export const agents = declare({
  name: 'agents',
  group: 'Inspection',
  summary:
    'List the agents of an environment: the bucket that each works for, the highest epoch it has seen, its shipping.',
  about:
    'An agent works for one bucket and remembers its id. It refuses jobs with an epoch below the highest that it has seen. See docs/bucket.md.',
  arguments: { env: required('Environment of cardea.config.ts.') },
  options: {},
  examples: [{ run: 'cardea agents prod', says: 'See whether all agents work for the bucket of prod.' }],
});
