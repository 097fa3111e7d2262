import { FailedProblem } from '../../model/problem.ts';
import { waitFor } from '../../host/wait-for.ts';
import type { EnvironmentRecord } from './environment-record.ts';
import { nodeClient } from './node-client.ts';
import { ringProblem } from './ring-readiness.ts';

/** JanusGraph's tables, in the shape JanusGraph 1.1 gives them: all alike. */
const tables = [
  'edgestore',
  'edgestore_lock_',
  'graphindex',
  'graphindex_lock_',
  'janusgraph_ids',
  'system_properties',
  'system_properties_lock_',
  'systemlog',
  'txlog',
];

/**
 * Makes the graph's keyspace and tables through one node when they are not there. JanusGraph would make them itself, but its driver asks
 * one node whether the ring agrees on a table that another node just made, and then fails on the third: "table txlog does not exist".
 * Idempotent, also after a kill half way.
 */
export async function ensureGraphTables(record: EnvironmentRecord, signal: AbortSignal): Promise<void> {
  const [first] = record.nodes;
  if (first === undefined) return;
  const { keyspace, replicationFactor } = record.graph;
  const client = await nodeClient(first.address, record.datacenter);
  try {
    const there = await client.execute(
      'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
      [keyspace],
      {
        prepare: true,
      },
    );
    const known = new Set(there.rows.map((row) => String(row['table_name'])));
    const missing = tables.filter((table) => !known.has(table));
    if (missing.length === 0) return;
    // Names of the configuration are checked to be plain lower-case identifiers; the datacenter's name is quoted as a string.
    await client.execute(
      `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', '${record.datacenter.replaceAll("'", "''")}': ${replicationFactor}}`,
    );
    for (const table of missing) {
      await client.execute(
        `CREATE TABLE IF NOT EXISTS ${keyspace}.${table} (key blob, column1 blob, value blob, PRIMARY KEY (key, column1)) ` +
          `WITH compression = {'class': 'org.apache.cassandra.io.compress.LZ4Compressor', 'chunk_length_in_kb': 64}`,
      );
    }
  } finally {
    await client.shutdown();
  }
  const agreed = await waitFor(async () => ((await ringProblem(record)) === undefined ? true : undefined), {
    withinMs: 60_000,
    everyMs: 100,
    signal,
  });
  if (agreed) return;
  throw new FailedProblem({
    code: 'no-schema-agreement',
    happened: `The nodes of ${record.name} did not agree on the graph's tables within 60 s.`,
    state: 'The tables were created on at least one node; nothing else was changed.',
    next: `Run the command again. If it fails again, restart the environment: cardea sandbox down ${record.name} --keep-data, then cardea sandbox up ${record.name}.`,
  });
}
