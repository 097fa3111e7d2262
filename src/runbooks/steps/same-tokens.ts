import { FailedProblem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { Platform } from '../../ports/platform.ts';

/**
 * A node answers for the rows of its tokens, and the files of a point hold the rows of the tokens that it had then. Nothing in them says so: a
 * node that came up with others (its identity was lost, and no `initial_token` is configured) serves a part of its rows and hides the rest.
 */

/** Of the nodes of a point: short, whatever their number. */
export function tokensSeal(point: RestorePoint): string {
  return sealOf(point.nodes);
}

/** Before anything is brought. A database that does not answer is asked when it has been started. Throws RefusedProblem `tokens-differ`. */
export async function requireTokensBefore(platform: Platform, point: RestorePoint): Promise<void> {
  let living: readonly Held[];
  try {
    living = await livingTokens(platform);
  } catch (thrown) {
    if (thrown instanceof RetryableProblem) return;
    throw thrown;
  }
  const differing = point.nodes.filter((node) => {
    const here = living.find((each) => each.node === node.node);
    return here !== undefined && sealOf([here]) !== sealOf([node]);
  });
  if (differing.length === 0) return;
  throw new RefusedProblem({
    code: 'tokens-differ',
    happened: `The tokens of ${differing.map(({ node }) => node).join(', ')} are not those that ${point.id} was taken with: its files hold rows that these nodes do not answer for.`,
    state: 'Nothing was changed.',
    next: `Restore it into a new environment beside this one, whose nodes get the tokens of the point: cardea restore ${platform.environment} --to ${point.id} --into NAME.`,
  });
}

/** After the start. Throws FailedProblem `tokens-changed`. */
export async function requireTokensAfter(platform: Platform, seal: string): Promise<void> {
  const living = await livingTokens(platform);
  if (sealOf(living) === seal) return;
  throw new FailedProblem({
    code: 'tokens-changed',
    happened:
      'A node has come up with other tokens than the restore point was taken with, so it hides rows that it holds.',
    state: 'The data is in place and Cassandra runs; JanusGraph is stopped.',
    next: 'Compare the tokens (`nodetool ring`) with those of the point, and give the node its own by `initial_token` in cassandra.yaml. Stop Cassandra there, then carry the run on.',
    details: living.map(
      ({ node, tokens }) => `${node}: ${tokens.length} tokens, the first ${tokens.toSorted()[0] ?? 'none'}`,
    ),
  });
}

interface Held {
  readonly node: string;
  readonly tokens: readonly string[];
}

async function livingTokens({ database, nodes }: Platform): Promise<readonly Held[]> {
  const ring = await database.ring();
  return nodes.flatMap(({ name, address }) => {
    const member = ring.find((each) => each.address === address);
    return member === undefined ? [] : [{ node: name, tokens: member.tokens }];
  });
}

function sealOf(held: readonly Held[]): string {
  const lines = held.map(({ node, tokens }) => `${node} ${tokens.toSorted().join(' ')}`);
  return sha256(lines.toSorted().join('\n')).slice(0, 16);
}
