import { z } from 'zod';
import { FailedProblem } from '../../model/problem.ts';
import type { BackupContents, BackupMode } from '../../ports/backup-tool.ts';
import { medusaPrefix } from './medusa-ini.ts';

/** The layout of Medusa 0.31 below its prefix. Cardea only reads it. */
export function manifestKey(node: string, backup: string): string {
  return `${medusaPrefix}/${node}/${backup}/meta/manifest.json`;
}

/** The index is what Medusa itself goes by: a backup that is not in it does not exist for `delete-backup`. */
export function indexKey(node: string, backup: string, entry: 'tokenmap' | 'manifest'): string {
  return `${medusaPrefix}/index/backup_index/${backup}/${entry}_${node}.json`;
}

/** Full backups have a data folder each, differential ones share one per node. */
export function tableFolder(
  node: string,
  { backup, mode }: { readonly backup: string; readonly mode: BackupMode },
  keyspace: string,
  table: string,
): string {
  const home = mode === 'full' ? `${node}/${backup}` : node;
  return `${medusaPrefix}/${home}/data/${keyspace}/${table}/`;
}

/** Every folder that a backup of a node writes into. */
export function foldersOf(node: string, backup: string): readonly string[] {
  const index = `${medusaPrefix}/index`;
  return [`${medusaPrefix}/${node}`, `${index}/backup_index/${backup}`, `${index}/latest_backup/${node}`];
}

const manifest = z.array(
  z.object({
    keyspace: z.string(),
    columnfamily: z.string(),
    objects: z.array(z.object({ path: z.string(), size: z.number().int().nonnegative() })),
  }),
);

/**
 * Throws FailedProblem `bad-manifest` when it is no manifest, or names a file outside of its table; also where Medusa itself
 * would fail, because the text is not UTF-8.
 */
export function readManifest(body: Uint8Array, where: string): BackupContents {
  const sections = parse(textOf(body, where), where);
  return {
    record: where,
    tables: sections.map(({ keyspace, columnfamily }) => ({ keyspace, table: columnfamily })),
    files: sections.flatMap(({ keyspace, columnfamily, objects }) =>
      objects.map(({ path, size }) => {
        const folder = `/data/${keyspace}/${columnfamily}/`;
        const at = path.indexOf(folder);
        if (at === -1) throw badManifest(where, `${path} is not in ${folder}`);
        return { keyspace, table: columnfamily, path: path.slice(at + folder.length), bytes: size, key: path };
      }),
    ),
  };
}

function textOf(body: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw badManifest(where, 'it is not UTF-8');
  }
}

function parse(text: string, where: string): z.infer<typeof manifest> {
  try {
    return manifest.parse(JSON.parse(text));
  } catch (cause) {
    throw badManifest(where, cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is not JSON');
  }
}

function badManifest(where: string, why: string): FailedProblem {
  return new FailedProblem({
    code: 'bad-manifest',
    happened: `Medusa's manifest ${where} cannot be used: ${why}.`,
    state: 'Nothing was changed. This backup must not be used.',
    next: 'Choose another restore point, or take a new backup.',
  });
}
