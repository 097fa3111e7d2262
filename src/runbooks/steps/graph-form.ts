import { readIdMark } from '../../graph/clean-after-restore.ts';
import { findGlobalSettings, noGraph, requireSupportedForm } from '../../graph/global-settings.ts';
import { requireIdTable, settingsTable, tablesIn } from '../../graph/graph-tables.ts';
import { graphSchemaKey } from '../../graph/schema-document.ts';
import { Problem } from '../../model/problem.ts';
import { inventoryDocument, inventoryKey, type RestorePoint } from '../../model/restore-point.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import type { RunbookServices } from '../services.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

/**
 * Before anything is done: what is stored must be what can be restored. Tables in which JanusGraph has written nothing yet are stored all the
 * same; a keyspace without its tables is another one than meant.
 */
export const checkForm = {
  id: 'check-form',
  title: 'Check that the graph is of a form that can be checked and restored',
  effect: 'read',
  needs: [],
  timeout: '1m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform } }: { readonly services: RunbookServices }) => {
    const { database, keyspace } = platform;
    const tables = await tablesIn(database, keyspace);
    if (!tables.has(settingsTable)) throw noGraph(keyspace);
    if (!(await hasRestorableForm(platform, tables))) return {};
    // What a restore will ask of the same table, with the old data aside.
    await readIdMark(database, keyspace, () => undefined);
    return {};
  },
} as const;

/**
 * Before anything is stopped: throws RefusedProblem `graph-form-unsupported` when what comes back could not be made sound. The tables of a point
 * are in its inventory. A point whose types were stored was of a supported form. With a log the graph may have been changed after it, so the
 * living graph must be, too; a database that is down cannot say, and must not keep anybody from restoring.
 */
export async function requireRestorableForm(
  platform: Pick<Platform, 'bucket' | 'database' | 'keyspace'>,
  point: Pick<RestorePoint, 'id' | 'keyspace' | 'nodes'>,
  replay: boolean,
): Promise<void> {
  const { bucket, database, keyspace } = platform;
  requireIdTable(point.id, await tablesOfPoint(bucket, point));
  if ((await bucket.get(graphSchemaKey(point.id))) !== undefined && !replay) return;
  try {
    const tables = await tablesIn(database, keyspace);
    if (tables.has(settingsTable)) await hasRestorableForm(platform, tables);
  } catch (error) {
    if (error instanceof Problem && error.code !== 'graph-form-unsupported') return;
    throw error;
  }
}

/** False where JanusGraph was never started: there is no form yet. Throws RefusedProblem `graph-form-unsupported`. */
async function hasRestorableForm(
  { database, keyspace }: Pick<Platform, 'database' | 'keyspace'>,
  tables: ReadonlySet<string>,
): Promise<boolean> {
  const settings = await findGlobalSettings(database, keyspace);
  if (settings === undefined) return false;
  requireSupportedForm(settings);
  requireIdTable(`The graph in "${keyspace}"`, tables, settings);
  return true;
}

/** Names of the graph's tables that a node had in its snapshot; every node has them all. None when no inventory can be read, which is said later. */
async function tablesOfPoint(
  bucket: ObjectStore,
  { id, keyspace, nodes }: Pick<RestorePoint, 'id' | 'keyspace' | 'nodes'>,
): Promise<ReadonlySet<string>> {
  for (const { node } of nodes) {
    const key = inventoryKey(id, node);
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    try {
      const { tables } = inventoryDocument.read(stored.body, key);
      const own = tables.filter((each) => each.keyspace === keyspace);
      // `edgestore-7f…`: the name and the id of the table.
      return new Set(own.map(({ table }) => table.slice(0, table.lastIndexOf('-'))));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }
  return new Set();
}
