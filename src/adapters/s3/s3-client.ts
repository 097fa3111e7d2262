import type * as Sdk from '@aws-sdk/client-s3';
import type { StoreLocation } from '../../model/agent-config.ts';
import { readCredentials } from './credentials-file.ts';

export type S3Location = Extract<StoreLocation, { kind: 's3' }>;

/** The SDK with a client for one location. Loading it takes a few hundred milliseconds, which a command that needs no S3 must not pay. */
export interface S3Connection {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
}

/** Throws RefusedProblem `store-credentials`. Connects to nothing yet. TLS is verified whenever the endpoint is https. */
export async function connectS3(location: S3Location): Promise<S3Connection> {
  const [sdk, credentials] = await Promise.all([
    import('@aws-sdk/client-s3'),
    readCredentials(location.credentialsFile),
  ]);
  const checksums = location.checksums === 'when-supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  const client = new sdk.S3Client({
    region: location.region,
    credentials,
    // With two attempts of three seconds, an unreachable endpoint is reported in well under ten.
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 3000, socketTimeout: 30_000 },
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    ...(location.endpoint === undefined ? {} : { endpoint: location.endpoint, forcePathStyle: true }),
  });
  return { sdk, client };
}
