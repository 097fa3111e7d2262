import { RefusedProblem } from '../../model/problem.ts';
import type { Action } from '../command.ts';
import type { backup } from '../backup.ts';

export const action: Action<typeof backup> = async (_context, input) => {
  throw new RefusedProblem({
    code: 'not-yet',
    happened: `Backup of ${input.env} (${input.mode}) is not wired yet.`,
    state: 'Nothing changed.',
    next: 'Wait.',
  });
};
