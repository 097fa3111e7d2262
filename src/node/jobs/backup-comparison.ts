import type { BackupContents, StoredFile } from '../../ports/backup-tool.ts';
import { type InventoryBody, filesOf, nameOf } from './inventory-store.ts';

/**
 * The differences between the inventory of a snapshot and the record of the backup tool: one line per table or file
 * that is missing, unexpected or of another size. Empty when they are the same. Pure.
 */
export function compareBackup(inventory: InventoryBody, contents: BackupContents): readonly string[] {
  const expectedTables = new Set(inventory.tables.map(({ keyspace, table }) => `${keyspace}.${table}`));
  const storedTables = new Set(contents.tables.map(({ keyspace, table }) => `${keyspace}.${table}`));
  const stored = byName(contents.files);
  const expected = new Set<string>();
  const findings: string[] = [];
  for (const table of expectedTables) if (!storedTables.has(table)) findings.push(`${table}: not in the backup`);
  for (const table of storedTables) if (!expectedTables.has(table)) findings.push(`${table}: not in the snapshot`);
  for (const { keyspace, table, file } of filesOf(inventory)) {
    const name = nameOf(keyspace, table, file.path);
    expected.add(name);
    const found = stored.get(name);
    if (found === undefined) findings.push(`${name}: not in the backup`);
    else if (found.bytes !== file.bytes) {
      findings.push(`${name}: ${found.bytes} bytes in the backup, ${file.bytes} in the snapshot`);
    }
  }
  for (const name of stored.keys()) if (!expected.has(name)) findings.push(`${name}: not in the snapshot`);
  return findings;
}

export function byName(files: readonly StoredFile[]): ReadonlyMap<string, StoredFile> {
  return new Map(files.map((file) => [nameOf(file.keyspace, file.table, file.path), file]));
}
