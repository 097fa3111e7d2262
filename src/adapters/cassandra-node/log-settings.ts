import { readFileSync } from 'node:fs';

/**
 * The settings in cassandra.yaml for writing the commit log. Cassandra's defaults for missing settings and for an
 * unreadable file.
 */
export function readLogSettings(yaml: string): { readonly buffered: boolean; readonly syncPeriod: number } {
  let text: string;
  try {
    text = readFileSync(yaml, 'utf8');
  } catch {
    text = '';
  }
  const value = (name: string) => new RegExp(`^${name}:[ \\t]*["']?([^"'#\\n]*)`, 'm').exec(text)?.[1]?.trim();
  const period = value('commitlog_sync_period') ?? `${value('commitlog_sync_period_in_ms') ?? '10000'}ms`;
  const mode = value('commitlog_disk_access_mode') ?? 'legacy';
  return {
    // A list follows the key when the log is compressed.
    buffered: value('commitlog_compression') !== undefined || mode === 'direct' || mode === 'auto',
    syncPeriod: secondsOf(period),
  };
}

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

function secondsOf(text: string): number {
  const [, number = '10', unit = 's'] = /^(\d+)[ \t]*(ms|s|m|h)$/.exec(text) ?? [];
  return Number(number) * (unitSeconds[unit] ?? 1);
}
