import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cassandraFiles, cassandraYaml } from './cassandra-settings.ts';
import type { EnvironmentRecord } from './environment-record.ts';
import { janusgraphProperties } from './janusgraph-settings.ts';
import { writeFiles } from './local-environment.ts';
import type { Toolchain } from '../../toolchain/toolchain.ts';
import { graphAddress, graphFolders, newRing, nodeFolders } from './topology.ts';

const record: EnvironmentRecord = {
  name: 'local',
  createdAt: '2026-02-19T02:00:00.000Z',
  network: '127.70.1',
  cluster: 'hcd-local',
  datacenter: 'hcd-paris',
  heapMb: 384,
  nodes: newRing('local', '127.70.1', ['rack1'], 2),
  graph: { address: graphAddress('127.70.1'), keyspace: 'banking', index: 'search', replicationFactor: 2 },
  store: { kind: 'directory', path: '/bucket' },
  ownStoreServer: false,
  bandwidth: 0,
};

function toolchain(java: string): Toolchain {
  const archives = { cassandra: undefined, janusgraph: undefined, nodetool: undefined };
  const servers = { cassandra: ['/lib/a.jar', '/lib/b.jar'], janusgraph: ['/lib/j.jar'] };
  return { java, ...servers, medusa: '/medusa', archiveFolder: '/archives', archives };
}

test("a node's cassandra.yaml names its own address and tokens, every node as seed, and folders that begin empty", () => {
  const [node] = record.nodes;
  if (node === undefined) throw new TypeError('the ring has no node');
  const yaml = cassandraYaml(record, node, nodeFolders('/home/env "quoted"', node.name));
  expect(yaml).toContain('listen_address: "127.70.1.1"\nrpc_address: "127.70.1.1"');
  expect(yaml).toContain('num_tokens: 4\n');
  expect(yaml).toContain('initial_token: "-9223372036854775808,-4611686018427387904,0,4611686018427387904"\n');
  expect(yaml).toContain('- seeds: "127.70.1.1:7000,127.70.1.2:7000"');
  expect(yaml).toContain('auto_bootstrap: false');
  expect(yaml).toContain('commitlog_sync: periodic');
  expect(yaml).toContain('storage_compatibility_mode: NONE');
  expect(yaml).toContain('commitlog_directory: "/home/env \\"quoted\\"/nodes/local-rack1-sts-0/commitlog"');
});

test('JanusGraph is given every node, quorum reads and writes, assigned microsecond times and an index folder of its own', () => {
  const properties = janusgraphProperties(record, graphFolders('/env')).split('\n');
  for (const line of [
    'storage.hostname=127.70.1.1',
    'storage.hostname=127.70.1.2',
    'storage.cql.keyspace=banking',
    'storage.cql.local-datacenter=hcd-paris',
    'storage.cql.replication-strategy-options=2',
    'storage.cql.read-consistency-level=QUORUM',
    'storage.cql.write-consistency-level=QUORUM',
    'graph.assign-timestamp=true',
    'graph.timestamps=MICRO',
    'index.search.backend=lucene',
    'index.search.directory=/env/graph/index',
  ]) {
    expect(properties).toContain(line);
  }
});

test('nodetool hands -D options to the JVM, and adds its own host and port only where none is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cardea-nodetool-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [node] = record.nodes;
  if (node === undefined) throw new TypeError('the ring has no node');
  const folders = nodeFolders(folder, node.name);
  mkdirSync(folders.root, { recursive: true });
  writeFiles(cassandraFiles({ record, node, folders, toolchain: toolchain('/bin/echo') }));
  const run = (...args: string[]) => execFileSync(folders.nodetool, args, { encoding: 'utf8' }).trim();
  const options = `@${folders.conf}/nodetool.options org.apache.cassandra.tools.NodeTool`;
  expect(run('snapshot', '-t', 'a b')).toBe(`${options} -h 127.70.1.1 -p 7199 snapshot -t a b`);
  expect(run('-Dcom.sun.jndi.rmiURLParsing=legacy', '-h', '127.70.1.1', 'status')).toBe(
    `-Dcom.sun.jndi.rmiURLParsing=legacy ${options} -h 127.70.1.1 status`,
  );
});
