import { z } from 'zod';
import type { runId } from '../../model/identifiers.ts';
import { isDisplacedName } from '../../model/displaced-name.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { safeName } from '../../model/safe-name.ts';
import { lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import { getRestore, openRestore } from '../catalog/restore-catalog.ts';
import type { RunbookServices } from '../services.ts';
import type { NodeJobCall } from './each-node.ts';
import { type KeptData, lookAtKept } from './kept-data.ts';
import { standardRetry } from './standard-steps.ts';

export const findRecordStep = {
  id: 'find-record',
  title: 'Find the record of the restore, or make it anew from what lies aside on the nodes',
  effect: 'write',
  needs: [],
  timeout: '5m',
  retry: standardRetry,
  result: z.object({ madeAnew: z.boolean() }),
} as const;

type Context = NodeJobCall & {
  readonly environment: string;
  readonly params: { readonly restore: z.output<typeof runId> };
  readonly services: RunbookServices;
  readonly log: (line: string) => void;
};

/** `check` throws where what the nodes keep cannot be decided so. */
export async function findRecord(
  context: Context,
  check: (name: string, environment: string, kept: readonly KeptData[]) => void = () => {},
): Promise<{ madeAnew: boolean }> {
  const { environment, params, services, signal, log } = context;
  const { platform, clock } = services;
  const { bucket } = platform;
  // Where the bucket knows the run, it says itself what there is to decide.
  const known = await lookAtRunIfReadable(bucket, params.restore);
  const isKnown = known !== undefined && known !== 'damaged';
  if (isKnown || (await getRestore(bucket, params.restore)) !== undefined) return { madeAnew: false };
  await platform.ensureAgents(signal);
  const kept = await lookAtKept(platform, context, { aside: params.restore, mark: params.restore });
  if (kept.every(({ phase }) => phase === null)) return { madeAnew: false };
  check(params.restore, environment, kept);
  log('the bucket holds no record of this restore; the nodes keep what it moved aside');
  const startedAt = clock.now().toISOString();
  const { restore: run } = params;
  await openRestore(bucket, { run, environment, aside: safeName.parse(run), startedAt, epoch: context.epoch });
  return { madeAnew: true };
}

/** Where the bucket knows nothing of the run: throws RefusedProblem `half-restored` for what a revert has displaced, unless the nodes say that it was whole. */
export function requireWhole(name: string, environment: string, kept: readonly KeptData[]): void {
  const said = kept.flatMap(({ whole }) => whole ?? []);
  const displaced = isDisplacedName(name);
  if (!said.includes(false) && (!displaced || said.includes(true))) return;
  throw new RefusedProblem({
    code: 'half-restored',
    happened: `What lies aside as ${name} is what a revert has displaced, and nothing says that it was ever a whole environment. The old data is in its place.`,
    state: 'Nothing was changed.',
    next: `See what ${environment} needs: cardea status ${environment}. For another state of the data restore a point.`,
  });
}
