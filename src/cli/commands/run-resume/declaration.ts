import { beforeItsRun, declare, required, text } from '../../command.ts';

export const runResume = declare({
  name: 'run resume',
  group: 'Runs',
  summary: 'Continue a run that was interrupted (killed, or stopped with Ctrl-C). Finished steps are not done again.',
  arguments: { id: required('Id of the run, as `cardea runs` lists it.') },
  options: { env: text('ENV', 'Environment of the run. Default: every environment is searched for it.') },
  interrupted: ({ id }) => ({
    ...beforeItsRun,
    stopping: 'Stopping; the run has not been resumed yet. Ctrl-C again leaves at once.',
    state: `${id} is as it was.`,
    next: `Continue it with: cardea run resume ${id}`,
  }),
  examples: [{ run: 'cardea run resume restore-20260219-031500-k3f9', says: 'Continue where it stopped.' }],
});
