import { asProblem } from '../../model/problem.ts';
import { pointOfRun } from '../../runbooks/backup.ts';
import { backupRunbook } from '../../runbooks/index.ts';
import type { Outcome } from '../command.ts';
import type { CliContext } from '../context.ts';
import { operate } from './operation.ts';

/**
 * Takes a backup right after a restore, so that the new timeline does not depend on the old one. It is a separate run,
 * while the graph already serves. If it fails, the restore does not fail, but a clear warning is printed.
 */
export async function withNewBase(context: CliContext, environment: string, done: Outcome): Promise<Outcome> {
  context.output.note(
    '\nThe graph is available again. A new base backup follows, so that the new timeline does not depend on the old one.',
  );
  const base = await takenBase(context, environment);
  const json = { ...done.json, newBase: base };
  if (base.ok) return { ...done, json, text: `${done.text}\nThe new base backup is ${base.point}.` };
  const warning = `WARNING: the new base backup failed: ${base.problem} Take one soon: cardea backup ${environment}`;
  context.output.warn(context.output.paintNote('red', warning));
  return { ...done, json, text: `${done.text}\n${warning}` };
}

type Base = { readonly ok: true; readonly point: string } | { readonly ok: false; readonly problem: string };

async function takenBase(context: CliContext, environment: string): Promise<Base> {
  if (context.signal.aborted) return { ok: false, problem: 'it was stopped before it began.' };
  try {
    const { json, problem } = await operate(context, {
      environment,
      runbook: backupRunbook,
      // Somebody may need right now what retention would remove.
      params: { mode: 'differential', cut: 'fuzzy', retention: false },
      done: ({ run }) => ({ json: { point: pointOfRun(run) }, text: '' }),
    });
    if (problem === undefined && 'point' in json) return { ok: true, point: String(json.point) };
    return { ok: false, problem: problem?.happened ?? 'the backup did not finish.' };
  } catch (error) {
    return { ok: false, problem: asProblem(error, 'Taking the new base').happened };
  }
}
