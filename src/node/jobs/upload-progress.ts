import type { ReportProgress } from '../../model/progress.ts';
import type { BackupMode } from '../../ports/backup-tool.ts';
import { type InventoryBody } from './inventory-store.ts';
import type { NodeParts } from '../node-parts.ts';

interface Watched {
  readonly inventory: InventoryBody;
  readonly mode: BackupMode;
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
}

const lookEveryMs = 1000;

/**
 * Progress of an upload in bytes that arrived in the store: all bytes of finished tables, and of the present table what
 * a listing shows. A listing that fails is ignored: an upload must not end because of its progress.
 */
export function watchUpload(parts: NodeParts, { inventory, mode, progress, signal }: Watched) {
  const bytesOf = new Map(
    inventory.tables.map(({ keyspace, table, files }) => [
      `${keyspace}.${table}`,
      new Map(files.map((file) => [file.path, file.bytes])),
    ]),
  );
  const total = sum([...bytesOf.values()].flatMap((files) => [...files.values()]));
  let behind = 0;
  let current: { keyspace: string; table: string } | undefined;
  let looking = Promise.resolve();
  let stopped = false;

  const report = (arrived: number) => {
    if (!stopped) progress({ done: Math.min(total, behind + arrived), total, unit: 'bytes' });
  };
  const look = async (table: { keyspace: string; table: string }) => {
    const expected = bytesOf.get(`${table.keyspace}.${table.table}`);
    if (expected === undefined || expected.size === 0) return;
    const prefix = parts.tool.folderOf(inventory.point, mode, table.keyspace, table.table);
    let arrived = 0;
    for await (const { key, bytes } of parts.bucket.list(prefix)) {
      if (stopped || signal.aborted) return;
      arrived += Math.min(bytes, expected.get(key.slice(prefix.length)) ?? 0);
    }
    if (current === table) report(arrived);
  };
  const timer = setInterval(() => {
    const table = current;
    if (table !== undefined) looking = looking.then(async () => look(table)).catch(() => undefined);
  }, lookEveryMs);
  report(0);

  return {
    onTable: (keyspace: string, table: string): void => {
      if (current !== undefined)
        behind += sum([...(bytesOf.get(`${current.keyspace}.${current.table}`)?.values() ?? [])]);
      current = { keyspace, table };
      report(0);
    },
    stop: async (): Promise<void> => {
      stopped = true;
      clearInterval(timer);
      await looking;
    },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
