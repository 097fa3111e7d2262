/** Where things are in the image and in cass-operator's pods. */
export const places = {
  /** What the image brings: read by cass-operator's first init container, and hidden by an empty folder in the pod itself. */
  imageConfiguration: '/etc/cassandra',
  /** The first init container's copy of it. */
  baseConfiguration: '/cassandra-base-config',
  /** What the config builder made. */
  configuration: '/config',
  libraries: '/opt/cassandra/lib',
  serverOptions: '/opt/cassandra/server.options',
  toolOptions: '/opt/cassandra/tool.options',
  toolLogback: '/opt/cassandra/logback-tools.xml',
  data: '/var/lib/cassandra',
  /** Held by Cassandra from its start to its end, on the volume of its data. */
  lock: '/var/lib/cassandra/cassandra.lock',
  logs: '/var/log/cassandra',
} as const;

export const ports = { managementApi: 8080, cql: 9042, jmx: 7199 } as const;
