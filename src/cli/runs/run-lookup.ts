import { eventKey } from '../../journal/event-file.ts';
import { runId } from '../../model/identifiers.ts';
import { asProblem, type Problem, RefusedProblem, UsageProblem } from '../../model/problem.ts';
import type { CliContext } from '../context.ts';
import { hasRecord } from '../../runbooks/catalog/restore-catalog.ts';
import { refuseWhenUnreachable } from './refuse-when-unreachable.ts';

/**
 * The environment whose bucket holds a run. With `named` only that environment is read; else all of them, one after the
 * other, and one that cannot be reached does not hide a run of another. Throws UsageProblem `unknown-run` where it is
 * certain that there is none, else RefusedProblem `environment-unreadable`; of a named environment, why it cannot be read.
 */
export async function environmentOfRun(context: CliContext, run: string, named: string | undefined): Promise<string> {
  if (!runId.safeParse(run).success) {
    throw unknownRun(run, named, [
      'a run id looks like RUNBOOK-YYYYMMDD-HHMMSS-xxxx, for example backup-20260219-020000-k3f9',
    ]);
  }
  const names = named === undefined ? Object.keys((await context.config()).config.environments) : [named];
  if (named !== undefined) await context.environment(named);
  const unread: Unread[] = [];
  for (const name of names) {
    try {
      if (await refuseWhenUnreachable(async () => holds(context, name, run))) return name;
    } catch (thrown) {
      if (named !== undefined) throw thrown;
      unread.push({ name, problem: asProblem(thrown, 'Opening it') });
    }
  }
  // Where this version of Cardea reaches nothing, it has no runs.
  const [first, ...others] = unread.filter(({ problem }) => problem.code !== 'not-available');
  if (first !== undefined) throw unreadable(run, [first, ...others]);
  throw unknownRun(run, named, unread.map(lineOf));
}

/**
 * The same of a restore that is to be accepted or reverted. Where no bucket knows its run, because the journal or the whole bucket was lost, it is
 * the environment that holds its record or that was named or confirmed: its nodes know what lies aside there.
 */
export async function environmentOfRestore(
  context: CliContext,
  restore: string,
  { named, confirmed }: { readonly named: string | undefined; readonly confirmed: string | undefined },
): Promise<string> {
  try {
    return await environmentOfRun(context, restore, named);
  } catch (thrown) {
    if (!(thrown instanceof UsageProblem) || thrown.code !== 'unknown-run' || !runId.safeParse(restore).success)
      throw thrown;
    const { environments } = (await context.config()).config;
    const meant = named ?? (confirmed !== undefined && Object.hasOwn(environments, confirmed) ? confirmed : undefined);
    if (meant !== undefined) return meant;
    for (const name of Object.keys(environments)) {
      const { bucket } = await context.platform(name);
      if (await refuseWhenUnreachable(async () => hasRecord(bucket, restore))) return name;
    }
    throw thrown;
  }
}

interface Unread {
  readonly name: string;
  readonly problem: Problem;
}

async function holds(context: CliContext, environment: string, run: string): Promise<boolean> {
  const { bucket } = await context.platform(environment);
  return (await bucket.head(eventKey(run, 1))) !== undefined;
}

function lineOf({ name, problem }: Unread): string {
  return `${name} could not be read: ${problem.happened}`;
}

function unknownRun(run: string, named: string | undefined, details: readonly string[]): UsageProblem {
  return new UsageProblem({
    code: 'unknown-run',
    happened: `There is no run "${run}"${named === undefined ? '' : ` in ${named}`}.`,
    state: 'Nothing was changed.',
    next: 'List the runs with `cardea runs`.',
    details,
  });
}

function unreadable(run: string, unread: readonly [Unread, ...Unread[]]): RefusedProblem {
  const [first, ...others] = unread;
  return new RefusedProblem({
    code: 'environment-unreadable',
    happened:
      others.length === 0
        ? `It is not known where the run ${run} is, because ${lineOf(first)}`
        : `It is not known where the run ${run} is, because ${unread.length} environments could not be read.`,
    state: 'Nothing was changed.',
    next: [...new Set(unread.map(({ problem }) => problem.next))].join(' Or: '),
    details: others.length === 0 ? [] : unread.map(lineOf),
    cause: first.problem,
  });
}
