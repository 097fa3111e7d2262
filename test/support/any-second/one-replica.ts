import { openAtConsistency } from './consistency.ts';
import { readStoredGraph, type StoredGraph } from './stored-graph.ts';

/**
 * The graph as one replica has it: that node coordinates and its own copy is enough (ONE). On a ring where every node holds every row. A node
 * may still ask another one, if that answers quicker; so the scans that it made itself are counted, and it is asked again until all were its own.
 */
export async function graphOfReplica(address: string, localDataCenter: string, keyspace: string): Promise<StoredGraph> {
  const asked = new Map<string, number>();
  const page = (query: string) => {
    const scanned = /token\(key\) > .*/.test(query) ? /\.(\w+) WHERE/.exec(query)?.[1] : undefined;
    if (scanned !== undefined) asked.set(scanned, (asked.get(scanned) ?? 0) + 1);
  };
  const database = openAtConsistency({ addresses: [address], localDataCenter, consistency: 'one', page });
  const scansOf = async (table: string): Promise<number> => {
    const query = 'SELECT count FROM system_views.local_scan_latency WHERE keyspace_name = ? AND table_name = ?';
    const [row] = await database.execute(query, [keyspace, table]);
    return Number(row?.['count']);
  };
  try {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      asked.clear();
      const before = [await scansOf('edgestore'), await scansOf('graphindex')];
      const graph = await readStoredGraph(database, keyspace);
      const made = [(await scansOf('edgestore')) - (before[0] ?? 0), (await scansOf('graphindex')) - (before[1] ?? 0)];
      const wanted = [asked.get('edgestore') ?? 0, asked.get('graphindex') ?? 0];
      if (wanted.every((count, at) => count > 0 && (made[at] ?? 0) >= count)) return graph;
    }
  } finally {
    await database.close();
  }
  throw new TypeError(`${address} did not answer alone, ten times`);
}
