import { errorCode } from '../../model/error-code.ts';
import { objectPatience, patiently } from '../../ports/patience.ts';
import type { NodeParts } from '../node-parts.ts';
import { hashOf, hashOfStream } from './read-back.ts';
import type { StoredAs } from './stored-files.ts';

type Parts = Pick<NodeParts, 'bucket' | 'clock' | 'files' | 'directories'>;

/**
 * Brings an object that the store holds damaged again, from the snapshot of the point where that is still on the node and has the file with the right
 * bytes. True when the store then holds them. Whatever shares the object is whole again, and the next differential backup may share it.
 */
export async function bringAgain(parts: Parts, point: string, file: StoredAs, signal: AbortSignal): Promise<boolean> {
  const { bucket, clock, files } = parts;
  const path = snapshotFile(parts, point, file.name);
  if ((await localHash(parts, path, signal)) !== file.sha256) return false;
  await patiently(clock, { ...objectPatience, signal }, async () => bucket.putStream(file.key, files.readStream(path)));
  return (await hashOf(parts, file.key, signal, () => {})) === file.sha256;
}

/** Of a name as `nameOf` makes it. */
function snapshotFile({ directories }: Parts, point: string, name: string): string {
  const [keyspace = '', table = '', ...path] = name.split('/');
  return [directories.data, keyspace, table, 'snapshots', point, ...path].join('/');
}

/** Undefined when there is no such file. */
async function localHash({ files }: Parts, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await hashOfStream(files.readStream(path), signal);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
