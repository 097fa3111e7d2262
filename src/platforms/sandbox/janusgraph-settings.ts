import { join } from 'node:path';
import type { EnvironmentRecord } from './environment-record.ts';
import { argumentFile, classArchive, smallJvm } from '../../toolchain/java-options.ts';
import type { Toolchain } from '../../toolchain/toolchain.ts';
import { type GraphFolders, port } from './topology.ts';

/** Every file that the JanusGraph server reads before it starts, by path. Pure. */
export function janusgraphFiles(
  record: EnvironmentRecord,
  folders: GraphFolders,
  toolchain: Toolchain,
  archive: { readonly make?: string | undefined } = {},
): ReadonlyMap<string, { readonly content: string; readonly mode: number }> {
  const text = (content: string) => ({ content, mode: 0o644 });
  return new Map([
    [join(folders.conf, 'janusgraph.properties'), text(janusgraphProperties(record, folders))],
    [join(folders.conf, 'server.yaml'), text(serverYaml(record, folders))],
    [join(folders.conf, 'start.groovy'), text('def globals = [:]\nglobals << [g: traversal().withEmbedded(graph)]\n')],
    [join(folders.conf, 'logback.xml'), text(logback)],
    [join(folders.conf, 'jvm.options'), text(argumentFile(options(folders, toolchain, archive)))],
  ]);
}

export function janusgraphProperties(record: EnvironmentRecord, folders: GraphFolders): string {
  const { graph } = record;
  const index = `index.${graph.index}`;
  // A key that is repeated is a list; a value with commas would be one name to JanusGraph's loader. A lock is only good when its write took
  // less than the wait time, 100 ms by default: on two cores that carry six JVMs it often does not. Ids are claimed block by block in each
  // partition, each time with such a wait: ten partitions, the default, would make a small graph wait for seconds.
  return `gremlin.graph=org.janusgraph.core.JanusGraphFactory
graph.assign-timestamp=true
graph.timestamps=MICRO
graph.replace-instance-if-exists=true
storage.backend=cql
${record.nodes.map((node) => `storage.hostname=${node.address}`).join('\n')}
storage.port=${port.cql}
storage.cql.keyspace=${graph.keyspace}
storage.cql.local-datacenter=${record.datacenter}
storage.cql.replication-strategy-class=NetworkTopologyStrategy
storage.cql.replication-strategy-options=${record.datacenter}
storage.cql.replication-strategy-options=${graph.replicationFactor}
storage.cql.read-consistency-level=QUORUM
storage.cql.write-consistency-level=QUORUM
storage.cql.request-timeout=20000
storage.page-size=5000
storage.lock.wait-time=300
storage.lock.retries=10
ids.block-size=20000
ids.num-partitions=2
ids.authority.wait-time=150
${index}.backend=lucene
${index}.directory=${folders.index}
query.force-index=false
query.smart-limit=false
`;
}

function serverYaml(record: EnvironmentRecord, folders: GraphFolders): string {
  const q = (value: string) => JSON.stringify(value);
  return `host: ${q(record.graph.address)}
port: ${port.gremlin}
evaluationTimeout: 600000
channelizer: org.apache.tinkerpop.gremlin.server.channel.WebSocketChannelizer
threadPoolWorker: 1
gremlinPool: 8
graphs:
  graph: ${q(join(folders.conf, 'janusgraph.properties'))}
scriptEngines:
  gremlin-groovy:
    plugins:
      org.janusgraph.graphdb.tinkerpop.plugin.JanusGraphGremlinPlugin: {}
      org.apache.tinkerpop.gremlin.server.jsr223.GremlinServerGremlinPlugin: {}
      org.apache.tinkerpop.gremlin.jsr223.ImportGremlinPlugin:
        classImports: [java.lang.Math]
        methodImports: ['java.lang.Math#*']
      org.apache.tinkerpop.gremlin.jsr223.ScriptFileGremlinPlugin:
        files: [${q(join(folders.conf, 'start.groovy'))}]
serializers:
  - className: org.apache.tinkerpop.gremlin.util.ser.GraphSONMessageSerializerV3
    config:
      ioRegistries: [org.janusgraph.graphdb.tinkerpop.JanusGraphIoRegistry]
maxContentLength: 67108864
maxHeaderSize: 8192
maxChunkSize: 8192
maxInitialLineLength: 4096
resultIterationBatchSize: 256
`;
}

function options(
  folders: GraphFolders,
  toolchain: Toolchain,
  archive: { readonly make?: string | undefined },
): string[] {
  return [
    ...smallJvm({ initial: 128, maximum: 640 }),
    ...classArchive(archive.make === undefined ? { use: toolchain.archives.janusgraph } : archive),
    `-Djava.io.tmpdir=${folders.conf}`,
    `-Dlogback.configurationFile=${folders.conf}/logback.xml`,
    '-cp',
    toolchain.janusgraph.join(':'),
    'org.janusgraph.graphdb.server.JanusGraphServer',
    join(folders.conf, 'server.yaml'),
  ];
}

const logback = `<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder>
      <pattern>%date{yyyy-MM-dd'T'HH:mm:ss.SSS'Z', UTC} %-5level [%thread] %logger{0} - %msg%n</pattern>
    </encoder>
  </appender>
  <logger name="com.datastax.oss.driver" level="WARN"/>
  <logger name="com.jcabi" level="WARN"/>
  <root level="INFO">
    <appender-ref ref="console"/>
  </root>
</configuration>
`;
