import { join } from 'node:path';
import type { DatabaseNode } from '../../model/database-node.ts';
import type { EnvironmentRecord, NodeRecord } from './environment-record.ts';

/** Standard ports: every environment has addresses to itself. */
export const port = { storage: 7000, jmx: 7199, agent: 7400, cql: 9042, gremlin: 8182, s3: 7070 } as const;

const tokensPerNode = 4;

/**
 * The nodes of a new ring: spread over the racks in turn, named as cass-operator names its pods, with tokens that cut the ring into equal
 * parts in turn. With every token known beforehand no node has to ask another one, so that all start together.
 */
export function newRing(environment: string, network: string, racks: readonly string[], size: number): NodeRecord[] {
  const perRack = new Map<string, number>();
  return racksInTurn(racks, size).map((rack, index) => {
    const ordinal = perRack.get(rack) ?? 0;
    perRack.set(rack, ordinal + 1);
    return {
      name: `${environment}-${rack}-sts-${ordinal}`,
      rack,
      address: nodeAddress(network, index),
      tokens: evenTokens(index, size),
    };
  });
}

/** The rack of each of `size` nodes. */
export function racksInTurn(racks: readonly string[], size: number): readonly string[] {
  return Array.from({ length: size }, (_, index) => racks[index % racks.length] ?? 'rack1');
}

export function nodeAddress(network: string, index: number): string {
  return `${network}.${index + 1}`;
}

/** Above every node's address. */
export function graphAddress(network: string): string {
  return `${network}.201`;
}

export function storeAddress(network: string): string {
  return `${network}.202`;
}

/** Tokens of node `index` of `size`, in ring order. */
function evenTokens(index: number, size: number): string[] {
  const total = BigInt(size * tokensPerNode);
  return Array.from({ length: tokensPerNode }, (_, turn) =>
    (-(2n ** 63n) + (BigInt(turn * size + index) * 2n ** 64n) / total).toString(),
  );
}

/** Folders and files of one node. Everything that a restore moves aside lies on one file system with the data. */
export interface NodeFolders {
  readonly root: string;
  readonly data: string;
  readonly commitlog: string;
  readonly hints: string;
  readonly savedCaches: string;
  readonly aside: string;
  /** The agent's links to segments of the commit log. */
  readonly keptLog: string;
  readonly conf: string;
  readonly bin: string;
  readonly nodetool: string;
  readonly pidFile: string;
  /** Held by Cassandra while it runs, and by the agent while it moves files. */
  readonly lockFile: string;
  readonly logs: string;
  readonly agent: string;
  readonly agentConfig: string;
  readonly agentPidFile: string;
  readonly agentLog: string;
}

export function nodeFolders(environment: string, node: string): NodeFolders {
  const root = join(environment, 'nodes', node);
  return {
    root,
    data: join(root, 'data'),
    commitlog: join(root, 'commitlog'),
    hints: join(root, 'hints'),
    savedCaches: join(root, 'saved_caches'),
    aside: join(root, 'aside'),
    keptLog: join(root, 'kept_log'),
    conf: join(root, 'conf'),
    bin: join(root, 'bin'),
    nodetool: join(root, 'bin', 'nodetool'),
    pidFile: join(root, 'cassandra.pid'),
    lockFile: join(root, 'cassandra.lock'),
    logs: join(environment, 'logs', node),
    agent: join(root, 'agent'),
    agentConfig: join(root, 'conf', 'agent.json'),
    agentPidFile: join(root, 'agent.pid'),
    agentLog: join(environment, 'logs', node, 'agent.log'),
  };
}

export interface GraphFolders {
  readonly conf: string;
  readonly index: string;
  /** What restores moved aside, a folder per run. */
  readonly aside: string;
  readonly pidFile: string;
  readonly log: string;
}

export function graphFolders(environment: string): GraphFolders {
  const root = join(environment, 'graph');
  return {
    conf: join(root, 'conf'),
    index: join(root, 'index'),
    aside: join(root, 'aside'),
    pidFile: join(root, 'janusgraph.pid'),
    log: join(environment, 'logs', 'janusgraph.log'),
  };
}

export function tokenFile(environment: string): string {
  return join(environment, 'secrets', 'agent-token');
}

export function gremlinUrl(record: EnvironmentRecord): string {
  return `ws://${record.graph.address}:${port.gremlin}/gremlin`;
}

export function databaseNodes(record: EnvironmentRecord): DatabaseNode[] {
  return record.nodes.map((node) => ({
    name: node.name,
    datacenter: record.datacenter,
    rack: node.rack,
    address: node.address,
    cqlPort: port.cql,
    agent: `http://${node.address}:${port.agent}`,
  }));
}
