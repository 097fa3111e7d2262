import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { medusaIni } from '../src/adapters/medusa/medusa-ini.ts';
import { MedusaProcess } from '../src/adapters/medusa/medusa-process.ts';
import type { OneNode } from './one-node.ts';

/** Medusa as it is used without Cardea, with Cardea's settings (no bandwidth cap, four transfers) and a bucket of its own. */
export interface RawMedusa {
  readonly bucket: string;
  backup(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  download(name: string, destination: string): Promise<void>;
  /** In place; Cassandra must be stopped. */
  restoreNode(name: string): Promise<void>;
}

export async function rawMedusa({ home, agent }: OneNode): Promise<RawMedusa> {
  const folder = join(home, 'raw');
  const bucket = join(folder, 'bucket');
  await mkdir(bucket, { recursive: true });
  const iniFile = join(folder, 'medusa.ini');
  // Its restore looks the node up by address where names are not resolved, so here the node is named by it.
  const config = { ...agent, node: agent.cassandra.cqlAddress, store: { kind: 'directory', path: bucket } } as const;
  await writeFile(iniFile, medusaIni(config));
  const medusa = new MedusaProcess(config, iniFile, folder);
  const run = async (...args: string[]) => medusa.run(args, { signal: new AbortController().signal });
  return {
    bucket,
    backup: (name) => run('backup', '--backup-name', name, '--mode', 'full'),
    remove: (name) => run('--backup-grace-period-in-days', '0', 'delete-backup', '--backup-name', name),
    async download(name, destination) {
      await mkdir(destination, { recursive: true });
      await run('download', '--backup-name', name, '--download-destination', destination);
    },
    restoreNode: (name) => run('restore-node', '--in-place', '--backup-name', name, '--temp-dir', folder),
  };
}
