import type { EnvironmentRecord } from './environment-record.ts';
import { nodeClient } from './node-client.ts';

/**
 * Why the ring is not ready, as its nodes see it; undefined when every node sees every other node up, on one schema.
 */
export async function ringProblem(record: EnvironmentRecord): Promise<string | undefined> {
  const { default: driver } = await import('cassandra-driver');
  const all = driver.types.consistencies.all;
  const problems = await Promise.all(
    record.nodes.map(async (node) => {
      const client = await nodeClient(node.address, record.datacenter);
      try {
        const [local, peers] = await Promise.all([
          client.execute('SELECT schema_version FROM system.local'),
          client.execute('SELECT schema_version FROM system.peers_v2'),
        ]);
        const versions = [...local.rows, ...peers.rows].map((row) => String(row['schema_version']));
        if (versions.length !== record.nodes.length)
          return `${node.name} knows ${versions.length} of ${record.nodes.length} nodes`;
        if (new Set(versions).size !== 1) return `${node.name} sees more than one schema version`;
        // As many replicas as the ring has nodes, up to three: it answers at ALL only when the node sees every replica up.
        await client.execute('SELECT keyspace_name FROM system_distributed.view_build_status', [], {
          consistency: all,
        });
        return undefined;
      } catch (error) {
        return `${node.name}: ${error instanceof Error ? error.message : String(error)}`;
      } finally {
        await client.shutdown();
      }
    }),
  );
  return problems.find((problem) => problem !== undefined);
}
