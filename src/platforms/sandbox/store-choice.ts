import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StoreLocation } from '../../model/agent-config.ts';
import type { EnvironmentConfig, SecretRef, StoreConfig } from '../../model/config.ts';
import { UsageProblem } from '../../model/problem.ts';
import { rememberSecret } from '../../model/secrets.ts';
import { writeWhole } from '../../host/write-whole.ts';
import { port, storeAddress } from './topology.ts';

export interface StoreChoice {
  readonly location: StoreLocation;
  /** The sandbox runs the S3 server itself. */
  readonly ownServer: boolean;
}

/**
 * Where the bucket of a new environment lies. `wanted` is the command's word: `s3` means an S3 server of the environment's own,
 * `directory` a folder of its own; without it the configuration decides. Throws UsageProblem `no-credentials` when a configured S3 store's
 * credentials cannot be had here.
 */
export function chooseStore(
  { name, directory, network }: { readonly name: string; readonly directory: string; readonly network: string },
  config: EnvironmentConfig,
  wanted: 'directory' | 's3' | undefined,
): StoreChoice {
  const { store } = config.backup;
  if (wanted === 's3') return { location: ownS3(name, directory, network), ownServer: true };
  if (store.kind === 's3' && wanted === undefined) writeCredentials(directory, store);
  const location = configuredLocation(
    directory,
    wanted === 'directory' && store.kind === 's3' ? { kind: wanted } : store,
  );
  return { location, ownServer: false };
}

/** Where the configuration puts the bucket of the environment in this folder; its credentials' file may not be there yet. */
export function configuredLocation(directory: string, store: StoreConfig): StoreLocation {
  if (store.kind === 'directory') {
    const { path } = store;
    return { kind: 'directory', path: path === undefined ? join(directory, 'bucket') : resolve(path) };
  }
  const { kind, bucket, endpoint, region, encryption, checksums } = store;
  return {
    kind,
    bucket,
    region,
    credentialsFile: credentialsFile(directory),
    encryption,
    checksums,
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

/** Credentials, log and process file of the environment's own S3 server. */
export function storeServerFolder(directory: string): string {
  return join(directory, 'store');
}

function ownS3(name: string, directory: string, network: string): StoreLocation {
  return {
    kind: 's3',
    bucket: `cardea-${name}`,
    endpoint: `http://${storeAddress(network)}:${port.s3}`,
    region: 'us-east-1',
    credentialsFile: join(storeServerFolder(directory), 'credentials'),
    encryption: 'none',
    checksums: 'when-required',
  };
}

function credentialsFile(directory: string): string {
  return join(directory, 'secrets', 's3-credentials');
}

function writeCredentials(directory: string, store: Extract<StoreConfig, { kind: 's3' }>): void {
  const { accessKeyId, secretAccessKey } = store;
  const [id, secret] = [resolved('accessKeyId', accessKeyId), resolved('secretAccessKey', secretAccessKey)];
  const text = `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;
  writeWhole(credentialsFile(directory), text, 0o600);
}

function resolved(what: string, reference: SecretRef | undefined): string {
  if (reference === undefined) throw noCredentials(what, 'the configuration names none');
  if ('secret' in reference) throw noCredentials(what, 'it is a Kubernetes secret, which the sandbox cannot read');
  if ('env' in reference) {
    const value = process.env[reference.env];
    if (value === undefined || value === '') throw noCredentials(what, `the variable ${reference.env} is not set`);
    rememberSecret(value);
    return value;
  }
  try {
    const value = readFileSync(reference.file, 'utf8').trim();
    rememberSecret(value);
    return value;
  } catch (cause) {
    throw noCredentials(what, `the file ${reference.file} cannot be read`, cause);
  }
}

function noCredentials(what: string, why: string, cause?: unknown): UsageProblem {
  return new UsageProblem({
    code: 'no-credentials',
    happened: `The S3 store of this environment needs ${what}, but ${why}.`,
    state: 'Nothing was started.',
    next: 'Name a variable or a file in cardea.config.ts ({ env: … } or { file: … }), or use --store directory or --store s3 instead.',
    cause,
  });
}
