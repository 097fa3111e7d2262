import type { Mutation, PartitionUpdate, WriteTime } from '../../commitlog/mutation.ts';
import type { StoredChange } from '../../graph/transactions/stored-change.ts';

/** What a mutation of the log did to the tables of the graph's keyspace, cell by cell. Byte arrays are views into the mutation. */
export function* changesOf(mutation: Mutation, keyspace: string, host: string): Generator<StoredChange> {
  for (const update of mutation.updates) {
    if (update.table.keyspace === keyspace) yield* changesOfUpdate(update, host);
  }
}

function* changesOfUpdate(update: PartitionUpdate, host: string): Generator<StoredChange> {
  const { key } = update;
  const { table } = update.table;
  const removal = (column: Uint8Array | undefined, at: WriteTime) => changed(column, undefined, at);
  const changed = (
    column: Uint8Array | undefined,
    value: Uint8Array | undefined,
    at: WriteTime,
  ): StoredChange | undefined =>
    // A time beyond the safe integers does not come from a clock: somebody set it on purpose, and it belongs to no
    // transaction.
    typeof at === 'number' && Number.isSafeInteger(at) && at > 0 ? { table, key, column, value, at, host } : undefined;
  const found: Array<StoredChange | undefined> = [];
  if (update.partitionDeletion !== undefined) found.push(removal(undefined, update.partitionDeletion));
  for (const { at } of update.rangeTombstones) found.push(removal(undefined, at));
  for (const row of update.rows) {
    const [column] = row.clustering;
    if (row.deletion !== undefined) found.push(removal(column, row.deletion));
    // Tables of JanusGraph have one column beside the key; the row's own liveness carries the same time.
    for (const cell of row.cells) found.push(changed(column, cell.value, cell.at));
  }
  for (const change of found) if (change !== undefined) yield change;
}
