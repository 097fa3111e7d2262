import type { Client } from 'cassandra-driver';
import { RetryableProblem } from '../../model/problem.ts';
import type { SchemaTable } from '../../ports/node-database.ts';

const timeoutMs = 10_000;

/**
 * Every table and materialized view in this one node's schema, over a session for this request only. Throws
 * RetryableProblem `database-unreachable`.
 */
export async function schemaTables(address: string, port: number): Promise<readonly SchemaTable[]> {
  const client = await sessionWith(`${address}:${port}`);
  try {
    await client.connect();
    const [tables, views] = await Promise.all([
      client.execute('SELECT keyspace_name, table_name AS name, id FROM system_schema.tables', [], { fetchSize: 0 }),
      client.execute('SELECT keyspace_name, view_name AS name, id FROM system_schema.views', [], { fetchSize: 0 }),
    ]);
    return [...tables.rows, ...views.rows].map((row) => ({
      keyspace: String(row.keyspace_name),
      table: String(row.name),
      folder: `${String(row.name)}-${String(row.id).replaceAll('-', '')}`,
    }));
  } catch (cause) {
    throw new RetryableProblem({
      code: 'database-unreachable',
      happened: `The schema of Cassandra at ${address}:${port} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      state: 'Nothing was changed.',
      next: 'Check that the node is up (`nodetool status`), then try again.',
      cause,
    });
  } finally {
    await client.shutdown();
  }
}

async function sessionWith(endpoint: string): Promise<Client> {
  const { default: driver } = await import('cassandra-driver');
  const { AllowListPolicy, RoundRobinPolicy } = driver.policies.loadBalancing;
  return new driver.Client({
    contactPoints: [endpoint],
    policies: { loadBalancing: new AllowListPolicy(new RoundRobinPolicy(), [endpoint]) },
    pooling: { coreConnectionsPerHost: { 0: 1 } },
    socketOptions: { connectTimeout: timeoutMs, readTimeout: timeoutMs },
  });
}
