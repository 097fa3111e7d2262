import { z } from 'zod';
import { RefusedProblem } from '../../src/model/problem.ts';

/** What cass-operator tells the config builder of a node, in the variables of its init container. */
export interface NodeVariables {
  /** CONFIG_FILE_DATA: names, seeds, and `config` of the CassandraDatacenter. */
  readonly configuration: string;
  /** Addresses of the pod and of its Kubernetes node. */
  readonly podAddress: string;
  readonly hostAddress: string;
  readonly rack: string;
  /** Clients come by the Kubernetes node's address. */
  readonly broadcastHostAddress: boolean;
}

const values = z.record(z.string(), z.unknown());
const jvmOptions = z
  .looseObject({
    initial_heap_size: z.union([z.string(), z.number()]).optional(),
    max_heap_size: z.union([z.string(), z.number()]).optional(),
    heap_size_young_generation: z.union([z.string(), z.number()]).optional(),
    garbage_collector: z.string().optional(),
    'additional-jvm-opts': z.array(z.string()).optional(),
  })
  .default({});
const configurationData = z.object({
  'cluster-info': z.object({ name: z.string(), seeds: z.string() }),
  'datacenter-info': z.object({ name: z.string() }),
  'cassandra-yaml': values.default({}),
  'jvm-server-options': jvmOptions,
  'jvm17-server-options': jvmOptions,
  'cassandra-env-sh': jvmOptions,
});

export interface ServerConfiguration {
  /** Content by file name. */
  readonly files: Readonly<Record<string, string>>;
  /** Options that were asked for and that this builder does not know. */
  readonly unknown: readonly string[];
}

/**
 * The files that Cassandra reads, out of what cass-operator says and the image's own cassandra.yaml (as JSON, which is YAML). It stands
 * for `k8ssandra-client config build`, whose module no proxy hands out, and knows the part of it that the lab uses.
 * Throws RefusedProblem `unreadable-configuration`.
 */
export function serverConfiguration(variables: NodeVariables, base: string): ServerConfiguration {
  const data = read(variables.configuration, base);
  const { name, seeds } = data.asked['cluster-info'];
  const yaml = {
    ...merge(data.base, data.asked['cassandra-yaml']),
    cluster_name: name,
    endpoint_snitch: 'GossipingPropertyFileSnitch',
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        // Behind each name are several pods.
        parameters: [{ seeds, resolve_multiple_ip_addresses_per_dns_record: 'true' }],
      },
    ],
    listen_address: variables.podAddress,
    broadcast_address: null,
    rpc_address: variables.podAddress.includes(':') ? '::' : '0.0.0.0',
    broadcast_rpc_address: variables.broadcastHostAddress ? variables.hostAddress : variables.podAddress,
  };
  const jvm = [data.asked['jvm-server-options'], data.asked['jvm17-server-options'], data.asked['cassandra-env-sh']];
  return {
    files: {
      'cassandra.yaml': `${JSON.stringify(yaml, null, 2)}\n`,
      'cassandra-rackdc.properties': `dc=${data.asked['datacenter-info'].name}\nrack=${variables.rack}\nprefer_local=false\n`,
      'jvm.options': `${withCollector(jvm.flatMap(optionsOf)).map(quoted).join('\n')}\n`,
    },
    unknown: jvm.flatMap((each) => Object.keys(each).filter((key) => !(key in jvmOptions.unwrap().shape))),
  };
}

function read(configuration: string, base: string) {
  try {
    return { asked: configurationData.parse(JSON.parse(configuration)), base: values.parse(JSON.parse(base)) };
  } catch (error) {
    throw new RefusedProblem({
      code: 'unreadable-configuration',
      happened: `CONFIG_FILE_DATA, or cassandra.yaml of the image, has an unexpected form: ${String(error)}`,
      state: 'No file was written.',
      next: 'Correct `config` of the CassandraDatacenter.',
    });
  }
}

/** What is asked for wins, deep in maps; lists are replaced, and null takes a setting away. */
function merge(base: Readonly<Record<string, unknown>>, asked: Readonly<Record<string, unknown>>) {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(asked)) {
    const [below, above] = [values.safeParse(merged[key]), values.safeParse(value)];
    if (value === null) delete merged[key];
    else merged[key] = below.success && above.success ? merge(below.data, above.data) : value;
  }
  return merged;
}

const collectors: Readonly<Record<string, string>> = {
  G1GC: '-XX:+UseG1GC',
  ZGC: '-XX:+UseZGC',
  Shenandoah: '-XX:+UseShenandoahGC',
};

function optionsOf(asked: z.infer<typeof jvmOptions>): readonly string[] {
  const sized = (flag: string, size: string | number | undefined) => (size === undefined ? [] : [`${flag}${size}`]);
  const collector = collectors[asked.garbage_collector ?? ''];
  return [
    ...sized('-Xms', asked.initial_heap_size),
    ...sized('-Xmx', asked.max_heap_size),
    ...sized('-Xmn', asked.heap_size_young_generation),
    ...(collector === undefined ? [] : [collector]),
    ...(asked['additional-jvm-opts'] ?? []),
  ];
}

/** The JVM refuses two; the smallest where none is asked for. */
function withCollector(options: readonly string[]): readonly string[] {
  return options.some((option) => /^-XX:\+Use\w+GC$/.test(option)) ? options : ['-XX:+UseSerialGC', ...options];
}

/** As an argument file of `java` wants it. */
function quoted(option: string): string {
  return `"${option.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
