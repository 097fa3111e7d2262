import { instantOf } from '../../model/instant.ts';
import type { UndoPlan } from '../../model/undo-plan.ts';
import type { Database } from '../../ports/database.ts';

type Write = UndoPlan['writes'][number];

const statementsAtOnce = 100;
/** Cassandra counts more than the bytes of the values. */
const overhead = 80;
const standardLimit = 50 * 1024;

/**
 * The writes in their order, in batches that are well below the size that the database refuses; one batch if they fit.
 */
export function batchesOf(writes: readonly Write[], limit: number): readonly (readonly Write[])[] {
  const batches: Write[][] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = (write.key.length + write.column.length + (write.value?.length ?? 0)) / 2 + overhead;
    const last = batches.at(-1);
    if (last === undefined || last.length >= statementsAtOnce || bytes + size > limit / 2) {
      batches.push([write]);
      bytes = size;
    } else {
      last.push(write);
      bytes += size;
    }
  }
  return batches;
}

/** The size of a batch that the database refuses, in bytes. */
export async function batchLimit(database: Database): Promise<number> {
  const query = `SELECT value FROM system_views.settings WHERE name = 'batch_size_fail_threshold'`;
  const [row] = await database.execute(query).catch(() => []);
  const match = /^(\d+)(B|KiB|MiB)$/.exec(String(row?.['value']));
  if (match === null) return standardLimit;
  return Number(match[1]) * { B: 1, KiB: 1024, MiB: 1024 ** 2 }[match[2] as 'B' | 'KiB' | 'MiB'];
}

/**
 * Writes one batch, whole or not at all (a logged one, at LOCAL_QUORUM): additions at the commit time, removals a microsecond before, as
 * JanusGraph does. The same batch again changes nothing.
 */
export async function writeBatch(
  database: Database,
  keyspace: string,
  commit: string,
  batch: readonly Write[],
): Promise<void> {
  const at = BigInt(instantOf(commit));
  const params: unknown[] = [];
  const statements = batch.map(({ table, key, column, value }) => {
    const place = [Buffer.from(key, 'hex'), Buffer.from(column, 'hex')];
    if (value === undefined) {
      params.push(at - 1n, ...place);
      return `DELETE FROM "${keyspace}".${table} USING TIMESTAMP ? WHERE key = ? AND column1 = ?;`;
    }
    params.push(...place, Buffer.from(value, 'hex'), at);
    return `INSERT INTO "${keyspace}".${table} (key, column1, value) VALUES (?, ?, ?) USING TIMESTAMP ?;`;
  });
  await database.execute(`BEGIN BATCH ${statements.join(' ')} APPLY BATCH`, params);
}
