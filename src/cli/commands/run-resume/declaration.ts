import { beforeItsRun, declare, required, text } from '../../command.ts';

export const runResume = declare({
  name: 'run resume',
  group: 'Runs',
  summary: 'Continue a run that was interrupted (killed, or stopped with Ctrl-C). Finished steps are not done again.',
  about:
    'A run that deletes or overwrites data goes on by itself only when a key that is trusted here has signed its journal: that of this machine, or one of `operatorKeys` in the configuration. ' +
    'For any other journal the plan is shown, and --confirm asks for the name of the environment again (exit code 3).',
  arguments: { id: required('Id of the run, as `cardea runs` lists it.') },
  options: {
    env: text('ENV', 'Environment of the run. Default: every environment is searched for it.'),
    confirm: text(
      'ENV',
      'The name of the environment again: needed when this machine cannot vouch for the journal of a run that deletes or overwrites data.',
    ),
  },
  plan: true,
  run: true,
  interrupted: ({ id }) => ({
    ...beforeItsRun,
    stopping: 'Stopping; the run has not been resumed yet. Ctrl-C again leaves at once.',
    state: `${id} is as it was.`,
    next: `Continue it with: cardea run resume ${id}`,
  }),
  examples: [
    { run: 'cardea run resume restore-20260219-031500-k3f9', says: 'Continue where it stopped.' },
    { run: 'cardea run resume restore-20260219-031500-k3f9 --plan', says: 'See its steps and how far it came.' },
    {
      run: 'cardea run resume restore-20260219-031500-k3f9 --confirm prod',
      says: 'Continue a run of another machine whose key is not trusted here.',
    },
  ],
});
