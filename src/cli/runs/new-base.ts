import { asProblem } from '../../model/problem.ts';
import { pointOfRun } from '../../runbooks/backup.ts';
import { backupRunbook } from '../../runbooks/index.ts';
import type { Outcome } from '../command.ts';
import type { CliContext } from '../context.ts';
import { operate } from './operation.ts';

/**
 * Takes a backup right after a restore, so that the new timeline stands on its own: a run of its own, while the graph serves already. That it
 * fails does not make the restore fail, and is said loudly.
 */
export async function withNewBase(context: CliContext, environment: string, done: Outcome): Promise<Outcome> {
  context.output.note(
    '\nThe graph serves. A new base is taken now, so that the new timeline does not depend on the old one.',
  );
  const base = await takenBase(context, environment);
  const json = { ...done.json, newBase: base };
  if (base.ok) return { ...done, json, text: `${done.text}\nThe new base is ${base.point}.` };
  const warning = `WARNING: the new base could not be taken: ${base.problem} Take one soon: cardea backup ${environment}`;
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
      // What retention would remove may be wanted right now.
      params: { mode: 'differential', cut: 'fuzzy', retention: false },
      done: ({ run }) => ({ json: { point: pointOfRun(run) }, text: '' }),
    });
    if (problem === undefined && 'point' in json) return { ok: true, point: String(json.point) };
    return { ok: false, problem: problem?.happened ?? 'the backup did not finish.' };
  } catch (error) {
    return { ok: false, problem: asProblem(error, 'Taking the new base').happened };
  }
}
