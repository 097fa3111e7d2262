import type * as Sdk from '@aws-sdk/client-s3';
import type { StoreLocation } from '../../model/agent-config.ts';
import { freshCredentials } from './credentials-file.ts';

export type S3Location = Extract<StoreLocation, { kind: 's3' }>;

/** The SDK with a client for one location. Loading it takes a few hundred milliseconds, which a command that needs no S3 must not pay. */
export interface S3Connection {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
}

/**
 * How often one call is sent while the server is busy or the connection breaks: with the SDK's growing pauses, some
 * four seconds of SlowDown.
 */
export const s3Attempts = 5;

/**
 * Throws RefusedProblem `store-credentials`. Connects to nothing yet. TLS is verified whenever the endpoint is https.
 * Keys that are rotated in their file are used from the next call on.
 */
export async function connectS3(location: S3Location, attempts: number = s3Attempts): Promise<S3Connection> {
  const credentials = freshCredentials(location.credentialsFile);
  const [sdk] = await Promise.all([import('@aws-sdk/client-s3'), credentials()]);
  const checksums = location.checksums === 'when-supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  const client = new sdk.S3Client({
    region: location.region,
    credentials,
    retryMode: 'standard',
    maxAttempts: attempts,
    // An idle socket, also in the middle of a body, is given up after half a minute. The whole transfer may take as long
    // as data moves.
    requestHandler: { connectionTimeout: 3000, socketTimeout: 30_000 },
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    ...(location.endpoint === undefined ? {} : { endpoint: location.endpoint, forcePathStyle: true }),
  });
  return { sdk, client };
}
