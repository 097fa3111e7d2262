import type { StoredChange } from '../../src/graph/transactions/stored-change.ts';
import { SlotCells } from '../../src/graph/transactions/slot-cells.ts';
import { groupsOf, type TransactionGroup } from '../../src/graph/transactions/group.ts';
import type { GraphSchema } from '../../src/graph/schema.ts';
import { vertexKind } from '../../src/graph/codec/element-id.ts';
import type { TableRows } from './table-rows.ts';

/** Everything of users in the tables, as one transaction would have written it: an odd write time. */
export function writtenAt(rows: TableRows, schema: GraphSchema, at: number, host = 'host-a'): StoredChange[] {
  return ['edgestore', 'graphindex'].flatMap((table) =>
    [...(rows.tables[table]?.values() ?? [])].flatMap(([keyHex, columnHex, valueHex]) => {
      const key = Buffer.from(keyHex, 'hex');
      const ofSchema =
        table === 'edgestore' ? vertexKind(schema.ids.fromKey(key)) === 'schema' : /^1[01]a5/.test(keyHex);
      return ofSchema
        ? []
        : [{ table, key, column: Buffer.from(columnHex, 'hex'), value: Buffer.from(valueHex, 'hex'), at, host }];
    }),
  );
}

/** The same cells removed: the log of a removal has no value. */
export function removedAt(changes: readonly StoredChange[], at: number): StoredChange[] {
  return changes.map((change) => ({ ...change, value: undefined, at }));
}

export function grouped(schema: GraphSchema, changes: Iterable<StoredChange>): readonly TransactionGroup[] {
  const cells = new SlotCells();
  for (const change of changes) cells.add(change);
  return [...cells.take()].flatMap((slot) => [...groupsOf(schema, slot, cells.hosts)]);
}
