import type { Client } from 'cassandra-driver';

/** A client of one node with a table of its own, `<keyspace>.rows (key bigint, column1 bigint, value blob)`, shaped like the graph's and with one replica. */
export async function openLogTable(address: string, port: number, keyspace: string): Promise<Client> {
  const { default: driver } = await import('cassandra-driver');
  const client = new driver.Client({
    contactPoints: [`${address}:${port}`],
    policies: { loadBalancing: new driver.policies.loadBalancing.RoundRobinPolicy() },
    isMetadataSyncEnabled: false,
    socketOptions: { readTimeout: 30_000 },
  });
  await client.connect();
  await client.execute(
    `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  );
  await client.execute(
    `CREATE TABLE IF NOT EXISTS ${keyspace}.rows (key bigint, column1 bigint, value blob, PRIMARY KEY (key, column1))`,
  );
  return client;
}
