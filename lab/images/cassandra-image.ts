import { join } from 'node:path';
import { argumentFile, moduleAccess, smallJvm } from '../../src/toolchain/java-options.ts';
import { toolsLogback } from '../../src/toolchain/logback.ts';
import { npmLayer } from './cardea-image.ts';
import { places, ports } from '../cassandra-image/places.ts';
import { filesBelow, hashOfFiles, placeFiles, placeText } from './image-files.ts';
import type { ImageLayer } from './image-layer.ts';
import { imageNames } from './image-names.ts';
import { javaConfiguration, javaLayer, jarsLayer, logback } from './java-image.ts';
import type { LayeredImage } from './layered-image.ts';
import { nodeLayer } from './node-layer.ts';
import { packagesFor } from './npm-packages.ts';

/**
 * Cassandra as cass-operator wants a server image: its configuration in /etc/cassandra, the management API as entrypoint, curl for the hook
 * that drains, nodetool. The same image is the config builder (`config build`). The management API and the config builder are the lab's
 * own (lab/cassandra-image): neither is to be had from a package registry. `jars` are those of the sandbox's toolchain.
 */
export function cassandraImage({
  checkout,
  jars,
}: {
  readonly checkout: string;
  readonly jars: readonly string[];
}): LayeredImage {
  const packages = packagesFor(checkout, ['@hono/node-server', 'cassandra-driver', 'hono', 'zod']);
  return {
    name: imageNames.cassandra,
    layers: [
      javaLayer(),
      nodeLayer(checkout),
      npmLayer('cassandra-packages', checkout, 'opt/lab', packages),
      jarsLayer('cassandra-jars', places.libraries, jars),
      programLayer(checkout, jars),
    ],
    configuration: {
      ...javaConfiguration,
      entrypoint: [
        '/usr/local/bin/node',
        '--disable-warning=ExperimentalWarning',
        '/opt/lab/lab/cassandra-image/main.ts',
      ],
    },
  };
}

/** The files of the checkout that the image holds: the management API, and all that it imports. */
export function managementFiles(checkout: string): readonly string[] {
  const own = filesBelow(join(checkout, 'lab/cassandra-image'), (path) => !path.endsWith('.test.ts'));
  return [
    'package.json',
    ...['problem', 'disk-full', 'error-code', 'fault-message', 'secrets'].map((name) => `src/model/${name}.ts`),
    'src/host/file-lock.ts',
    ...own.map((path) => `lab/cassandra-image/${path}`),
  ];
}

function programLayer(checkout: string, jars: readonly string[]): ImageLayer {
  const files = managementFiles(checkout);
  const texts = configurationFiles(jars);
  return {
    name: 'cassandra',
    title: 'Cassandra for cass-operator',
    madeFrom: [hashOfFiles(checkout, files), JSON.stringify(texts)],
    async make(root) {
      placeFiles(root, 'opt/lab', checkout, files);
      for (const [path, content] of Object.entries(texts)) placeText(root, path, content);
      placeText(root, 'usr/local/bin/nodetool', nodetoolScript, 0o755);
    },
  };
}

function configurationFiles(jars: readonly string[]): Readonly<Record<string, string>> {
  const classPath = jars.map((jar) => join(places.libraries, jar.slice(jar.lastIndexOf('/') + 1))).join(':');
  const common = [
    ...moduleAccess,
    '-Djava.io.tmpdir=/tmp',
    '-Duser.home=/tmp',
    `-Dcassandra.storagedir=${places.data}`,
    `-Dcassandra.logdir=${places.logs}`,
    `-Dcassandra.config=file://${places.configuration}/cassandra.yaml`,
    '-cp',
    classPath,
  ];
  return {
    [join(places.imageConfiguration, 'cassandra.yaml')]: `${JSON.stringify(baseYaml, null, 2)}\n`,
    [join(places.imageConfiguration, 'logback.xml')]: logback(join(places.logs, 'system.log')),
    [places.toolLogback]: toolsLogback,
    [places.serverOptions]: argumentFile([...smallServer, ...common]),
    [places.toolOptions]: argumentFile([
      ...smallJvm({ initial: 16, maximum: 128 }),
      `-Dlogback.configurationFile=${places.toolLogback}`,
      ...common,
    ]),
  };
}

/** Quick to start on two cores that everything shares. What the datacenter's `config` says comes later on the command line and wins. */
const smallServer = [
  // Two collectors would contradict each other: the config builder names the one.
  ...smallJvm({ initial: 128, maximum: 512 }).filter((option) => !option.endsWith('GC')),
  `-Dcassandra-rackdc.properties=file://${places.configuration}/cassandra-rackdc.properties`,
  `-Dcassandra.triggers_dir=${places.configuration}`,
  `-Dlogback.configurationFile=${places.configuration}/logback.xml`,
  '-Dcassandra-foreground=yes',
  // cass-operator starts one node after the other, so that nobody joins while another does.
  '-Dcassandra.ring_delay_ms=5000',
  '-Dcassandra.skip_wait_for_gossip_to_settle=0',
  '-Dcassandra.superuser_setup_delay_ms=0',
  // Heap bytes of a row in a memtable: what Cassandra would measure at every start, with half of the start's time, on this JVM.
  '-Dcassandra.memtable.row_overhead_size=180',
  // The pod's own processes and sidecars, which share its loopback, and nobody else.
  '-Dcom.sun.management.jmxremote.host=127.0.0.1',
  `-Dcom.sun.management.jmxremote.port=${ports.jmx}`,
  `-Dcom.sun.management.jmxremote.rmi.port=${ports.jmx}`,
  '-Dcom.sun.management.jmxremote.authenticate=false',
  '-Dcom.sun.management.jmxremote.ssl=false',
  '-Djava.rmi.server.hostname=127.0.0.1',
];

/** Below what the datacenter's `config` says. As JSON, which is YAML and needs no reader of its own. */
const baseYaml = {
  num_tokens: 16,
  partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
  data_file_directories: [join(places.data, 'data')],
  commitlog_directory: join(places.data, 'commitlog'),
  hints_directory: join(places.data, 'hints'),
  saved_caches_directory: join(places.data, 'saved_caches'),
  cdc_raw_directory: join(places.data, 'cdc_raw'),
  commitlog_sync: 'periodic',
  commitlog_sync_period: '10000ms',
  storage_compatibility_mode: 'NONE',
  storage_port: 7000,
  native_transport_port: ports.cql,
  authenticator: 'AllowAllAuthenticator',
  authorizer: 'AllowAllAuthorizer',
  phi_convict_threshold: 12,
};

/** Options `-D…` go to the JVM: Medusa puts them first. */
const nodetoolScript = `#!/bin/sh
set -eu
jvm=
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
    -D*) jvm="$jvm $argument" ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec java $jvm @${places.toolOptions} org.apache.cassandra.tools.NodeTool "$@"
`;
