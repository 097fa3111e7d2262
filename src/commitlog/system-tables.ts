import { createHash } from 'node:crypto';

/**
 * Keyspaces of Cassandra itself, which a restore never takes from a log:
 * `system` is the node's identity, its peers, and batches and Paxos rounds of a cluster that is gone; `system_schema` comes with the base
 * and with what Cardea creates anew, and a replayed line of it would bring a table back under an id that its data does not have;
 * `system_auth` stays as it is on the living nodes, in a restore in place: a log cut at an earlier instant must not turn a password back;
 * `system_distributed` and `system_traces` tell of work that was done on files which are no more.
 */
const systemTables: Readonly<Record<string, readonly string[]>> = {
  system: [
    'IndexInfo',
    '_paxos_repair_state',
    'available_ranges',
    'available_ranges_v2',
    'batches',
    'built_views',
    'compaction_history',
    'local',
    'paxos',
    'paxos_repair_history',
    'peer_events',
    'peer_events_v2',
    'peers',
    'peers_v2',
    'prepared_statements',
    'repairs',
    'size_estimates',
    'sstable_activity',
    'sstable_activity_v2',
    'table_estimates',
    'top_partitions',
    'transferred_ranges',
    'transferred_ranges_v2',
    'view_builds_in_progress',
  ],
  system_schema: [
    'aggregates',
    'column_masks',
    'columns',
    'dropped_columns',
    'functions',
    'indexes',
    'keyspaces',
    'tables',
    'triggers',
    'types',
    'views',
  ],
  system_auth: [
    'cidr_groups',
    'cidr_permissions',
    'identity_to_role',
    'network_permissions',
    'resource_role_permissons_index',
    'role_members',
    'role_permissions',
    'roles',
  ],
  system_distributed: ['parent_repair_history', 'partition_denylist', 'repair_history', 'view_build_status'],
  system_traces: ['events', 'sessions'],
};

export function isSystemKeyspace(keyspace: string): boolean {
  return Object.hasOwn(systemTables, keyspace);
}

/** Whether a table of Cassandra 4.0 to 5.0 itself has the id, without asking a schema: it computes them from the names. `id` is a UUID with dashes. */
export function isSystemTable(id: string): boolean {
  return systemIds.has(id);
}

const systemIds: ReadonlySet<string> = new Set(
  Object.entries(systemTables).flatMap(([keyspace, tables]) => tables.map((table) => nameId(`${keyspace}${table}`))),
);

/** A UUID of version 3: the MD5 of a name. */
function nameId(name: string): string {
  const hash = createHash('md5').update(name).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x30;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
