/** A node of one datacenter's ring, as restore points record it. Tokens in decimal. */
interface RingNode {
  readonly node: string;
  readonly rack: string;
  readonly tokens: readonly string[];
}

/** (start, end] of the Murmur3 ring, in decimal; the one that goes over the ring's end has the greater start. */
export type HeldRange = readonly [start: string, end: string];

/**
 * The token ranges of which each node holds a replica, as NetworkTopologyStrategy places them in one datacenter: from the owner of the
 * range's end along the ring, each rack first once, and a rack again only when there are fewer racks than replicas. Undefined when
 * every node holds everything.
 */
export function heldRanges(
  nodes: readonly RingNode[],
  replicationFactor: number,
): ReadonlyMap<string, readonly HeldRange[]> | undefined {
  if (replicationFactor >= nodes.length) return undefined;
  const held = new Map<string, HeldRange[]>(nodes.map(({ node }) => [node, []]));
  for (const { range, replicas } of rangesOfRing(nodes, replicationFactor)) {
    for (const { node } of replicas) held.get(node)?.push(range);
  }
  return held;
}

/** Every range of one datacenter's ring, along the ring from its least token on, with the nodes that hold it, its owner first. */
export function rangesOfRing<Node extends { readonly rack: string; readonly tokens: readonly string[] }>(
  nodes: readonly Node[],
  replicationFactor: number,
): ReadonlyArray<{ readonly range: HeldRange; readonly replicas: ReadonlySet<Node> }> {
  const ring = nodes
    .flatMap((node) => node.tokens.map((token) => ({ node, token, value: BigInt(token) })))
    .sort((a, b) => (a.value < b.value ? -1 : 1));
  const owners = ring.map(({ node }) => node);
  return ring.map(({ token }, at) => ({
    range: [ring.at(at - 1)?.token ?? token, token],
    replicas: replicasOf([...owners.slice(at), ...owners.slice(0, at)], nodes, replicationFactor),
  }));
}

/**
 * Which part of the first node's ranges the second one holds, too, by the width of the ranges: 0 to 1. Both are of one ring. All of it when
 * the first ones are not known.
 */
export function commonShare(of: readonly HeldRange[] | undefined, also: readonly HeldRange[]): number {
  if (of === undefined) return 1;
  const other = new Set(also.map((range) => range.join()));
  const all = of.reduce((sum, range) => sum + widthOf(range), 0);
  const common = of.filter((range) => other.has(range.join())).reduce((sum, range) => sum + widthOf(range), 0);
  return all === 0 ? 0 : common / all;
}

function widthOf([start, end]: HeldRange): number {
  const width = BigInt(end) - BigInt(start);
  return Number(width > 0n ? width : width + 2n ** 64n);
}

/** The nodes that hold the range whose end `onwards` begins with. */
function replicasOf<Node extends { readonly rack: string }>(
  onwards: readonly Node[],
  nodes: readonly Node[],
  replicationFactor: number,
): ReadonlySet<Node> {
  const chosen = new Set<Node>();
  const racks = new Set<string>();
  let repeats = replicationFactor - new Set(nodes.map(({ rack }) => rack)).size;
  for (const node of onwards) {
    if (chosen.size === replicationFactor) break;
    if (chosen.has(node)) continue;
    if (racks.has(node.rack)) {
      if (repeats <= 0) continue;
      repeats -= 1;
    }
    racks.add(node.rack);
    chosen.add(node);
  }
  return chosen;
}
