import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../test/support/example-point.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { type Replication, replicaRings } from '../../model/held-ranges.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { logSchemaDocument } from '../../model/log-schema.ts';
import { timelineId } from '../../model/identifiers.ts';
import type { Platform } from '../../ports/platform.ts';
import { logsOfNodes } from './node-logs.ts';
import { replicaGroups } from './replica-groups.ts';

/* Which nodes get a mutation of the log at a restore: every one that holds a replica of its row, or a quorum may not see what was acknowledged. */

const racks = ['r1', 'r1', 'r1', 'r2', 'r3'];
const names = racks.map((_, at) => `n${at}`);
const point = pointTakenAt(new Date('2026-02-19T02:00:00Z'), {
  replicationFactor: 3,
  nodes: names.map((node, at) => ({
    node,
    hostId: `6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f0${at}`,
    datacenter: 'dc1',
    rack: racks[at] ?? '',
    tokens: [String((BigInt(at) * 2n ** 64n) / 5n - 2n ** 63n)],
    bytes: 1,
    files: 1,
    newBytes: 0,
    inventory: 'inventories/x',
  })),
});

const network = { class: 'org.apache.cassandra.locator.NetworkTopologyStrategy', dc1: '3' };

/** What `logsOfNodes` gives each node where the log holds keyspaces that are replicated so. */
async function rangesFor(...replications: readonly Replication[]) {
  const bucket = new MemoryStore();
  const at = '2026-02-19T02:00:00.000000Z';
  const key = 'log/t0001/schema/x.json';
  const keyspaces = replications.map((replication, number) => ({
    keyspace: number === 0 ? point.keyspace : `other${number}`,
    durableWrites: true,
    replication,
  }));
  const schema = { timeline: timelineId.parse('t0001'), at, schemaVersion: 'v', tables: [], keyspaces, cql: '' };
  bucket.set(key, logSchemaDocument.write(schema));
  const platform = { bucket, nodes: names.map((name) => ({ name })) } as unknown as Platform;
  const plan = { strands: [{ schemas: [key], streams: [] }] } as unknown as Pick<LogPlan, 'strands'>;
  return logsOfNodes(platform, point, plan);
}

/** Ranges of which a node that holds a replica gets no log, one line each. */
async function leftOut(...replications: readonly Replication[]): Promise<readonly string[]> {
  const logsOf = await rangesFor(...replications);
  const rings = replications.flatMap((replication) => replicaRings(point.nodes, replication));
  return rings
    .flatMap((ring) => ring.ranges)
    .flatMap(({ range, replicas }) =>
      [...replicas].flatMap(({ node }) => {
        const { ranges } = logsOf(node);
        const gets = ranges === undefined || ranges.some((each) => each.join() === range.join());
        return gets ? [] : [`${node} gets nothing of the range that ends at ${range[1]}`];
      }),
    );
}

test('a keyspace of SimpleStrategy on a ring with racks: every replica of a row gets its log', async () => {
  // JanusGraph's default; it knows no racks.
  const simple = { class: 'org.apache.cassandra.locator.SimpleStrategy', replication_factor: '3' };
  // The window knows how it is placed.
  expect(replicaGroups(point.nodes, simple)).toHaveLength(5);
  expect(await leftOut(simple)).toEqual([]);
  expect(await leftOut(network, simple)).toEqual([]);
});

test('a keyspace that is on every node: every node gets all of the log', async () => {
  const logsOf = await rangesFor({ class: 'org.apache.cassandra.locator.EverywhereStrategy' });
  expect(names.map((name) => logsOf(name).ranges)).toEqual(names.map(() => undefined));
});

test('a keyspace of NetworkTopologyStrategy: every replica of a row gets its log, and no other node', async () => {
  expect(await leftOut(network)).toEqual([]);
  const logsOf = await rangesFor(network);
  const counts = names.map((name) => logsOf(name).ranges?.length ?? 5);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(15);
});

test('a graph whose keyspace no schema tells is placed as JanusGraph makes it', async () => {
  const logsOf = await logsOfNodes(
    { bucket: new MemoryStore(), nodes: names.map((name) => ({ name })) } as unknown as Platform,
    point,
    { strands: [] },
  );
  const wanted = await rangesFor(network);
  for (const name of names) expect(logsOf(name).ranges).toEqual(wanted(name).ranges);
});
