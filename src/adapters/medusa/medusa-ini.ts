import { basename, dirname } from 'node:path';
import type { AgentConfig } from '../../model/agent-config.ts';

/** The part of the bucket that belongs to Medusa. */
export const medusaPrefix = 'medusa';

type Settings = Readonly<Record<string, string | number | boolean>>;

/**
 * The configuration file of Medusa 0.31 for one node. Paths and names only; the S3 credentials stay in the file that `key_file` names.
 * `start_cmd` and `stop_cmd` do nothing: Cardea stops and starts Cassandra, and never calls the commands of Medusa that would.
 */
export function medusaIni(config: AgentConfig): string {
  const { cassandra, medusa, store, node } = config;
  return [
    section('cassandra', {
      config_file: cassandra.yaml,
      start_cmd: 'true',
      stop_cmd: 'true',
      // Do not resolve addresses to names: the lookup of a loopback or pod address may return anything.
      resolve_ip_addresses: 'False',
      use_sudo: 'False',
      // Medusa takes the first word as the program; our directory comes first in PATH.
      nodetool_executable: 'nodetool',
    }),
    section('storage', {
      ...storeSettings(store),
      prefix: medusaPrefix,
      fqdn: node,
      // An empty value means no limit; without the setting Medusa would limit it to 50 MB/s.
      transfer_max_bandwidth: medusa.bandwidth === 0 ? '' : `${medusa.bandwidth}MB/s`,
      concurrent_transfers: 4,
      // Given on the command line where it matters.
      backup_grace_period_in_days: 10,
      max_backup_age: 0,
      max_backup_count: 0,
      use_sudo_for_restore: 'False',
    }),
    section('logging', { enabled: 'false' }),
    section('kubernetes', { enabled: 'False' }),
  ].join('\n');
}

function storeSettings(store: AgentConfig['store']): Settings {
  if (store.kind === 'directory') {
    // Medusa makes one folder of both; the bucket is that folder.
    return { storage_provider: 'local', base_path: dirname(store.path), bucket_name: basename(store.path) };
  }
  const settings = { bucket_name: store.bucket, region: store.region, key_file: store.credentialsFile };
  // Medusa has no endpoint for AWS itself: it is what its plain `s3` provider speaks to, certificates verified.
  if (store.endpoint === undefined) return { storage_provider: 's3', ...settings };
  const url = new URL(store.endpoint);
  const secure = url.protocol === 'https:';
  return {
    storage_provider: 's3_compatible',
    ...settings,
    host: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : url.port,
    secure: secure ? 'True' : 'False',
    // Medusa's own default is not to verify.
    ssl_verify: secure ? 'True' : 'False',
    s3_addressing_style: 'path',
  };
}

/** INI as Python's configparser reads it, interpolation off. A line break in a value would be a setting of its own. */
function section(name: string, settings: Settings): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${String(value).replaceAll(/[\r\n]/g, ' ')}`);
  return `[${name}]\n${lines.join('\n')}\n`;
}
