import type { Client, types } from 'cassandra-driver';
import { z } from 'zod';
import { loggedTable } from '../../model/log-schema.ts';
import type { SchemaOfLog } from '../../ports/logged-database.ts';

/** Tables, views, columns and dropped columns of one node's schema, and the statements that make them. */
export async function readLoggedSchema(client: Client): Promise<SchemaOfLog> {
  const rows = async (cql: string): Promise<readonly types.Row[]> => {
    const found: types.Row[] = [];
    for (let pageState: string | undefined; ; ) {
      const page = await client.execute(cql, [], pageState === undefined ? {} : { pageState });
      found.push(...page.rows);
      pageState = typeof page.pageState === 'string' ? page.pageState : undefined;
      if (pageState === undefined) return found;
    }
  };
  const version = await schemaVersion(client);
  const [keyspaces, tables, views, columns, dropped] = await Promise.all([
    rows('SELECT keyspace_name, durable_writes, replication FROM system_schema.keyspaces'),
    rows('SELECT keyspace_name, table_name AS name, id FROM system_schema.tables'),
    rows('SELECT keyspace_name, view_name AS name, id FROM system_schema.views'),
    rows(
      'SELECT keyspace_name, table_name, column_name, kind, position, type, clustering_order FROM system_schema.columns',
    ),
    rows('SELECT keyspace_name, table_name, column_name, kind, type FROM system_schema.dropped_columns'),
  ]);
  const statements = await rows('DESCRIBE SCHEMA WITH INTERNALS');
  const columnsOf = Map.groupBy(columns, tableOf);
  const droppedOf = Map.groupBy(dropped, tableOf);
  return {
    schemaVersion: version,
    keyspaces: keyspaces.map((row) => ({
      keyspace: String(row.keyspace_name),
      durableWrites: row.durable_writes !== false,
      replication: z.record(z.string(), z.string()).parse(row.replication ?? {}),
    })),
    tables: z.array(loggedTable).parse(
      [...tables, ...views].map((row) => {
        const name = `${String(row.keyspace_name)}.${String(row.name)}`;
        return {
          keyspace: String(row.keyspace_name),
          table: String(row.name),
          id: String(row.id),
          columns: (columnsOf.get(name) ?? []).map((column) => ({
            name: String(column.column_name),
            kind: column.kind,
            position: column.position,
            type: column.type,
            clusteringOrder: column.clustering_order,
          })),
          dropped: (droppedOf.get(name) ?? []).map((column) => ({
            name: String(column.column_name),
            kind: column.kind === 'static' ? 'static' : 'regular',
            type: column.type,
          })),
        };
      }),
    ),
    cql: statements.map((row) => String(row.create_statement)).join('\n\n'),
  };
}

async function schemaVersion(client: Client): Promise<string> {
  const { rows } = await client.execute("SELECT schema_version FROM system.local WHERE key = 'local'");
  return String(rows[0]?.schema_version);
}

function tableOf(row: types.Row): string {
  return `${String(row.keyspace_name)}.${String(row.table_name)}`;
}
