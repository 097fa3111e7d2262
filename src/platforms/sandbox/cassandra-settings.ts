import { join } from 'node:path';
import type { EnvironmentRecord, NodeRecord } from './environment-record.ts';
import { argumentFile, classArchive, moduleAccess, smallJvm } from '../../toolchain/java-options.ts';
import type { Toolchain } from '../../toolchain/toolchain.ts';
import { rollingAppender, toolsLogback } from '../../toolchain/logback.ts';
import { type NodeFolders, port } from './topology.ts';

export interface NodeSettings {
  readonly record: EnvironmentRecord;
  readonly node: NodeRecord;
  readonly folders: NodeFolders;
  readonly toolchain: Toolchain;
  /** Path of a class archive that the node is to make; it uses the toolchain's without. */
  readonly archive?: { readonly make?: string | undefined } | undefined;
}

/** Every file that a Cassandra node reads before it starts, by path. Pure. */
export function cassandraFiles({
  record,
  node,
  folders,
  toolchain,
  archive = {},
}: NodeSettings): ReadonlyMap<string, { readonly content: string; readonly mode: number }> {
  const text = (content: string, mode = 0o644) => ({ content, mode });
  return new Map([
    [join(folders.conf, 'cassandra.yaml'), text(cassandraYaml(record, node, folders))],
    [
      join(folders.conf, 'cassandra-rackdc.properties'),
      text(`dc=${record.datacenter}\nrack=${node.rack}\nprefer_local=false\n`),
    ],
    [join(folders.conf, 'logback.xml'), text(logback)],
    [join(folders.conf, 'logback-tools.xml'), text(toolsLogback)],
    [
      join(folders.conf, 'cassandra-jvm.options'),
      text(argumentFile(serverOptions({ record, node, folders, toolchain, archive }))),
    ],
    [join(folders.conf, 'nodetool.options'), text(argumentFile(nodetoolOptions(folders, toolchain)))],
    [folders.nodetool, text(nodetoolScript(node, folders, toolchain), 0o755)],
  ]);
}

/** JSON strings are YAML strings, so that no value of ours can change the document's structure. */
export function cassandraYaml(record: EnvironmentRecord, node: NodeRecord, folders: NodeFolders): string {
  const q = (value: string) => JSON.stringify(value);
  return `cluster_name: ${q(record.cluster)}
num_tokens: ${node.tokens.length}
initial_token: ${q(node.tokens.join(','))}
# A new ring has nothing to stream, and a copy brings its files: every node may start at once.
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: GossipingPropertyFileSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: ${q(record.nodes.map((each) => `${each.address}:${port.storage}`).join(','))}
listen_address: ${q(node.address)}
rpc_address: ${q(node.address)}
storage_port: ${port.storage}
native_transport_port: ${port.cql}
data_file_directories:
  - ${q(folders.data)}
commitlog_directory: ${q(folders.commitlog)}
hints_directory: ${q(folders.hints)}
saved_caches_directory: ${q(folders.savedCaches)}
cdc_raw_directory: ${q(join(folders.root, 'cdc_raw'))}
commitlog_sync: periodic
commitlog_sync_period: 10000ms
commitlog_total_space: 512MiB
storage_compatibility_mode: NONE
# File names are never used twice, so a differential backup after a restore still finds what the store holds.
uuid_sstable_identifiers_enabled: true
memtable_allocation_type: heap_buffers
concurrent_reads: 8
concurrent_writes: 16
concurrent_compactors: 1
# A small machine under load must answer late rather than fail.
read_request_timeout: 15000ms
range_request_timeout: 30000ms
write_request_timeout: 15000ms
request_timeout: 30000ms
phi_convict_threshold: 12
`;
}

