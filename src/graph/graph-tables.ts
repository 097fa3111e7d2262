import { RefusedProblem } from '../model/problem.ts';
import type { Database } from '../ports/database.ts';

export const settingsTable = 'system_properties';
/** Where instances claim blocks of ids, unless `ids.store-name` says otherwise. */
export const idTable = 'janusgraph_ids';

/** Names of the tables of a keyspace; none when there is no such keyspace. */
export async function tablesIn(database: Database, keyspace: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const query = 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?';
  for await (const row of database.rows(query, [keyspace])) names.add(String(row['table_name']));
  return names;
}

/**
 * Throws RefusedProblem `graph-form-unsupported` when a graph keeps the claims of its ids elsewhere, as those that come from Titan do: after a
 * restore nothing could keep its servers from giving ids out twice. `of`: whose tables these are, for the message.
 */
export function requireIdTable(
  of: string,
  tables: ReadonlySet<string>,
  { idStore = idTable }: { readonly idStore?: string } = {},
): void {
  const elsewhere = idStore !== idTable;
  if (!elsewhere && (tables.has(idTable) || !tables.has(settingsTable))) return;
  throw new RefusedProblem({
    code: 'graph-form-unsupported',
    happened: elsewhere
      ? `${of} keeps the claims of its ids in the table ${idStore} (ids.store-name). Cardea knows only ${idTable}, and could not keep ids from being given out twice after a restore.`
      : `${of} has no table ${idTable}, so its ids are claimed in another one (ids.store-name). Cardea could not keep ids from being given out twice after a restore.`,
    state: 'Nothing was changed.',
    next: 'Back up and restore this graph by other means. Graphs that come from Titan are of this form until they are loaded anew into a keyspace of JanusGraph.',
  });
}
