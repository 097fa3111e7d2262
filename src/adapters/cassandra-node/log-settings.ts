import { readFileSync } from 'node:fs';

/**
 * Seconds between Cassandra's syncs of the commit log, by cassandra.yaml. Cassandra's default for a missing setting and for
 * an unreadable file.
 */
export function readSyncPeriod(yaml: string): number {
  let text: string;
  try {
    text = readFileSync(yaml, 'utf8');
  } catch {
    text = '';
  }
  const value = (name: string) => new RegExp(`^${name}:[ \\t]*["']?([^"'#\\n]*)`, 'm').exec(text)?.[1]?.trim();
  return secondsOf(value('commitlog_sync_period') ?? `${value('commitlog_sync_period_in_ms') ?? '10000'}ms`);
}

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

function secondsOf(text: string): number {
  const [, number = '10', unit = 's'] = /^(\d+)[ \t]*(ms|s|m|h)$/.exec(text) ?? [];
  return Number(number) * (unitSeconds[unit] ?? 1);
}
