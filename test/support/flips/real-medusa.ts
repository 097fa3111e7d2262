import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openMedusa } from '../../../src/adapters/medusa/medusa.ts';
import { openNodeFiles } from '../../../src/adapters/node-files/node-files.ts';
import { agentConfig } from '../../../src/model/agent-config.ts';
import { installedSandboxToolchain } from '../../../src/platforms/sandbox/sandbox-toolchain.ts';
import type { BackupTool } from '../../../src/ports/backup-tool.ts';
import type { Carrier } from './campaign.ts';
import type { CopiedBucket, Objects } from './copied-bucket.ts';
import type { BucketFacts } from './real-bucket.ts';

/** The real Medusa over a bucket of its own below `folder`, in which it finds the objects as files. */
export function realMedusa({
  facts,
  objects,
  folder,
}: {
  readonly facts: BucketFacts;
  readonly objects: Objects;
  readonly folder: string;
}): { readonly tool: (view: CopiedBucket) => Promise<BackupTool>; readonly carrier: Carrier } {
  const bucket = join(folder, 'bucket');
  const state = join(folder, 'state');
  mkdirSync(state, { recursive: true });
  for (const [key, body] of objects) {
    mkdirSync(dirname(join(bucket, key)), { recursive: true });
    writeFileSync(join(bucket, key), body);
  }
  const config = configOf(facts, { bucket, state });
  const tool = async (view: CopiedBucket) =>
    openMedusa(config, { bucket: view, files: openNodeFiles(join(state, 'hashes.json')), folder: state });
  return {
    tool,
    carrier: {
      tool: async (view, key) => {
        const real = await tool(view);
        return {
          ...real,
          download: async (...given: Parameters<BackupTool['download']>) => {
            const body = objects.get(key) ?? new Uint8Array();
            writeFileSync(join(bucket, key), view.peek(key) ?? body);
            try {
              await real.download(...given);
            } finally {
              writeFileSync(join(bucket, key), body);
            }
          },
        };
      },
      reads: async (point) => {
        const unread = new Date('2000-01-01');
        const paths = new Map([...objects.keys()].map((key) => [key, join(bucket, key)]));
        for (const path of paths.values()) utimesSync(path, unread, statSync(path).mtime);
        const destination = join(folder, 'carried', point);
        const medusa = await tool(noView());
        await medusa.download(facts.node.name, point, { destination, signal: new AbortController().signal });
        const read = [...paths].filter(([, path]) => statSync(path).atimeMs !== unread.getTime()).map(([key]) => key);
        // A file system that keeps no times of reading would say that nothing matters.
        if (!read.some((key) => key.endsWith(`/${point}/meta/manifest.json`)))
          throw new TypeError(
            `Medusa seems not to have read the manifest of ${point}: ${folder} keeps no access times`,
          );
        return new Set(read);
      },
    },
  };
}

/** Carrying asks the bucket nothing: Medusa reads it itself. */
function noView(): CopiedBucket {
  return {} as unknown as CopiedBucket;
}

function configOf({ node }: BucketFacts, { bucket, state }: { readonly bucket: string; readonly state: string }) {
  const toolchain = installedSandboxToolchain();
  if (toolchain === undefined) throw new TypeError('the toolchain is not installed');
  return agentConfig.parse({
    node: node.name,
    environment: 'local',
    listen: { host: '127.0.0.1', port: 0 },
    tokenFile: '/dev/null',
    stateDirectory: state,
    cassandra: {
      yaml: join(state, 'cassandra.yaml'),
      dataDirectories: [join(state, 'data')],
      commitlogDirectory: join(state, 'commitlog'),
      hintsDirectory: join(state, 'hints'),
      savedCachesDirectory: join(state, 'saved_caches'),
      asideDirectory: join(state, 'aside'),
      cqlAddress: '127.0.0.1',
      cqlPort: 9042,
      nodetool: ['nodetool'],
      lockFile: join(state, 'lock'),
      pidFile: join(state, 'pid'),
    },
    medusa: { executable: toolchain.medusa, nodetoolDirectory: dirname(toolchain.medusa), bandwidth: 0 },
    store: { kind: 'directory', path: bucket },
  });
}
