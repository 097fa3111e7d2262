import type { DatabaseNode, RingMember } from '../../model/database-node.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';

export interface HealthyRing {
  readonly schemaVersion: string;
  readonly cassandraVersion: string;
  readonly members: ReadonlyMap<string, RingMember>;
}

/** What the caller knows about an unhealthy ring, for the problem that it becomes. Whole sentences. */
export interface RingUse {
  /** What the bad ring means for the caller's work, when it means anything beyond itself. */
  readonly means?: string;
  /** What was changed until then, and what becomes of it. */
  readonly state: string;
}

/** For callers that only look. */
export const onlyLooking: RingUse = { state: 'Nothing was changed.' };

/**
 * Asks every node for its own view of the ring and refuses unless all of them agree that all declared nodes are up, on one schema.
 * The view of one node is not enough: a node without a connection sees the others as down, and they see it as down.
 * Throws RefusedProblem `ring-unhealthy` with the state that the caller gives.
 */
export async function requireHealthyRing(platform: Platform, use: RingUse): Promise<HealthyRing> {
  const views = await Promise.all(
    platform.nodes.map(async (node) => ({ node, view: await platform.database.ringSeenBy(node.address) })),
  );
  const mistakes = views.flatMap(({ node, view }) => faultsSeenBy(node, view, platform.nodes));
  const schemas = new Set(views.flatMap(({ view }) => (view ?? []).map((member) => member.schemaVersion)));
  if (schemas.size > 1)
    mistakes.push(`the nodes have ${schemas.size} different schema versions: ${[...schemas].join(', ')}`);
  const ring = views[0]?.view;
  if (mistakes.length > 0 || ring === undefined) {
    throw new RefusedProblem({
      code: 'ring-unhealthy',
      happened: `The database of ${platform.environment} is not healthy.${use.means === undefined ? '' : ` ${use.means}`}`,
      state: use.state,
      next: `Start every node, wait until all agree on one schema, then start again. To check: cardea doctor ${platform.environment}, nodetool status, nodetool describecluster.`,
      details: mistakes,
    });
  }
  const members = new Map<string, RingMember>();
  for (const node of platform.nodes) {
    const member = ring.find((each) => each.address === node.address);
    if (member !== undefined) members.set(node.name, member);
  }
  return {
    schemaVersion: ring[0]?.schemaVersion ?? '',
    cassandraVersion: ring[0]?.releaseVersion ?? '',
    members,
  };
}

/**
 * Medusa deletes the index entries of a node by the beginning of its name, and so those of `…-sts-10` with those of
 * `…-sts-1` (decision 7). Throws RefusedProblem `node-names-overlap`: a backup that later deletes another node's is none.
 */
export function requireApartNames({ environment, nodes }: Pick<Platform, 'environment' | 'nodes'>): void {
  const overlapping = nodes.flatMap(({ name }) =>
    nodes
      .filter((other) => other.name !== name && other.name.startsWith(name))
      .map((other) => `the name ${other.name} begins with ${name}`),
  );
  if (overlapping.length === 0) return;
  throw new RefusedProblem({
    code: 'node-names-overlap',
    happened: `The nodes of ${environment} have names that Medusa mixes up: removing an old backup of one would remove another's.`,
    state: 'Nothing was changed; no backup was taken.',
    next: 'Spread the nodes over more racks, so that no rack has more than ten (their names end in 0 to 9).',
    details: overlapping,
  });
}

function faultsSeenBy(
  node: DatabaseNode,
  view: readonly RingMember[] | undefined,
  declared: readonly DatabaseNode[],
): readonly string[] {
  if (view === undefined) return [`${node.name} (${node.address}) does not answer`];
  const faults: string[] = [];
  for (const other of declared) {
    const member = view.find((each) => each.address === other.address);
    if (member === undefined) faults.push(`${node.name} does not know ${other.name} (${other.address})`);
    else if (!member.up) faults.push(`${node.name} sees ${other.name} (${other.address}) as down`);
  }
  const strangers = view.filter((member) => !declared.some((each) => each.address === member.address));
  for (const stranger of strangers) {
    faults.push(`${node.name} sees a node that the configuration does not declare: ${stranger.address}`);
  }
  return faults;
}
