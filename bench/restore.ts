import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cpuSecondsOf } from './cpu-time.ts';
import { fillTables } from './bulk-tables.ts';
import { withOneNode } from './one-node.ts';
import { copyFolders, syncDisk } from './plain-copy.ts';
import { rawMedusa } from './raw-medusa.ts';
import { comparedSeries, interleave, secondsOf } from './rounds.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const point = 'backup-20260219-020000';

/** A full backup brought back to a stopped node in place: by Cardea, by raw Medusa's two ways, and by a plain copy, in turns. */
export async function benchRestore({ mebibytes, rounds }: BenchOptions): Promise<BenchRow[]> {
  return withOneNode(async (node) => {
    await fillTables(node, mebibytes);
    const medusa = await rawMedusa(node);
    await node.job('snapshot', { point });
    await node.job('upload', { point, mode: 'full' });
    await node.job('clear-snapshot', { point });
    await medusa.backup('raw');
    await node.platform.databaseLifecycle.stopAll(new AbortController().signal);
    const settled = async () => syncDisk(node.home);
    const staging = join(node.home, 'staging');
    let count = 0;
    let size = { files: 0, bytes: 0 };

    const ours = async () => {
      count += 1;
      const run = `restore-${count}`;
      await settled();
      const cpu = cpuSecondsOf(node.agentPid);
      const aside = await secondsOf(() => node.job('set-aside', { run }));
      const files = await secondsOf(async () => {
        size = await node.job('restore-files', { point, source: node.agent.node, inPlace: true });
      });
      const ourCpu = cpuSecondsOf(node.agentPid) - cpu;
      await node.job('accept-aside', { run });
      return { ours: aside + files, aside, ourCpu };
    };
    const restoreNode = async () => {
      await settled();
      const cpu = cpuSecondsOf(process.pid);
      const bare = await secondsOf(() => medusa.restoreNode('raw'));
      const rawCpu = cpuSecondsOf(process.pid) - cpu;
      return { bare, durable: bare + (await secondsOf(settled)), rawCpu };
    };
    const download = async () => {
      await settled();
      const fetched = await secondsOf(async () => {
        await medusa.download('raw', staging);
        await settled();
        await rename(staging, `${staging}.placed`);
      });
      await rm(`${staging}.placed`, { recursive: true });
      return { fetched };
    };
    const copy = async () => {
      await settled();
      const copied = await secondsOf(async () => {
        await copyFolders(join(node.home, 'local/bucket/medusa', node.agent.node, point), ['data'], staging);
        await settled();
      });
      await rm(staging, { recursive: true });
      return { copied };
    };
    const series = await interleave(
      rounds,
      ['ours', 'ourCpu', 'rawCpu', 'aside', 'bare', 'durable', 'fetched', 'copied'],
      [ours, restoreNode, download, copy],
    );
    const what = `${Math.round(size.bytes / 1024 ** 2).toLocaleString('en')} MiB in ${size.files} files`;
    return [
      comparedSeries(
        { name: `set aside and restore ${what}`, note: '`medusa restore-node --in-place`, then sync. Aim: 1.15' },
        series.ours,
        series.durable,
      ),
      comparedSeries(
        { name: 'the same', note: '`medusa restore-node --in-place` without a sync: gone with the power' },
        series.ours,
        series.bare,
      ),
      comparedSeries(
        { name: 'the same', note: '`medusa download`, sync and a rename: what Cardea does, unchecked' },
        series.ours,
        series.fetched,
      ),
      comparedSeries(
        { name: 'its processor time', note: '`medusa restore-node`. Other load hardly changes it' },
        series.ourCpu,
        series.rawCpu,
      ),
      comparedSeries(
        { name: 'set aside and restore again', note: 'cp of the same files, then sync' },
        series.ours,
        series.copied,
      ),
      comparedSeries(
        { name: 'of this, setting the old data aside', note: 'share of the whole' },
        series.aside,
        series.ours,
      ),
    ];
  });
}
