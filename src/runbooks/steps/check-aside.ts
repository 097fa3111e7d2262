import { runId } from '../../model/identifiers.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { RunbookServices } from '../services.ts';
import { listRestores, untoldRestores } from '../catalog/restore-catalog.ts';
import { type NodeJobCall, oneNode, onEachNode } from './each-node.ts';
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

type Context = NodeJobCall & { readonly services: RunbookServices; readonly log: (line: string) => void };

async function ofOtherRestores(
  context: Context,
): Promise<ReadonlyArray<{ readonly node: string; readonly name: string }>> {
  const found = await onEachNode(context.services.platform, context, 'check-aside', () => ({}));
  return found
    .flatMap(({ node, result }) => (result.aside ?? []).map((name) => ({ node, name })))
    .filter(({ name }) => name !== context.run && /^restore-\d{8}-/.test(name) && runId.safeParse(name).success);
}

/**
 * Deletes what an accepted restore had moved aside and what is on a node all the same: its disk was away when the others
 * deleted it, or was set back since.
 */
export async function deleteAccepted(context: Context): Promise<void> {
  const { platform } = context.services;
  const found = await ofOtherRestores(context);
  if (found.length === 0) return;
  const accepted = (await listRestores(platform.bucket)).filter(({ state }) => state === 'accepted');
  for (const { node, name } of found) {
    if (!accepted.some(({ aside }) => aside === name)) continue;
    context.log(`${node}: what ${name} had moved aside lies there, although that restore was accepted: it is deleted`);
    await oneNode(platform, context, node, 'accept-aside', { run: name, givenUp: true });
  }
}

/**
 * For a backup: of a restore whose record no one can read and no journal tells the nodes know whether it is decided. Throws RefusedProblem
 * `restore-unfinished` where they keep what no record knows.
 */
export async function checkNothingUntold(context: Context & { readonly environment: string }): Promise<void> {
  const { environment, log } = context;
  const { platform } = context.services;
  const untold = await untoldRestores(platform.bucket);
  if (untold.length === 0) return;
  const found = await onEachNode(platform, context, 'check-aside', () => ({}));
  const known = new Set<string>((await listRestores(platform.bucket)).map(({ aside }) => aside));
  const name = found.flatMap(({ result }) => result.aside ?? []).find((each) => !known.has(each));
  if (name === undefined) {
    for (const damage of untold) log(`WARNING: ${damage} Nothing lies aside on the nodes that is not decided.`);
    return;
  }
  throw new RefusedProblem({
    code: 'restore-unfinished',
    happened: `The nodes of ${environment} keep ${name}, which a restore has moved aside, and its record cannot be read: the data in place may be half of it.`,
    state: 'Nothing was changed.',
    next: `Bring it back: cardea restore revert ${name} --confirm ${environment}. Or, when you have looked at the graph and keep it as it is: cardea restore accept ${name} --unproven --confirm ${environment}`,
    details: untold,
  });
}

/**
 * For a restore. What a decided restore left there keeps nobody from another. Throws RefusedProblem `restore-open` where a node keeps what another restore has moved aside: the nodes know it also
 * where the bucket has lost its record, or does not list it yet.
 */
export async function checkNothingAside(
  context: Context & { readonly environment: string },
): Promise<Record<string, never>> {
  const { environment, log } = context;
  const found = await ofOtherRestores(context);
  if (found.length === 0) return {};
  const records = await listRestores(context.services.platform.bucket);
  const isDecided = (name: string) => records.some(({ aside, closed }) => aside === name && closed !== undefined);
  for (const { node, name } of found.filter((each) => isDecided(each.name))) {
    log(`${node}: what ${name} had moved aside lies there, although that restore is decided: it is left alone`);
  }
  const other = found.find(({ name }) => !isDecided(name))?.name;
  if (other === undefined) return {};
  throw new RefusedProblem({
    code: 'restore-open',
    happened: `The nodes of ${environment} keep what another restore, ${other}, has moved aside, and it was neither accepted nor reverted.`,
    state: 'Nothing was stopped or moved.',
    next: `Bring that back: cardea restore revert ${other} --confirm ${environment}. Or, when you have looked at the graph and keep it as it is: cardea restore accept ${other} --unproven --confirm ${environment}`,
  });
}
