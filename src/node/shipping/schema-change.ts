import { type LoggedTable, isUserKeyspace } from '../../model/log-schema.ts';

/**
 * Changes of tables that existed before, one line each: a log from before the change cannot be replayed over a base
 * from after it, nor the other way round. New tables are not such a change.
 */
export function changesOfExisting(before: readonly LoggedTable[], after: readonly LoggedTable[]): readonly string[] {
  const now = new Map(after.map((table) => [nameOf(table), table]));
  return before
    .filter(({ keyspace }) => isUserKeyspace(keyspace))
    .flatMap((table) => {
      const name = nameOf(table);
      const other = now.get(name);
      if (other === undefined) return [`${name} was dropped`];
      if (other.id !== table.id) return [`${name} was dropped and created again`];
      return shapeOf(other) === shapeOf(table) ? [] : [`${name} was altered`];
    });
}

function nameOf({ keyspace, table }: LoggedTable): string {
  return `${keyspace}.${table}`;
}

function shapeOf({ columns, dropped }: LoggedTable): string {
  const sorted = columns.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify([
    sorted.map(({ name, kind, position, type, clusteringOrder }) => [name, kind, position, type, clusteringOrder]),
    dropped.map(({ name, type, kind }) => `${name} ${kind} ${type}`).toSorted(),
  ]);
}
