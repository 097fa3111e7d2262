import { z } from 'zod';

/** A row of `system_views.gossip_info`: what this node knows of another one. Columns that a node has not told are null. */
const gossipRow = z.looseObject({
  address: z.unknown().transform(String),
  dc: z.string().nullish(),
  rack: z.string().nullish(),
  host_id: z.string().nullish(),
  load: z.string().nullish(),
  schema: z.string().nullish(),
  release_version: z.string().nullish(),
  sstable_versions: z.string().nullish(),
  status: z.string().nullish(),
  status_with_port: z.string().nullish(),
  rpc_address: z.string().nullish(),
  native_address_and_port: z.string().nullish(),
});

/** As cass-operator reads it: every value is text. */
export type EndpointState = Readonly<Record<string, string>>;

const names = {
  dc: 'DC',
  rack: 'RACK',
  host_id: 'HOST_ID',
  load: 'LOAD',
  schema: 'SCHEMA',
  release_version: 'RELEASE_VERSION',
  sstable_versions: 'SSTABLE_VERSIONS',
  status: 'STATUS',
  status_with_port: 'STATUS_WITH_PORT',
  rpc_address: 'RPC_ADDRESS',
  native_address_and_port: 'NATIVE_ADDRESS_AND_PORT',
} as const;

/** Gossip as the management API tells it. `silent` has the addresses of nodes that do not answer. */
export function endpointStates(
  rows: readonly unknown[],
  { local, silent }: { readonly local: string; readonly silent: ReadonlySet<string> },
): readonly EndpointState[] {
  return rows.map((each) => {
    const row = gossipRow.parse(each);
    const told = Object.entries(names).flatMap(([column, name]) => {
      const value = row[column as keyof typeof names];
      return value === null || value === undefined ? [] : [[name, value] as const];
    });
    return {
      ...Object.fromEntries(told),
      ENDPOINT_IP: row.address,
      IS_LOCAL: String(row.address === local),
      IS_ALIVE: String(!silent.has(row.address)),
    };
  });
}

const heartbeat = z.looseObject({
  address: z.unknown().transform(String),
  generation: z.number(),
  heartbeat: z.number(),
});

/** Addresses of the nodes whose heartbeat did not go on between two looks at gossip: CQL tells of no other sign of life. */
export function silentNodes(first: readonly unknown[], now: readonly unknown[], local: string): ReadonlySet<string> {
  const beats = new Map(first.map((row) => heartbeat.parse(row)).map((each) => [each.address, each]));
  const silent = now
    .map((row) => heartbeat.parse(row))
    .filter((each) => {
      const before = beats.get(each.address);
      return each.heartbeat === before?.heartbeat && each.generation === before.generation;
    });
  return new Set(silent.map(({ address }) => address).filter((address) => address !== local));
}

/**
 * Undefined when a quorum of every row's replicas answers in the datacenter, whichever nodes hold them: else what lacks. It is on the safe
 * side: with as many racks as replicas, two nodes down in one rack cost a row one replica only.
 */
export function quorumLack(states: readonly EndpointState[], replicas: number): string | undefined {
  const local = states.find((each) => each['IS_LOCAL'] === 'true');
  const normal = states.filter(
    (each) => each['DC'] === local?.['DC'] && (each['STATUS_WITH_PORT'] ?? each['STATUS'] ?? '').startsWith('NORMAL'),
  );
  const quorum = Math.floor(replicas / 2) + 1;
  if (normal.length < quorum) return `${quorum} replicas required, but only ${normal.length} nodes in the ring`;
  const down = normal.filter((each) => each['IS_ALIVE'] === 'false');
  if (down.length <= Math.min(replicas, normal.length) - quorum) return undefined;
  return `${quorum} replicas required, but these nodes do not answer: ${down.map((each) => each['ENDPOINT_IP']).join(', ')}`;
}
