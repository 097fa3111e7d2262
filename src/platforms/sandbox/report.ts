import { join } from 'node:path';
import type { EnvironmentConfig } from '../../model/config.ts';
import { type ConfigurationChange, configurationChanges } from './configuration-changes.ts';
import { copiesOf } from './take-down.ts';
import { marked } from '../../host/detached-process.ts';
import { type EnvironmentRecord, listRecords, readRecord } from './environment-record.ts';
import { environmentFolder } from './environment-folder.ts';
import { folders } from '../../host/folders.ts';
import { nodeClient } from './node-client.ts';
import { accepts } from '../../host/port-probe.ts';
import { residentBytes, runningProcess } from '../../host/local-process.ts';
import { graphFolders, gremlinUrl, nodeFolders, port } from './topology.ts';

/** What an environment of the sandbox is and how it does. The first five fields are machine output that others rely on. */
export interface SandboxReport {
  readonly gremlin: string;
  readonly cassandra: readonly string[];
  readonly bucket: string;
  readonly nodes: readonly NodeReport[];
  readonly environment: string;
  readonly state: 'up' | 'down' | 'partly up';
  readonly directory: string;
  readonly logs: string;
  readonly network: string;
  readonly keyspace: string;
  readonly datacenter: string;
  readonly graph: { readonly pid: number | null; readonly log: string; readonly index: string };
  readonly memoryBytes: number;
  readonly copies: readonly string[];
}

interface NodeReport {
  readonly name: string;
  readonly host: string;
  /** Null while the node does not answer. */
  readonly hostId: string | null;
  readonly dataDir: string;
  readonly pid: number | null;
  readonly rack: string;
  readonly agent: string;
  readonly agentPid: number | null;
  readonly nodetool: string;
  readonly log: string;
}

/** Undefined when there is no such environment. Changes nothing. */
export async function report(name: string): Promise<SandboxReport | undefined> {
  const directory = environmentFolder(folders().home, name);
  const record = readRecord(directory);
  if (record === undefined) return undefined;
  const nodes = await Promise.all(record.nodes.map((node) => nodeReport(directory, record, node)));
  const graphPid = runningProcess(graphFolders(directory).pidFile)?.pid ?? null;
  const pids = [graphPid, ...nodes.flatMap((node) => [node.pid, node.agentPid])];
  const running = pids.filter((pid) => pid !== null).length;
  return {
    gremlin: gremlinUrl(record),
    cassandra: record.nodes.map((node) => `${node.address}:${port.cql}`),
    bucket: record.store.kind === 'directory' ? record.store.path : `s3://${record.store.bucket}`,
    nodes,
    environment: record.name,
    state: running === pids.length ? 'up' : running === 0 ? 'down' : 'partly up',
    directory,
    logs: join(directory, 'logs'),
    network: `${record.network}.0/24`,
    keyspace: record.graph.keyspace,
    datacenter: record.datacenter,
    graph: { pid: graphPid, log: graphFolders(directory).log, index: graphFolders(directory).index },
    memoryBytes: marked(directory).reduce((sum, { pid }) => sum + residentBytes(pid), 0),
    copies: copiesOf(directory),
  };
}

/** In what the configuration differs from the environment as it was made. Empty when there is no such environment. Reads one small file. */
export function changesSince(name: string, config: EnvironmentConfig): readonly ConfigurationChange[] {
  const directory = environmentFolder(folders().home, name);
  const record = readRecord(directory);
  return record === undefined ? [] : configurationChanges(record, config, directory);
}

/** Names of all environments in this home. */
export function environments(): readonly string[] {
  return listRecords(folders().home);
}

async function nodeReport(
  directory: string,
  record: EnvironmentRecord,
  node: EnvironmentRecord['nodes'][number],
): Promise<NodeReport> {
  const place = nodeFolders(directory, node.name);
  const pid = runningProcess(place.pidFile)?.pid ?? null;
  return {
    name: node.name,
    host: node.address,
    hostId: pid === null ? null : await hostId(node.address, record.datacenter),
    dataDir: place.data,
    pid,
    rack: node.rack,
    agent: `http://${node.address}:${port.agent}`,
    agentPid: runningProcess(place.agentPidFile)?.pid ?? null,
    nodetool: place.nodetool,
    log: join(place.logs, 'cassandra.log'),
  };
}

async function hostId(address: string, datacenter: string): Promise<string | null> {
  if (!(await accepts(address, port.cql))) return null;
  const client = await nodeClient(address, datacenter);
  try {
    const answer = await client.execute('SELECT host_id FROM system.local');
    return String(answer.first()['host_id']);
  } catch {
    // Not ready to answer is reported as not known.
    return null;
  } finally {
    await client.shutdown();
  }
}
