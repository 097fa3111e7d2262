import { beforeItsRun, declare, required, text } from '../../command.ts';

export const runResume = declare({
  name: 'run resume',
  group: 'Runs',
  summary:
    'Go on with a run that was interrupted (killed, or stopped with Ctrl-C); what had finished is not done again.',
  arguments: { id: required('Run, as `cardea runs` lists them.') },
  options: { env: text('ENV', 'Environment of the run; found by looking in every environment when absent.') },
  interrupted: ({ id }) => ({
    ...beforeItsRun,
    stopping: 'Stopping; the run has not been resumed yet. Ctrl-C again leaves at once.',
    state: `${id} is as it was.`,
    next: `Go on with it: cardea run resume ${id}`,
  }),
  examples: [{ run: 'cardea run resume restore-20260219-031500-k3f9', says: 'Go on where it stopped.' }],
});
