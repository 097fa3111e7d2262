import { systemProcesses } from '../../../adapters/system/processes.ts';
import { listRuns, type RunSummary } from '../../../journal/runs.ts';
import { asProblem } from '../../../model/problem.ts';
import type { Action } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import type { runs } from './declaration.ts';
import { runsText } from './text.ts';

export const action: Action<typeof runs> = async (context, input) => {
  const all = input.env === undefined ? await ofEvery(context, input) : await ofOne(context, input.env, input);
  const wanted = input.failed ? all.filter((run) => run.status === 'failed' || run.status === 'damaged') : all;
  const newest = wanted.sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1)).slice(0, limitOf(input.limit));
  return { json: newest, text: runsText(newest, context.clock.now(), context.output.paint) };
};

interface Wanted {
  readonly limit: number;
  readonly runbook: string | undefined;
  readonly failed: boolean;
}

async function ofOne(
  context: CliContext,
  environment: string,
  { limit, runbook, failed }: Wanted,
): Promise<RunSummary[]> {
  const { bucket } = await context.platform(environment);
  const world = { store: bucket, clock: context.clock, processes: systemProcesses() };
  // Only the last event of a run says whether it failed, so every run must be read.
  const options = {
    limit: failed ? Number.POSITIVE_INFINITY : limitOf(limit),
    ...(runbook === undefined ? {} : { runbook }),
  };
  return [...(await listRuns(world, options))];
}

async function ofEvery(context: CliContext, input: Wanted): Promise<RunSummary[]> {
  const { config } = await context.config();
  const found: RunSummary[] = [];
  for (const name of Object.keys(config.environments)) {
    try {
      found.push(...(await ofOne(context, name, input)));
    } catch (thrown) {
      context.output.note(
        context.output.paintNote('dim', `${name}: ${asProblem(thrown, 'Listing its runs').happened}`),
      );
    }
  }
  return found;
}

function limitOf(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

/** A run id ends in its time: `20260219-020000-k3f9`. */
function timeOf(run: RunSummary): string {
  return run.run.slice(-20);
}
