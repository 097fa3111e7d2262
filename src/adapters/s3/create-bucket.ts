import { connectS3, type S3Location } from './s3-client.ts';
import { s3Error, s3Fault } from './s3-fault.ts';

/** Creates the location's bucket unless this account has it. Throws as the store does; RefusedProblem `store-denied` when another account owns the name. */
export async function createBucket(location: S3Location): Promise<void> {
  const { sdk, client } = await connectS3(location);
  try {
    await client.send(new sdk.CreateBucketCommand({ Bucket: location.bucket }), {
      abortSignal: AbortSignal.timeout(9000),
    });
  } catch (thrown) {
    if (s3Error(thrown).name === 'BucketAlreadyOwnedByYou') return;
    throw s3Fault(thrown, `s3://${location.bucket} at ${location.endpoint ?? location.region}`, '');
  } finally {
    client.destroy();
  }
}
