import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '../../model/agent-config.ts';
import type { BackupTool } from '../../ports/backup-tool.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { medusaIni } from './medusa-ini.ts';
import { foldersOf, indexKey, manifestKey, readManifest, tableFolder } from './medusa-layout.ts';
import { MedusaProcess } from './medusa-process.ts';
import { syncBehind } from './sync-behind.ts';

/**
 * When a dead attempt is removed, data files that no backup needs are kept for this many days: the next attempt uses
 * them.
 */
const spareDays = '10';

/** Medusa 0.31 as the backup tool of one node. Writes its configuration into `folder` before anything runs. */
export async function openMedusa(
  config: AgentConfig,
  parts: { readonly bucket: ObjectStore; readonly files: Pick<NodeFiles, 'sync'>; readonly folder: string },
): Promise<BackupTool> {
  const { bucket, files, folder } = parts;
  const iniFile = join(folder, 'medusa.ini');
  await mkdir(folder, { recursive: true });
  const ini = medusaIni(config);
  // An agent must be able to start on a full disk: only with it can space be freed.
  const before = await readFile(iniFile, 'utf8').catch(() => undefined);
  if (before !== ini) await writeFile(iniFile, ini, { mode: 0o600 });
  const medusa = new MedusaProcess(config, iniFile, folder);
  const { node, store } = config;

  return {
    async upload(backup, mode, { signal, onTable }) {
      // The snapshot's tag must be exactly the backup's name: only Medusa's own snapshots get its prefix.
      const args = ['backup', '--backup-name', backup, '--mode', mode, '--use-existing-snapshot', '--keep-snapshot'];
      // Medusa writes into a directory without a sync; on S3 an answered request is durable.
      const behind = store.kind === 'directory' ? syncBehind(files.sync) : undefined;
      const top = store.kind === 'directory' ? store.path : '';
      const begins = (keyspace: string, table: string) => {
        behind?.moveOn(join(top, tableFolder(node, { backup, mode }, keyspace, table)));
        onTable(keyspace, table);
      };
      await medusa.run(args, { signal, onLine: (line) => tellTable(line, begins) });
      if (behind === undefined) return;
      await behind.end();
      for (const written of foldersOf(node, backup)) await files.sync(join(top, written), top);
    },
    async remove(backup, { keepFiles, signal }) {
      // Medusa fails if its index does not hold the backup.
      if ((await bucket.head(indexKey(node, backup, 'tokenmap'))) === undefined) return false;
      const args = ['delete-backup', '--backup-name', backup, '--current-node'];
      await medusa.run(['--backup-grace-period-in-days', keepFiles ? spareDays : '0', ...args], { signal });
      return true;
    },
    async contents(of, backup) {
      // The index entry is written after the manifest, so it says that the backup was finished.
      if ((await bucket.head(indexKey(of, backup, 'manifest'))) === undefined) return undefined;
      const key = manifestKey(of, backup);
      const stored = await bucket.get(key);
      return stored === undefined ? undefined : readManifest(stored.body, key);
    },
    folderOf: (backup, mode, keyspace, table) => tableFolder(node, { backup, mode }, keyspace, table),
    async download(of, backup, { destination, keyspaces, signal }) {
      await mkdir(destination, { recursive: true });
      const only = (keyspaces ?? []).flatMap((keyspace) => ['--keyspace', keyspace]);
      const args = ['download', '--backup-name', backup, '--download-destination', destination];
      // Without the flag it adds the system keyspaces to those named.
      const rest = keyspaces === undefined ? [] : ['--ignore-system-keyspaces', ...only];
      await medusa.run(['--fqdn', of, ...args, ...rest], { signal });
    },
    endLeftOver: async () => medusa.endLeftOver(),
  };
}

/** Medusa says `Backing up <keyspace>.<table folder>` at the start of each table. A keyspace has no dot in its name. */
function tellTable(line: string, onTable: (keyspace: string, table: string) => void): void {
  const found = /Backing up ([^.\s]+)\.(\S+)$/.exec(line);
  const [, keyspace, table] = found ?? [];
  if (keyspace !== undefined && table !== undefined) onTable(keyspace, table);
}
