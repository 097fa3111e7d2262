import { type LoggedTable, loggedTable } from '../../src/model/log-schema.ts';
import type { Database } from '../../src/ports/database.ts';

/** Every table of the database by its id, as a shipped schema has them. */
export async function loggedTables(database: Database): Promise<Map<string, LoggedTable>> {
  const [tables, views, columns, dropped] = await Promise.all([
    database.execute('SELECT keyspace_name, table_name, id FROM system_schema.tables'),
    database.execute('SELECT keyspace_name, view_name AS table_name, id FROM system_schema.views'),
    database.execute('SELECT * FROM system_schema.columns'),
    database.execute('SELECT * FROM system_schema.dropped_columns'),
  ]);
  const found = [...tables, ...views].map(({ keyspace_name: keyspace, table_name: table, id }) => {
    const ofTable = (row: Readonly<Record<string, unknown>>) =>
      row['keyspace_name'] === keyspace && row['table_name'] === table;
    return loggedTable.parse({
      keyspace,
      table,
      id: String(id),
      columns: columns.filter(ofTable).map((row) => ({
        name: row['column_name'],
        kind: row['kind'],
        position: row['position'],
        type: row['type'],
        clusteringOrder: row['clustering_order'],
      })),
      dropped: dropped
        .filter(ofTable)
        .map((row) => ({ name: row['column_name'], type: row['type'], kind: row['kind'] })),
    });
  });
  return new Map(found.map((table) => [table.id, table]));
}
