import { readGlobalSettings, requireSupportedForm } from '../../graph/global-settings.ts';
import { graphSchemaKey } from '../../graph/schema-document.ts';
import { Problem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import type { RunbookServices } from '../services.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

/** Before anything is done: what is stored must be what can be restored. A keyspace without a graph is stored all the same. */
export const checkForm = {
  id: 'check-form',
  title: 'Check that the graph is of a form that can be checked and restored',
  effect: 'read',
  needs: [],
  timeout: '1m',
  retry: standardRetry,
  result: emptyResult,
  run: async ({ services: { platform } }: { readonly services: RunbookServices }) => {
    const settings = await settingsOf(platform);
    if (settings !== 'none') requireSupportedForm(settings);
    return {};
  },
} as const;

/**
 * Before anything is stopped: throws RefusedProblem `graph-form-unsupported` when what comes back could not be made sound. A point whose
 * types were stored was of a supported form. With a log the graph may have been changed after it, so the living graph must be, too; a
 * database that is down cannot say, and must not keep anybody from restoring.
 */
export async function requireRestorableForm(platform: Platform, point: string, replay: boolean): Promise<void> {
  const stored = await platform.bucket.get(graphSchemaKey(point));
  if (stored !== undefined && !replay) return;
  try {
    const settings = await settingsOf(platform);
    if (settings !== 'none') requireSupportedForm(settings);
  } catch (error) {
    if (error instanceof Problem && error.code !== 'graph-form-unsupported') return;
    throw error;
  }
}

async function settingsOf({
  database,
  keyspace,
}: Platform): Promise<Parameters<typeof requireSupportedForm>[0] | 'none'> {
  try {
    return await readGlobalSettings(database, keyspace);
  } catch (error) {
    if (error instanceof Problem && error.code === 'graph-missing') return 'none';
    throw error;
  }
}
