import type { ReplicaGroup } from '../../commitlog/window.ts';
import { rangesOfRing } from '../../model/held-ranges.ts';

/** A node of the ring as a restore point records it, with the stream that is its own. */
export interface GroupNode {
  readonly hostId: string;
  readonly datacenter: string;
  readonly rack: string;
  readonly tokens: readonly string[];
}

/** Class and options as system_schema.keyspaces gives them. */
export type Replication = Readonly<Record<string, string>>;

/**
 * For each token range and each datacenter with replicas of it: which logs hold it, and how many of them are enough. A
 * write that a quorum acknowledged misses fewer replicas than that. Equal groups are listed once.
 */
export function replicaGroups(nodes: readonly GroupNode[], replication: Replication): readonly ReplicaGroup[] {
  const groups = new Map<string, ReplicaGroup>();
  for (const ring of ringsOf(nodes, replication)) {
    const count = Math.min(ring.replicas, ring.nodes.length);
    // A quorum counts the replicas that the keyspace asks for, even if there are fewer nodes.
    const acknowledged = Math.floor(ring.replicas / 2) + 1;
    const enough = Math.max(1, count - acknowledged + 1);
    for (const chosen of replicaSetsOf(ring.nodes, count)) {
      const streams = chosen.map(({ hostId }) => hostId).sort();
      groups.set(streams.join(' '), { streams, enough });
    }
  }
  return [...groups.values()];
}

interface Ring {
  readonly nodes: readonly GroupNode[];
  readonly replicas: number;
}

/** NetworkTopologyStrategy places each datacenter's replicas by themselves; SimpleStrategy knows neither datacenters nor racks. */
function ringsOf(nodes: readonly GroupNode[], replication: Replication): readonly Ring[] {
  const { class: strategy = '', ...options } = replication;
  if (strategy.endsWith('SimpleStrategy')) {
    const flat = nodes.map((node) => ({ ...node, rack: '' }));
    return [{ nodes: flat, replicas: replicaCount(options['replication_factor']) }];
  }
  if (strategy.endsWith('EverywhereStrategy')) return [{ nodes, replicas: nodes.length }];
  return Object.entries(options)
    .map(([datacenter, text]) => ({
      nodes: nodes.filter((node) => node.datacenter === datacenter),
      replicas: replicaCount(text),
    }))
    .filter(({ nodes, replicas }) => nodes.length > 0 && replicas > 0);
}

/** `3`, or `3/1` with transient replicas, which keep no log of their own for long. */
function replicaCount(text: string | undefined): number {
  return Number.parseInt(text ?? '1', 10);
}

function replicaSetsOf(nodes: readonly GroupNode[], count: number): ReadonlyArray<readonly GroupNode[]> {
  return count >= nodes.length ? [nodes] : rangesOfRing(nodes, count).map(({ replicas }) => [...replicas]);
}
