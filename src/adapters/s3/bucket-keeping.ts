import type { StoreKeeping } from '../../ports/object-store.ts';
import type { S3Connection } from './s3-client.ts';
import { s3Error } from './s3-fault.ts';

/**
 * What the bucket does with what is replaced or deleted. A server that does not know the question, or does not let this
 * key ask it, leaves that part `unknown`; one that cannot be reached is a fault of the call.
 */
export async function readKeeping(
  { sdk, client }: S3Connection,
  bucket: string,
  abortSignal: AbortSignal,
): Promise<StoreKeeping> {
  const target = { Bucket: bucket };
  const [versions, locked, expires] = await Promise.all([
    asked(async () => {
      const { Status } = await client.send(new sdk.GetBucketVersioningCommand(target), { abortSignal });
      return Status === 'Enabled';
    }),
    asked(async () => {
      const found = await client.send(new sdk.GetObjectLockConfigurationCommand(target), { abortSignal });
      return found.ObjectLockConfiguration?.Rule?.DefaultRetention !== undefined;
    }, 'ObjectLockConfigurationNotFoundError'),
    asked(async () => {
      const found = await client.send(new sdk.GetBucketLifecycleConfigurationCommand(target), { abortSignal });
      const rules = found.Rules ?? [];
      return rules.some((rule) => rule.Status === 'Enabled' && rule.NoncurrentVersionExpiration !== undefined);
    }, 'NoSuchLifecycleConfiguration'),
  ]);
  return { versions, locked, expires };
}

/** `none`: the server's word for there being none. */
async function asked(ask: () => Promise<boolean>, none?: string): Promise<boolean | 'unknown'> {
  try {
    return await ask();
  } catch (thrown) {
    const { name, status } = s3Error(thrown);
    if (none !== undefined && name === none) return false;
    // Another bucket than the right one, or none, is for the caller to name.
    if (name !== 'NoSuchBucket' && status !== undefined && status >= 400 && (status < 500 || status === 501)) {
      return 'unknown';
    }
    throw thrown;
  }
}
