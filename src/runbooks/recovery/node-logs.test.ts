import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../test/support/example-point.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { type Replication, replicaRings } from '../../model/held-ranges.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { type LogSchema, logSchemaDocument, logSchemaKey } from '../../model/log-schema.ts';
import { timelineId } from '../../model/identifiers.ts';
import type { Platform } from '../../ports/platform.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { getPoint } from '../catalog/point-catalog.ts';
import { makeLogPlan } from './make-log-plan.ts';
import { logsOfNodes, type NodeLogs } from './node-logs.ts';
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
  const keyspaces = replications.map((replication, number) => ({
    keyspace: number === 0 ? point.keyspace : `other${number}`,
    durableWrites: true,
    replication,
  }));
  const schema = { timeline: timelineId.parse('t0001'), at, schemaVersion: 'v', tables: [], keyspaces, cql: '' };
  const key = logSchemaKey(schema);
  bucket.set(key, logSchemaDocument.write(schema));
  const platform = { bucket, nodes: names.map((name) => ({ name })) } as unknown as Platform;
  const plan = { instant: at, strands: [{ until: at, schemas: [key], streams: [] }] } as unknown as LogPlan;
  return logsOfNodes(platform, point, plan);
}

async function leftOut(...replications: readonly Replication[]): Promise<readonly string[]> {
  return lacking(replications, await rangesFor(...replications));
}

/** Ranges of which a node that holds a replica gets no log, one line each. */
function lacking(replications: readonly Replication[], logsOf: (node: string) => NodeLogs): readonly string[] {
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
    { instant: '2026-02-19T02:00:00.000000Z', strands: [] },
  );
  const wanted = await rangesFor(network);
  for (const name of names) expect(logsOf(name).ranges).toEqual(wanted(name).ranges);
});

const replicated = (factor: string): LogSchema['keyspaces'] => [
  {
    keyspace: 'janusgraph',
    durableWrites: true,
    replication: { class: 'NetworkTopologyStrategy', 'hcd-paris': factor },
  },
];

/** Five nodes would do the same: RF 3 at the base and at the instant; somebody sets it to 1 later, which is the disaster. */
async function replicationChanged() {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.schema('t0001', 0, ['edgestore'], { keyspaces: replicated('3') });
  const place = async (covered: number, sequence: number) => {
    for (const host of hosts) {
      await bucket.ship('t0001', host, { segment: sequence, covered });
      await bucket.watermark('t0001', host, covered);
    }
  };
  for (const host of hosts) await bucket.begin('t0001', host, 0);
  await place(5, 1);
  const id = await bucket.point(1, 2, { nodeCount: 3, replicationFactor: 3, proof: 'checked', schemaVersion: 'v0' });
  await place(15, 2);
  await bucket.schema('t0001', 20, ['edgestore'], { keyspaces: replicated('1') });
  await place(40, 3);
  const { plan } = await makeLogPlan(
    {
      platform: { bucket: bucket.store, environment: 'local', keyspace: 'janusgraph' } as unknown as Platform,
      config: { backup: { log: { settleMargin: '1s' } } } as unknown as EnvironmentConfig,
      clock: { now: () => new Date(second(70) / 1000), monotonic: () => 0, sleep: async () => {} },
    },
    {
      point: id,
      run: 'restore-20260219-020300-k3f9',
      signal: new AbortController().signal,
      replay: true,
      toEnd: false,
      logs: { instant: secondText(10), timeline: timelineId.parse('t0001'), exclusions: [] },
    },
    { idsKnown: true },
  );
  const base = await getPoint(bucket.store, id);
  const platform = {
    bucket: bucket.store,
    nodes: base.nodes.map(({ node }) => ({ name: node })),
  } as unknown as Platform;
  return { plan, base, platform };
}

test('an instant of before the replication was lowered: every replica of that time gets its log', async () => {
  const { plan, base, platform } = await replicationChanged();
  const logsOf = await logsOfNodes(platform, base, plan);
  // With three replicas on three nodes each of them holds everything.
  expect(base.nodes.map(({ node }) => logsOf(node).ranges)).toEqual([undefined, undefined, undefined]);
});

test('an instant of before the keyspace was dropped: every replica gets its log, also where it was not replicated as JanusGraph makes it', async () => {
  const simple = { class: 'org.apache.cassandra.locator.SimpleStrategy', replication_factor: '3' };
  const bucket = new MemoryStore();
  const schema = (at: string, keyspaces: LogSchema['keyspaces']): string => {
    const body = { timeline: timelineId.parse('t0001'), at, schemaVersion: at, tables: [], keyspaces, cql: '' };
    bucket.set(logSchemaKey(body), logSchemaDocument.write(body));
    return logSchemaKey(body);
  };
  const before = schema('2026-02-19T01:00:00.000000Z', [
    { keyspace: point.keyspace, durableWrites: true, replication: simple },
  ]);
  const after = schema('2026-02-19T03:00:00.000000Z', []);
  const until = '2026-02-19T02:30:00.000000Z';
  const plan = { instant: until, strands: [{ until, schemas: [before, after], streams: [] }] } as unknown as LogPlan;
  const platform = { bucket, nodes: names.map((name) => ({ name })) } as unknown as Platform;
  expect(lacking([simple], await logsOfNodes(platform, point, plan))).toEqual([]);
});
