import { fstatSync, readdirSync, readSync } from 'node:fs';
import { link, mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../model/error-code.ts';
import { segmentOfFileName } from '../../model/log-segment.ts';
import type { LogFiles, SegmentFile } from '../../ports/log-files.ts';

/**
 * Names, facts and a few bytes of a file are read many times a second, and are in the machine's memory: reading them
 * synchronously costs a fraction of the time that the thread pool needs. More bytes than these may have to come from
 * the disk.
 */
const askedDirectly = 64 * 1024;

/** In the folder of the links; no segment is called so. */
const syncedFile = 'synced';

/** `commitlog`: Cassandra's directory. `links`: the agent's own folder on the same file system. */
export function openLogFiles({ commitlog, links }: { readonly commitlog: string; readonly links: string }): LogFiles {
  return {
    live: async () => segmentsIn(commitlog),
    kept: async () => segmentsIn(links),
    async keep(file) {
      try {
        await mkdir(links, { recursive: true });
        await link(join(commitlog, file), join(links, file));
        return true;
      } catch (thrown) {
        return errorCode(thrown) === 'EEXIST';
      }
    },
    release: async (file) => rm(join(links, file), { force: true }),
    async open(file) {
      return (await openSegment(join(links, file))) ?? (await openSegment(join(commitlog, file)));
    },
    async space() {
      const system = await statfs(commitlog);
      return { total: system.blocks * system.bsize, free: system.bavail * system.bsize, block: system.bsize };
    },
    async sync() {
      try {
        await mkdir(links, { recursive: true });
        const file = await open(join(links, syncedFile), 'w');
        try {
          await file.write(new Date().toISOString());
          await file.sync();
        } finally {
          await file.close();
        }
        return true;
      } catch {
        return false;
      }
    },
  };
}

function segmentsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => segmentOfFileName(name) !== undefined);
  } catch (thrown) {
    if (isGone(thrown)) return [];
    throw thrown;
  }
}

async function openSegment(path: string): Promise<SegmentFile | undefined> {
  try {
    const file = await open(path, 'r');
    return {
      async read(position, length, into) {
        const bytes = into ?? Buffer.allocUnsafe(length);
        if (length <= askedDirectly) return bytes.subarray(0, readSync(file.fd, bytes, 0, length, position));
        let at = 0;
        while (at < length) {
          const { bytesRead } = await file.read(bytes, at, length - at, position + at);
          if (bytesRead === 0) break;
          at += bytesRead;
        }
        return bytes.subarray(0, at);
      },
      async facts() {
        const { size, blocks, mtimeNs, birthtimeMs, birthtimeNs } = fstatSync(file.fd, { bigint: true });
        return {
          bytes: Number(size),
          taken: Number(blocks) * 512,
          touched: `${blocks}-${mtimeNs}`,
          bornMs: birthtimeNs === 0n ? undefined : Number(birthtimeMs),
        };
      },
      close: async () => file.close(),
    };
  } catch (thrown) {
    if (isGone(thrown)) return undefined;
    throw thrown;
  }
}

function isGone(thrown: unknown): boolean {
  return errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ENOTDIR';
}
