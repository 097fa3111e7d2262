import { canonicalJson } from './canonical-json.ts';
import { isUserKeyspace, type LoggedTable, type LogSchema } from './log-schema.ts';

export type ComparedSchema = Pick<LogSchema, 'tables' | 'keyspaces'>;

/** What became of a table that was there before. `made anew`: there is one of its name, under another id. */
export interface TableChange {
  /** `keyspace.table`, as it was called before. */
  readonly table: string;
  readonly what: 'dropped' | 'made anew' | 'altered';
}

/** How a newer schema differs from an older one, Cassandra's own keyspaces aside. */
export interface SchemaDifference {
  /** In the order of the older schema. */
  readonly changed: readonly TableChange[];
  /** Tables whose ids the older schema does not have, those made anew among them. */
  readonly added: readonly LoggedTable[];
  /** Keyspaces of both schemas whose replication is another one. */
  readonly replicatedOtherwise: readonly string[];
}

export function schemaDifference(older: ComparedSchema, newer: ComparedSchema): SchemaDifference {
  const [before, after] = [userTables(older), userTables(newer)];
  const knownIds = new Set(before.map(({ id }) => id));
  return {
    changed: before.flatMap((table) => changeOf(table, after)),
    added: after.filter(({ id }) => !knownIds.has(id)),
    replicatedOtherwise: older.keyspaces
      .filter(({ keyspace, replication }) => {
        const now = newer.keyspaces.find((each) => each.keyspace === keyspace)?.replication;
        return isUserKeyspace(keyspace) && now !== undefined && canonicalJson(now) !== canonicalJson(replication);
      })
      .map(({ keyspace }) => keyspace),
  };
}

function userTables({ tables }: ComparedSchema): readonly LoggedTable[] {
  return tables.filter(({ keyspace }) => isUserKeyspace(keyspace));
}

function changeOf(table: LoggedTable, after: readonly LoggedTable[]): readonly TableChange[] {
  const name = nameOf(table);
  const now = after.find(({ id }) => id === table.id);
  if (now !== undefined) return layoutOf(now) === layoutOf(table) ? [] : [{ table: name, what: 'altered' }];
  return [{ table: name, what: after.some((other) => nameOf(other) === name) ? 'made anew' : 'dropped' }];
}

function nameOf({ keyspace, table }: LoggedTable): string {
  return `${keyspace}.${table}`;
}

/** What a mutation is read by; the order in which columns are told means nothing. */
function layoutOf({ keyspace, table, columns, dropped }: LoggedTable): string {
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return canonicalJson({ keyspace, table, columns: columns.toSorted(byName), dropped: dropped.toSorted(byName) });
}
