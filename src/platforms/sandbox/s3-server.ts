import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBucket } from '../../adapters/s3/create-bucket.ts';
import { readCredentials } from '../../adapters/s3/credentials-file.ts';
import type { StoreLocation } from '../../model/agent-config.ts';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import { waitFor } from '../../host/wait-for.ts';
import { logTail, startDetached, stopDetached } from '../../host/detached-process.ts';
import { isRunning } from '../../host/local-process.ts';

export interface S3ServerSettings {
  /** Path of the program, as `installS3Server` returns it. */
  readonly program: string;
  /** Holds one folder per bucket. Its file system must keep extended attributes. */
  readonly directory: string;
  readonly host: string;
  readonly port: number;
  /** Credentials, pid file and log. */
  readonly stateDirectory: string;
  readonly bucket: string;
  /** Folder of the environment that the process is marked with; the state directory by default. */
  readonly owner?: string;
}

export interface S3Server {
  readonly location: Extract<StoreLocation, { kind: 's3' }>;
  readonly pid: number;
}

const readyMs = 20_000;

/**
 * Starts the S3 server unless it runs, and makes the bucket. Returns when a signed request works. Credentials are made once and lie in
 * `credentials` of the state directory, mode 0600; the server gets them through its environment. Throws FailedProblem `s3-server-not-ready`.
 */
export async function startS3Server(settings: S3ServerSettings): Promise<S3Server> {
  const { directory, host, port, stateDirectory, bucket } = settings;
  mkdirSync(directory, { recursive: true });
  mkdirSync(stateDirectory, { recursive: true });
  const credentialsFile = join(stateDirectory, 'credentials');
  if (!existsSync(credentialsFile)) writeFileSync(credentialsFile, newCredentials(), { mode: 0o600, flag: 'wx' });
  const credentials = await readCredentials(credentialsFile);
  const logFile = join(stateDirectory, 's3-server.log');
  const started = await startDetached({
    title: `S3 server on ${host}:${port}`,
    command: [settings.program, '--port', `${host}:${port}`, 'posix', directory],
    directory: stateDirectory,
    variables: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    pidFile: pidFileOf(stateDirectory),
    logFile,
    owner: settings.owner ?? stateDirectory,
  });
  const location: S3Server['location'] = {
    kind: 's3',
    bucket,
    endpoint: `http://${host}:${port}`,
    region: 'us-east-1',
    credentialsFile,
    encryption: 'none',
    checksums: 'when-required',
  };
  const ready = await waitFor(
    async () => {
      // Another server on this port would answer in its place.
      if (!isRunning(started)) return 'gone';
      return tryBucket(location);
    },
    { withinMs: readyMs },
  );
  if (ready === 'ready') return { location, pid: started.pid };
  await stopS3Server(stateDirectory);
  throw new FailedProblem({
    code: 's3-server-not-ready',
    happened: `The S3 server on ${host}:${port} ${ready === 'gone' ? 'ended at once' : `did not answer within ${readyMs / 1000} seconds`}.`,
    state: `It was stopped; its data in ${directory} is unchanged.`,
    next: `Check that the address is free and read ${logFile}, then run the command again.`,
    details: logTail(logFile),
  });
}

/** Idempotent. */
export async function stopS3Server(stateDirectory: string): Promise<void> {
  await stopDetached(pidFileOf(stateDirectory), 10_000);
}

async function tryBucket(location: S3Server['location']): Promise<'ready' | undefined> {
  try {
    await createBucket(location);
    return 'ready';
  } catch (thrown) {
    if (thrown instanceof RetryableProblem) return undefined;
    throw thrown;
  }
}

function pidFileOf(stateDirectory: string): string {
  return join(stateDirectory, 's3-server.pid');
}

function newCredentials(): string {
  const key = `CARDEA${randomBytes(7).toString('hex').toUpperCase()}`;
  return `[default]\naws_access_key_id = ${key}\naws_secret_access_key = ${randomBytes(30).toString('base64url')}\n`;
}
