import { compactSecond, runId, type RunId } from '../model/identifiers.ts';
import type { Clock, Ids } from '../ports/clock.ts';

/** `backup-20260219-020000-k3f9`. */
export function newRunId(runbook: string, world: { readonly clock: Clock; readonly ids: Ids }): RunId {
  return runId.parse(`${runbook}-${compactSecond(world.clock.now())}-${world.ids.token(4)}`);
}
