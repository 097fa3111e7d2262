import { readFileSync } from 'node:fs';
import { instantOf } from '../src/model/instant.ts';
import { watermarkDocument } from '../src/model/log-piece.ts';
import type { ObjectStore } from '../src/ports/object-store.ts';
import { cpuSecondsOf } from './cpu-time.ts';
import { openLoad, quantile } from './log-load.ts';
import { type OneNode, withOneNode } from './one-node.ts';
import { comparedSeries, interleave } from './rounds.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const aims = { rate: 5000, cpuShare: 0.05, mebibytes: 150, p50: 0.5, p99: 2 };
const pairSeconds = 8;
const steadySeconds = 40;

/** What shipping costs the database and the machine, and how far behind it is. */
export async function benchShipping({ rounds }: BenchOptions): Promise<BenchRow[]> {
  return withOneNode(async (node) => {
    const { cqlAddress, cqlPort } = node.agent.cassandra;
    const load = await openLoad(cqlAddress, cqlPort);
    try {
      await load.run({ seconds: 10, lanes: 32 });
      const pairs = Math.max(10, rounds);
      const measured = async (on: boolean) => {
        if (on) await node.job('start-shipping', { timeline: 't0001', after: null });
        else await node.job('pause-shipping', {});
        await load.run({ seconds: 1, lanes: 32 });
        return load.run({ seconds: pairSeconds, lanes: 32 });
      };
      const names = ['on', 'off', 'onP99', 'offP99'] as const;
      const series = await interleave(pairs, names, [
        async () => {
          const { writesPerSecond, p99Ms } = await measured(true);
          return { on: writesPerSecond, onP99: p99Ms };
        },
        async () => {
          const { writesPerSecond, p99Ms } = await measured(false);
          return { off: writesPerSecond, offP99: p99Ms };
        },
      ]);
      await node.job('start-shipping', { timeline: 't0001', after: null });
      const note = `median of ${pairs} pairs of ${pairSeconds} s in turns, one node, RF 1, 32 writers; reference: the same with shipping paused`;
      return [
        comparedSeries({ name: 'writes a second while the log is shipped', unit: '1/s', note }, series.on, series.off),
        comparedSeries(
          { name: 'p99 of a write while the log is shipped', unit: 'ms', note },
          series.onP99,
          series.offP99,
        ),
        ...(await steady(node, load)),
      ];
    } finally {
      await load.close();
    }
  });
}

async function steady(node: OneNode, load: Awaited<ReturnType<typeof openLoad>>): Promise<BenchRow[]> {
  const watch = watchWatermark(node.platform.bucket);
  await load.run({ seconds: 5, lanes: 32, rate: aims.rate });
  const before = { cpu: cpuSecondsOf(node.agentPid), at: performance.now() };
  const { writesPerSecond, acknowledged } = await load.run({ seconds: steadySeconds, lanes: 32, rate: aims.rate });
  const cpu = (cpuSecondsOf(node.agentPid) - before.cpu) / ((performance.now() - before.at) / 1000);
  const memory = residentMebibytes(node.agentPid);
  const lags = await watch.lagsOf(acknowledged);
  const at = `at ${Math.round(writesPerSecond).toLocaleString('en')} writes a second for ${steadySeconds} s`;
  const aim = (name: string, ours: number, unit: string, reference: number, note: string): BenchRow => ({
    name,
    ours,
    reference,
    ratio: ours / reference,
    unit,
    note: `${note}; reference: the aim`,
  });
  return [
    aim('processor time of the agent', 100 * cpu, '% of a core', 100 * aims.cpuShare, at),
    aim(
      'memory of the agent, resident',
      memory.now,
      'MiB',
      aims.mebibytes,
      `${at}; most since its start: ${Math.round(memory.most)} MiB`,
    ),
    aim(
      'RPO, p50',
      quantile(lags, 0.5),
      's',
      aims.p50,
      `from a write's acknowledgement to the watermark in the bucket that passes it, ${lags.length} writes, ${at}`,
    ),
    aim('RPO, p99', quantile(lags, 0.99), 's', aims.p99, 'the same'),
    { name: 'RPO, the longest', ours: quantile(lags, 1), unit: 's', note: 'the same' },
  ];
}

/** Notes when the bucket's watermark passed what. */
function watchWatermark(bucket: ObjectStore) {
  const seen: Array<{ readonly atMs: number; readonly coversMs: number }> = [];
  let key: string | undefined;
  const stop = new AbortController();
  const look = async () => {
    while (!stop.signal.aborted) {
      key ??= await findWatermark(bucket);
      const stored = key === undefined ? undefined : await bucket.get(key);
      if (stored !== undefined && key !== undefined) {
        const coversMs = instantOf(watermarkDocument.read(stored.body, key).at) / 1000;
        if (coversMs !== seen.at(-1)?.coversMs) seen.push({ atMs: Date.now(), coversMs });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const looking = look();
  return {
    /** Seconds, ascending. Waits until the last write is covered, for a minute at most. */
    async lagsOf(acknowledged: readonly number[]): Promise<readonly number[]> {
      const last = Math.max(...acknowledged);
      const deadline = Date.now() + 60_000;
      while ((seen.at(-1)?.coversMs ?? 0) < last && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      stop.abort();
      await looking;
      let at = 0;
      const lags = acknowledged
        .toSorted((a, b) => a - b)
        .map((ackMs) => {
          while ((seen[at]?.coversMs ?? Number.POSITIVE_INFINITY) < ackMs) at += 1;
          return ((seen[at]?.atMs ?? Number.POSITIVE_INFINITY) - ackMs) / 1000;
        });
      return lags.sort((a, b) => a - b);
    },
  };
}

async function findWatermark(bucket: ObjectStore): Promise<string | undefined> {
  for await (const host of bucket.children('log/t0001/')) {
    if (host !== 'log/t0001/schema/') return `${host}watermark.json`;
  }
  return undefined;
}

function residentMebibytes(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
  return { now: of('VmRSS'), most: of('VmHWM') };
}
