import { eventKey } from '../../journal/event-file.ts';
import { runId } from '../../model/identifiers.ts';
import { asProblem, UsageProblem } from '../../model/problem.ts';
import type { CliContext } from '../context.ts';

/**
 * The environment whose bucket holds a run. With `named` only that environment is read; else all of them, one after the
 * other, and one that cannot be reached does not hide a run of another. Throws UsageProblem `unknown-run`.
 */
export async function environmentOfRun(context: CliContext, run: string, named: string | undefined): Promise<string> {
  const details: string[] = [];
  if (runId.safeParse(run).success) {
    const names = named === undefined ? Object.keys((await context.config()).config.environments) : [named];
    for (const name of names) {
      if (named !== undefined) await context.environment(name);
      try {
        const { bucket } = await context.platform(name);
        if ((await bucket.head(eventKey(run, 1))) !== undefined) return name;
      } catch (thrown) {
        if (named !== undefined) throw thrown;
        details.push(`${name} could not be read: ${asProblem(thrown, 'Opening it').happened}`);
      }
    }
  } else {
    details.push('a run id looks like RUNBOOK-YYYYMMDD-HHMMSS-xxxx, for example backup-20260219-020000-k3f9');
  }
  throw new UsageProblem({
    code: 'unknown-run',
    happened: `There is no run "${run}"${named === undefined ? '' : ` in ${named}`}.`,
    state: 'Nothing was changed.',
    next: 'List the runs with `cardea runs`.',
    details,
  });
}
