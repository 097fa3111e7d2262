import { runId } from '../../model/identifiers.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

/** What moving data on a node would be refused for is asked while everything still serves. */
export const checkAsideStep = {
  id: 'check-aside',
  title: 'What is there now can be moved aside on every node',
  effect: 'read',
  guard: 'until-moved',
  needs: ['start-agents'],
  timeout: '5m',
  retry: standardRetry,
  result: emptyResult,
  run: async (context: NodeJobCall & { readonly services: RunbookServices }) => {
    await onEachNode(context.services.platform, context, 'check-aside', () => ({}));
    return {};
  },
} as const;

/**
 * The same for a restore. Throws RefusedProblem `restore-open` where a node keeps what another restore has moved aside: the nodes know it also
 * where the bucket has lost its record, or does not list it yet.
 */
export async function checkNothingAside(
  context: NodeJobCall & { readonly services: RunbookServices; readonly environment: string },
): Promise<Record<string, never>> {
  const { run, environment } = context;
  const found = await onEachNode(context.services.platform, context, 'check-aside', () => ({}));
  const other = found
    .flatMap(({ result }) => result.aside ?? [])
    .find((name) => name !== run && /^restore-\d{8}-/.test(name) && runId.safeParse(name).success);
  if (other === undefined) return {};
  throw new RefusedProblem({
    code: 'restore-open',
    happened: `The nodes of ${environment} keep what another restore, ${other}, has moved aside, and it was neither accepted nor reverted.`,
    state: 'Nothing was stopped or moved.',
    next: `Bring that back: cardea restore revert ${other} --confirm ${environment}. Or, when you have looked at the graph and keep it as it is: cardea restore accept ${other} --unproven --confirm ${environment}`,
  });
}
