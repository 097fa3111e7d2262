import type { ReadCell } from '../../graph/transactions/compensation.ts';
import type { Database } from '../../ports/database.ts';

/** A cell that is to be read. */
export interface WantedCell {
  readonly name: string;
  readonly cell: { readonly table: string; readonly key: Buffer; readonly column: Buffer | undefined };
}

/** Cells that are asked for together. */
const asked = 32;

/**
 * The values of these cells in the database, by name. Cells that do not exist are not in the answer. Reads at
 * LOCAL_QUORUM.
 */
export async function readCells(
  database: Database,
  keyspace: string,
  cells: readonly WantedCell[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadCell>> {
  const found = new Map<string, ReadCell>();
  for (let at = 0; at < cells.length; at += asked) {
    signal.throwIfAborted();
    await Promise.all(
      cells.slice(at, at + asked).map(async ({ name, cell }) => {
        const query = `SELECT value, WRITETIME(value) AS time FROM "${keyspace}".${cell.table} WHERE key = ? AND column1 = ?`;
        const [row] = await database.execute(query, [cell.key, cell.column]);
        if (row === undefined || !(row['value'] instanceof Uint8Array)) return;
        found.set(name, { value: Buffer.from(row['value']), at: Number(row['time']) });
      }),
    );
  }
  return found;
}
