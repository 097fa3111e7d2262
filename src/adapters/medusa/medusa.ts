import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '../../model/agent-config.ts';
import { bucketIdentityKey } from '../../model/bucket-identity.ts';
import { FailedProblem, Problem, RetryableProblem } from '../../model/problem.ts';
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
      try {
        await medusa.run(['--fqdn', of, ...args, ...rest], { signal });
      } catch (thrown) {
        const lacks = lackedBy(thrown, store.kind === 'directory' ? store.path : undefined);
        if (lacks === undefined) throw thrown;
        const key = lacks.key ?? indexKey(of, backup, 'manifest');
        // A directory that is not mounted for a moment lacks everything, also what tells whose bucket it is.
        const isThere = (await bucket.head(bucketIdentityKey)) !== undefined;
        throw isThere && (await bucket.head(key)) === undefined ? gone(lacks.problem, key) : away(lacks.problem);
      }
    },
    endLeftOver: async () => medusa.endLeftOver(),
  };
}

/** What a failed download did not find in the store, as far as Medusa says it: the key of a file, or the whole backup. */
function lackedBy(
  thrown: unknown,
  top: string | undefined,
): { readonly problem: Problem; readonly key: string | undefined } | undefined {
  if (!(thrown instanceof Problem)) return undefined;
  if (thrown.code === 'medusa-backup-missing') return { problem: thrown, key: undefined };
  const [, path = ''] = /No such file or directory: '([^']+)'/.exec(thrown.happened) ?? [];
  if (top === undefined || !path.startsWith(`${top}/`)) return undefined;
  return { problem: thrown, key: path.slice(top.length + 1) };
}

function gone({ happened, state, details, cause }: Problem, key: string): FailedProblem {
  const next = 'Look for who removed it (`cardea audit`); choose another point, see `cardea points`.';
  const says = happened.includes(key) ? happened : `${happened} (${key})`;
  return new FailedProblem({
    code: 'medusa-backup-missing',
    happened: says,
    state,
    next,
    details,
    cause,
  });
}

function away({ happened, state, details, cause }: Problem): RetryableProblem {
  const next = 'Check that the directory of the store is there, then try again.';
  return new RetryableProblem({
    code: 'medusa-store-unreachable',
    happened,
    state,
    next,
    details,
    cause,
  });
}

/** Medusa says `Backing up <keyspace>.<table folder>` at the start of each table. A keyspace has no dot in its name. */
function tellTable(line: string, onTable: (keyspace: string, table: string) => void): void {
  const found = /Backing up ([^.\s]+)\.(\S+)$/.exec(line);
  const [, keyspace, table] = found ?? [];
  if (keyspace !== undefined && table !== undefined) onTable(keyspace, table);
}
