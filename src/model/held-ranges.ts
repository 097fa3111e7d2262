/** A node of the ring, as restore points record it. Tokens in decimal. */
interface RingNode {
  readonly datacenter: string;
  readonly rack: string;
  readonly tokens: readonly string[];
}

/** Class and options as system_schema.keyspaces gives them. */
export type Replication = Readonly<Record<string, string>>;

/** (start, end] of the Murmur3 ring, in decimal; the one that goes over the ring's end has the greater start. */
export type HeldRange = readonly [start: string, end: string];

/** Nodes among which the replicas of a keyspace are placed by themselves. */
export interface ReplicaRing<Node> {
  /** As many as the keyspace asks for: there may be fewer nodes. */
  readonly replicas: number;
  /** Along the ring from its least token on, with the nodes that hold the range, its owner first. */
  readonly ranges: ReadonlyArray<{ readonly range: HeldRange; readonly replicas: ReadonlySet<Node> }>;
}

/**
 * Where a keyspace's replicas lie, as Cassandra places them. NetworkTopologyStrategy: in each datacenter apart, each rack first once;
 * SimpleStrategy: along the whole ring, whatever the datacenters and racks; EverywhereStrategy: on every node.
 */
export function replicaRings<Node extends RingNode>(
  nodes: readonly Node[],
  replication: Replication,
): ReadonlyArray<ReplicaRing<Node>> {
  const { class: strategy = '', ...options } = replication;
  if (strategy.endsWith('EverywhereStrategy')) return [ringOf(nodes, nodes.length, rackOf)];
  if (strategy.endsWith('SimpleStrategy')) {
    return [ringOf(nodes, replicaCount(options['replication_factor']), () => '')];
  }
  return Object.entries(options)
    .map(([datacenter, text]) => ({
      there: nodes.filter((node) => node.datacenter === datacenter),
      replicas: replicaCount(text),
    }))
    .filter(({ there, replicas }) => there.length > 0 && replicas > 0)
    .map(({ there, replicas }) => ringOf(there, replicas, rackOf));
}

/**
 * By name, the token ranges of which each node holds a replica of any of the keyspaces: all of one ring that every node has a token in, so
 * that two nodes' can be compared. Undefined when every node holds everything.
 */
export function heldRanges(
  nodes: ReadonlyArray<RingNode & { readonly node: string }>,
  replications: readonly Replication[],
): ReadonlyMap<string, readonly HeldRange[]> | undefined {
  const rings = replications.flatMap((replication) => replicaRings(nodes, replication));
  const held = new Map<string, HeldRange[]>(nodes.map(({ node }) => [node, []]));
  const all = rangesBetween(nodes.flatMap(({ tokens }) => tokens));
  // Each range of the whole ring lies within one of each datacenter's ring.
  const at = rings.map(() => 0);
  for (const range of all) {
    const end = BigInt(range[1]);
    const holders = new Set<string>();
    for (const [number, { ranges }] of rings.entries()) {
      let place = at[number] ?? 0;
      while (place < ranges.length && BigInt(ranges[place]?.range[1] ?? 0) < end) place += 1;
      at[number] = place;
      // Behind the last token of a ring its first range goes on.
      for (const { node } of (ranges[place] ?? ranges[0])?.replicas ?? []) holders.add(node);
    }
    for (const node of holders) held.get(node)?.push(range);
  }
  return [...held.values()].every((ranges) => ranges.length === all.length) ? undefined : held;
}

/** `3`, or `3/1` with transient replicas, which keep no log of their own for long. */
function replicaCount(text: string | undefined): number {
  return Number.parseInt(text ?? '1', 10);
}

function rackOf({ rack }: RingNode): string {
  return rack;
}

function ringOf<Node extends RingNode>(
  nodes: readonly Node[],
  replicas: number,
  rackIn: (node: Node) => string,
): ReplicaRing<Node> {
  const ring = nodes
    .flatMap((node) => node.tokens.map((token) => ({ node, token })))
    .sort((a, b) => compareTokens(a.token, b.token));
  const owners = ring.map(({ node }) => node);
  const ranges = rangesBetween(ring.map(({ token }) => token));
  return {
    replicas,
    ranges: ranges.map((range, at) => ({
      range,
      replicas: replicasOf([...owners.slice(at), ...owners.slice(0, at)], { nodes, replicas, rackIn }),
    })),
  };
}

function rangesBetween(tokens: readonly string[]): readonly HeldRange[] {
  const sorted = tokens.toSorted(compareTokens);
  return sorted.map((token, at) => [sorted.at(at - 1) ?? token, token]);
}

function compareTokens(a: string, b: string): number {
  return BigInt(a) < BigInt(b) ? -1 : 1;
}

/** The same ranges, none over the ring's end, ascending, and none that begins where another one ends. */
export function mergedRanges(
  ranges: readonly HeldRange[],
): ReadonlyArray<{ readonly start: bigint; readonly end: bigint }> {
  const parts = ranges
    .map(([start, end]) => ({ start: BigInt(start), end: BigInt(end) }))
    .flatMap(({ start, end }) =>
      start < end
        ? [{ start, end }]
        : [
            { start, end: greatest },
            { start: least, end },
          ],
    )
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  const merged: Array<{ readonly start: bigint; end: bigint }> = [];
  for (const { start, end } of parts) {
    const before = merged.at(-1);
    if (before === undefined || start > before.end) merged.push({ start, end });
    else if (end > before.end) before.end = end;
  }
  return merged;
}

/** Below every token, and the greatest one. */
const least = -(2n ** 63n) - 1n;
const greatest = 2n ** 63n - 1n;

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

/** The nodes that hold the range whose end `onwards` begins with: a rack comes again only when there are fewer racks than replicas. */
function replicasOf<Node>(
  onwards: readonly Node[],
  {
    nodes,
    replicas,
    rackIn,
  }: { readonly nodes: readonly Node[]; readonly replicas: number; readonly rackIn: (node: Node) => string },
): ReadonlySet<Node> {
  const chosen = new Set<Node>();
  const racks = new Set<string>();
  let repeats = replicas - new Set(nodes.map(rackIn)).size;
  for (const node of onwards) {
    if (chosen.size === replicas) break;
    if (chosen.has(node)) continue;
    const rack = rackIn(node);
    if (racks.has(rack)) {
      if (repeats <= 0) continue;
      repeats -= 1;
    }
    racks.add(rack);
    chosen.add(node);
  }
  return chosen;
}
