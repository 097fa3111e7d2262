import { UsageProblem } from '../../../model/problem.ts';
import type { agent } from './declaration.ts';
import type { Action } from '../../command.ts';
import { startAgent } from '../../../agent/start-agent.ts';

export const action: Action<typeof agent> = async ({ flags, version, signal, output }) => {
  if (flags.config === undefined) {
    throw new UsageProblem({
      code: 'no-agent-config',
      happened: 'No configuration file was given; the agent needs the file that describes its node.',
      state: 'Nothing was started.',
      next: 'Name the file: cardea agent --config FILE',
    });
  }
  await startAgent(flags.config, {
    version,
    signal,
    onListening: (url) => output.note(`agent listens at ${url}`),
  });
  return { json: { stopped: true }, text: '' };
};
