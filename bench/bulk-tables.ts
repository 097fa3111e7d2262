import { randomFillSync } from 'node:crypto';
import type { OneNode } from './one-node.ts';

const tables = 4;
const rowBytes = 64 * 1024;
const flushes = 8;
const writers = 16;

/**
 * Fills four tables with `mebibytes` of random bytes and flushes eight times: 32 SSTables, each of its eight or nine files, beside those of
 * the system. Neither commit log, compression nor compaction: the bytes on disk are the bytes written, and stay.
 */
export async function fillTables(node: OneNode, mebibytes: number): Promise<void> {
  const { database, graphLifecycle } = node.platform;
  await graphLifecycle.stopAll(new AbortController().signal);
  await database.execute(
    "CREATE KEYSPACE bulk WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1} AND durable_writes = false",
  );
  for (let table = 0; table < tables; table += 1) {
    await database.execute(
      `CREATE TABLE bulk.t${table} (id int PRIMARY KEY, body blob) WITH compression = {'enabled': false} AND compaction = {'class': 'SizeTieredCompactionStrategy', 'enabled': false}`,
    );
  }
  const rows = Math.ceil((mebibytes * 1024 * 1024) / rowBytes / flushes);
  for (let flush = 0; flush < flushes; flush += 1) {
    const ids = Array.from({ length: rows }, (_, row) => flush * rows + row).values();
    const write = async () => {
      for (const id of ids) {
        const body = randomFillSync(Buffer.alloc(rowBytes));
        await database.execute(`INSERT INTO bulk.t${id % tables} (id, body) VALUES (?, ?)`, [id, body]);
      }
    };
    await Promise.all(Array.from({ length: writers }, write));
    await node.nodetool('flush', 'bulk');
  }
}