function serverOptions({ record, node, folders, toolchain, archive = {} }: NodeSettings): string[] {
  const replicas = Math.min(3, record.nodes.length);
  return [
    ...moduleAccess,
    // Cassandra locks into memory what the JVM has at that moment: a heap that begins small stays small until it is needed.
    ...smallJvm({ initial: Math.min(128, record.heapMb), maximum: record.heapMb }),
    ...classArchive(archive.make === undefined ? { use: toolchain.archives.cassandra } : archive),
    `-Dcassandra.config=file://${folders.conf}/cassandra.yaml`,
    `-Dcassandra-rackdc.properties=file://${folders.conf}/cassandra-rackdc.properties`,
    `-Dcassandra.triggers_dir=${folders.conf}`,
    // Native libraries are unpacked there; the machine's own temporary folder would keep one of each killed node for ever.
    `-Djava.io.tmpdir=${folders.root}`,
    `-Dcassandra.storagedir=${folders.root}`,
    `-Dcassandra.logdir=${folders.logs}`,
    `-Dlogback.configurationFile=${folders.conf}/logback.xml`,
    '-Dcassandra-foreground=yes',
    // Nobody joins by streaming, so nothing has to be waited for.
    '-Dcassandra.ring_delay_ms=1000',
    '-Dcassandra.skip_wait_for_gossip_to_settle=0',
    // The whole ring stops together, after its clients: nobody is left to hear the announcement or to have messages on the way.
    '-Dcassandra.shutdown_announce_in_ms=0',
    '-Dcassandra.test.messagingService.nonGracefulShutdown=true',
    // Heap bytes of a row in a memtable: what Cassandra measures itself at every start, with half of the start's time, on this JVM.
    '-Dcassandra.memtable.row_overhead_size=180',
    `-Dcassandra.system_distributed.default_rf=${replicas}`,
    `-Dcassandra.system_auth.default_rf=${replicas}`,
    `-Dcassandra.system_traces.default_rf=${replicas}`,
    // The JVM's own agent, because Cassandra's binds either to 127.0.0.1, which all nodes would share, or to every address.
    // It adds a free port of its own, which lets nobody in but this machine.
    `-Dcom.sun.management.jmxremote.host=${node.address}`,
    `-Dcom.sun.management.jmxremote.port=${port.jmx}`,
    `-Dcom.sun.management.jmxremote.rmi.port=${port.jmx}`,
    '-Dcom.sun.management.jmxremote.authenticate=false',
    '-Dcom.sun.management.jmxremote.ssl=false',
    `-Djava.rmi.server.hostname=${node.address}`,
    '-cp',
    toolchain.cassandra.join(':'),
    'org.apache.cassandra.service.CassandraDaemon',
  ];
}

function nodetoolOptions(folders: NodeFolders, toolchain: Toolchain): string[] {
  return [
    ...moduleAccess,
    ...smallJvm({ initial: 16, maximum: 128 }),
    ...classArchive({ use: toolchain.archives.nodetool }),
    // nodetool keeps a history in the user's home.
    `-Duser.home=${folders.root}`,
    `-Djava.io.tmpdir=${folders.root}`,
    `-Dcassandra.storagedir=${folders.root}`,
    `-Dcassandra.config=file://${folders.conf}/cassandra.yaml`,
    `-Dlogback.configurationFile=${folders.conf}/logback-tools.xml`,
    '-cp',
    toolchain.cassandra.join(':'),
  ];
}

/** Medusa puts -D options first and names the host itself; people do neither. */
function nodetoolScript(node: NodeRecord, folders: NodeFolders, toolchain: Toolchain): string {
  return `#!/bin/sh
# nodetool of ${node.name}. Options -D… go to the JVM; host and port are this node's unless given.
set -eu
jvm=
where='-h ${node.address} -p ${port.jmx}'
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
    -D*) jvm="$jvm $argument" ;;
    -h | --host) where= ; set -- "$@" "$argument" ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec '${toolchain.java}' $jvm '@${folders.conf}/nodetool.options' org.apache.cassandra.tools.NodeTool $where "$@"
`;
}

const logback = `<configuration>
${rollingAppender({ file: '${cassandra.logdir}/cassandra.log', archive: '${cassandra.logdir}/cassandra.%i.log' })}  <root level="INFO">
    <appender-ref ref="file"/>
  </root>
</configuration>
`;
