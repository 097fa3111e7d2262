import { createHash } from 'node:crypto';
import { closeSync, globSync, openSync, readSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cpuSecondsOf } from './cpu-time.ts';
import { fillTables } from './bulk-tables.ts';
import { type OneNode, withOneNode } from './one-node.ts';
import { copyFolders, syncDisk } from './plain-copy.ts';
import { rawMedusa } from './raw-medusa.ts';
import { comparedSeries, interleave, secondsOf } from './rounds.ts';
import type { BenchOptions, BenchRow } from './row.ts';

/** Full backups of one node: Cardea's, raw Medusa's and a plain copy, in turns. */
export async function benchBackup({ mebibytes, rounds }: BenchOptions): Promise<BenchRow[]> {
  return withOneNode(async (node) => {
    await fillTables(node, mebibytes);
    const medusa = await rawMedusa(node);
    await node.nodetool('snapshot', '-t', 'copied');
    const folders = globSync('*/*/snapshots/copied', { cwd: node.data });
    let count = 0;
    let size = { files: 0, bytes: 0 };
    const settled = async () => syncDisk(node.home);

    const taken = async (point: string) => {
      await settled();
      const cpu = cpuSecondsOf(node.agentPid);
      const snapshot = await secondsOf(async () => {
        size = await node.job('snapshot', { point });
      });
      const upload = await secondsOf(() => node.job('upload', { point, mode: 'full' }));
      return { snapshot, taken: snapshot + upload, cpu: cpuSecondsOf(node.agentPid) - cpu };
    };
    const removed = async (point: string) => {
      await node.job('clear-snapshot', { point });
      await node.job('delete-backup', { point });
    };
    const newPoint = () => {
      count += 1;
      return `backup-20260219-${String(count).padStart(6, '0')}`;
    };
    const ours = async () => {
      const point = newPoint();
      await rm(join(node.agent.stateDirectory, 'hashes.json'), { force: true });
      const figures = await taken(point);
      const stored = storedFiles(node, point);
      const checked = await secondsOf(() => node.job('verify', { point, knownPoints: [] }));
      const hashed = await secondsOf(() => readAndHash(stored));
      const read = await secondsOf(async () => readOnly(stored));
      await removed(point);
      return { ...figures, checked, hashed, read };
    };
    const again = async () => {
      const point = newPoint();
      const figures = await taken(point);
      await removed(point);
      return { known: figures.taken };
    };
    const raw = async () => {
      count += 1;
      const name = `raw-${count}`;
      await settled();
      const cpu = cpuSecondsOf(process.pid);
      const bare = await secondsOf(() => medusa.backup(name));
      const rawCpu = cpuSecondsOf(process.pid) - cpu;
      const sync = await secondsOf(settled);
      await medusa.remove(name);
      return { bare, durable: bare + sync, rawCpu };
    };
    const copy = async () => {
      await settled();
      const target = join(node.home, 'copy');
      const copied = await secondsOf(async () => {
        await copyFolders(node.data, folders, target);
        await settled();
      });
      await rm(target, { recursive: true });
      return { copied };
    };
    const series = await interleave(
      rounds,
      ['snapshot', 'taken', 'cpu', 'rawCpu', 'checked', 'hashed', 'read', 'known', 'bare', 'durable', 'copied'],
      [ours, again, raw, copy],
    );
    const what = `${Math.round(size.bytes / 1024 ** 2).toLocaleString('en')} MiB in ${size.files} files`;
    return [
      comparedSeries(
        {
          name: `full backup to \`taken\` of ${what}`,
          note: 'raw Medusa, then sync. Aim: 1.15. Ours hashes every file too',
        },
        series.taken,
        series.durable,
      ),
      comparedSeries(
        { name: 'the same', note: 'raw Medusa without a sync: gone with the power' },
        series.taken,
        series.bare,
      ),
      comparedSeries(
        { name: 'the same, its files hashed by an earlier backup', note: 'raw Medusa, then sync' },
        series.known,
        series.durable,
      ),
      comparedSeries(
        { name: 'its processor time, Cassandra’s aside', note: 'raw Medusa. Other load hardly changes it' },
        series.cpu,
        series.rawCpu,
      ),
      comparedSeries(
        { name: 'to `taken` again', note: 'cp of the same files, then sync' },
        series.taken,
        series.copied,
      ),
      comparedSeries(
        { name: 'of this, snapshot and hashes', note: 'share of the whole to `taken`' },
        series.snapshot,
        series.taken,
      ),
      comparedSeries(
        {
          name: '`checked`: everything compared, every byte read back',
          note: 'read and SHA-256 in Node, one file at a time',
        },
        series.checked,
        series.hashed,
      ),
      comparedSeries({ name: 'the same', note: 'reading alone, one file at a time' }, series.checked, series.read),
    ];
  });
}

function storedFiles({ agent }: OneNode, point: string): readonly string[] {
  const bucket = agent.store.kind === 'directory' ? agent.store.path : '';
  return globSync(join(bucket, 'medusa', agent.node, point, 'data/**/*'), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function readAndHash(files: readonly string[]): Promise<void> {
  for (const file of files)
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
}

function readOnly(files: readonly string[]): void {
  const piece = Buffer.allocUnsafe(4 * 1024 * 1024);
  for (const path of files) {
    const file = openSync(path, 'r');
    while (readSync(file, piece) > 0);
    closeSync(file);
  }
}
