import { join } from 'node:path';
import { UsageProblem } from '../../model/problem.ts';

/**
 * Folder of an environment: `local`, or `local~look` for the copy `look` beside it. Throws UsageProblem `bad-name`: a name comes from a
 * command line, and what lies in the folder may be deleted.
 */
export function environmentFolder(home: string, name: string): string {
  const [, environment, copy] = /^([a-z][a-z0-9-]*)(?:~([a-z][a-z0-9-]*))?$/.exec(name) ?? [];
  if (environment === undefined) {
    throw new UsageProblem({
      code: 'bad-name',
      happened: `"${name}" is not a valid name for an environment.`,
      state: 'Nothing was changed.',
      next: 'Use a name that `cardea sandbox status` shows: local, or local~look for a copy of it.',
    });
  }
  return copy === undefined ? join(home, environment) : join(home, environment, 'copies', copy);
}

/** One command at a time changes an environment; the lock outlives the environment's folder. */
export function environmentLock(home: string, name: string): string {
  return join(home, '.locks', name);
}
