import cassandra from 'cassandra-driver';
import { port } from '../../../src/platforms/sandbox/topology.ts';
import type { Database } from '../../../src/ports/database.ts';

/** Which nodes are coordinators, and how many replicas answer a read. */
export interface Asked {
  readonly addresses: readonly string[];
  readonly localDataCenter: string;
  readonly consistency: 'one' | 'all';
  /** Told of every page that arrived. */
  readonly page?: (query: string) => void;
}

/** A sandbox's database read at a consistency that Cardea itself has no use for; a question about its ring is refused. */
export function openAtConsistency({ addresses, localDataCenter, consistency, page }: Asked): Database {
  const contactPoints = addresses.map((address) => `${address}:${port.cql}`);
  const { DCAwareRoundRobinPolicy, AllowListPolicy } = cassandra.policies.loadBalancing;
  const client = new cassandra.Client({
    contactPoints,
    localDataCenter,
    policies: { loadBalancing: new AllowListPolicy(new DCAwareRoundRobinPolicy(localDataCenter), contactPoints) },
    queryOptions: { consistency: cassandra.types.consistencies[consistency], prepare: true },
    encoding: { useBigIntAsLong: true },
  });
  const rows: Database['rows'] = async function* (query, params = [], { fetchSize = 2000 } = {}) {
    let pageState: string | undefined;
    do {
      const from = pageState === undefined ? {} : { pageState };
      const answer = await client.execute(query, [...params], { fetchSize, ...from });
      page?.(query);
      for (const row of answer.rows) yield { ...row };
      pageState = typeof answer.pageState === 'string' ? answer.pageState : undefined;
    } while (pageState !== undefined);
  };
  const notAsked = () => Promise.reject(new TypeError('this database is not asked about its ring'));
  return {
    rows,
    execute: async (query, params) => Array.fromAsync(rows(query, params)),
    ring: notAsked,
    ringSeenBy: notAsked,
    close: () => client.shutdown(),
  };
}
