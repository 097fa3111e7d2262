import cassandra from 'cassandra-driver';
import { port } from '../../../src/platforms/sandbox/topology.ts';
import type { Database } from '../../../src/ports/database.ts';

/**
 * What one replica answers alone: that node coordinates, and its own copy is enough (ONE). On a ring where every node holds every row.
 * `scans` tells how often the node read ranges of the table from its own disk, so that a test sees that it was this node that answered.
 */
export function oneReplica(address: string, localDataCenter: string) {
  const { DCAwareRoundRobinPolicy, AllowListPolicy } = cassandra.policies.loadBalancing;
  const contactPoint = `${address}:${port.cql}`;
  const client = new cassandra.Client({
    contactPoints: [contactPoint],
    localDataCenter,
    policies: { loadBalancing: new AllowListPolicy(new DCAwareRoundRobinPolicy(localDataCenter), [contactPoint]) },
    queryOptions: { consistency: cassandra.types.consistencies.one, prepare: true },
    encoding: { useBigIntAsLong: true },
  });
  const page = async (query: string, params: readonly unknown[], fetchSize: number, pageState?: string) =>
    client.execute(query, [...params], { fetchSize, ...(pageState === undefined ? {} : { pageState }) });
  const rows: Database['rows'] = async function* (query, params = [], { fetchSize = 2000 } = {}) {
    let state: string | undefined;
    do {
      const answer = await page(query, params, fetchSize, state);
      for (const row of answer.rows) yield { ...row };
      state = typeof answer.pageState === 'string' ? answer.pageState : undefined;
    } while (state !== undefined);
  };
  const notAsked = () => Promise.reject(new TypeError('a replica is not asked about its ring'));
  const database: Database = {
    rows,
    execute: async (query, params) => Array.fromAsync(rows(query, params)),
    ring: notAsked,
    ringSeenBy: notAsked,
    close: async () => client.shutdown(),
  };
  return {
    database,
    async scans(keyspace: string, table: string): Promise<number> {
      const [row] = await database.execute(
        'SELECT count FROM system_views.local_scan_latency WHERE keyspace_name = ? AND table_name = ?',
        [keyspace, table],
      );
      return Number(row?.['count']);
    },
  };
}
