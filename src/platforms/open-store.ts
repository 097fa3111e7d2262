import { DirectoryStore } from '../adapters/directory/directory-store.ts';
import { S3Store } from '../adapters/s3/s3-store.ts';
import type { StoreLocation } from '../model/agent-config.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** The bucket at a location. Opening is cheap and touches nothing; a store that is not there says so at first use. */
export function openStore(location: StoreLocation): ObjectStore {
  return location.kind === 'directory' ? new DirectoryStore(location.path) : new S3Store(location);
}
