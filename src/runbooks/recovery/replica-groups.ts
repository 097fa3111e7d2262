import type { ReplicaGroup } from '../../commitlog/window.ts';
import { type Replication, replicaRings } from '../../model/held-ranges.ts';

/** A node of the ring as a restore point records it, with the stream that is its own. */
export interface GroupNode {
  readonly hostId: string;
  readonly datacenter: string;
  readonly rack: string;
  readonly tokens: readonly string[];
}

/**
 * For each token range and each datacenter with replicas of it: which logs hold it, and how many of them are enough. A
 * write that a quorum acknowledged misses fewer replicas than that. Equal groups are listed once.
 */
export function replicaGroups(nodes: readonly GroupNode[], replication: Replication): readonly ReplicaGroup[] {
  const groups = new Map<string, ReplicaGroup>();
  for (const { replicas: asked, ranges } of replicaRings(nodes, replication)) {
    // A quorum counts the replicas that the keyspace asks for, even if there are fewer nodes.
    const acknowledged = Math.floor(asked / 2) + 1;
    for (const { replicas } of ranges) {
      const streams = [...replicas].map(({ hostId }) => hostId).sort();
      groups.set(streams.join(' '), { streams, enough: Math.max(1, streams.length - acknowledged + 1) });
    }
  }
  return [...groups.values()];
}

/** As JanusGraph makes its keyspace: in each datacenter as many replicas as the point says. */
export function usualReplication({
  nodes,
  replicationFactor,
}: {
  readonly nodes: ReadonlyArray<Pick<GroupNode, 'datacenter'>>;
  readonly replicationFactor: number;
}): Replication {
  const datacenters = new Set(nodes.map(({ datacenter }) => datacenter));
  return {
    class: 'NetworkTopologyStrategy',
    ...Object.fromEntries([...datacenters].map((datacenter) => [datacenter, String(replicationFactor)])),
  };
}
