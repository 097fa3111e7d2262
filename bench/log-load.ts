import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Client } from 'cassandra-driver';
import { openLogTable } from '../test/support/log-table.ts';

/** One client that writes rows of about 300 bytes into a table of its own, with one replica. */
export interface LogLoad {
  /** As many writes at once as `lanes`; at `rate` a second, or as fast as they go. */
  run(options: { readonly seconds: number; readonly lanes: number; readonly rate?: number }): Promise<LoadFigures>;
  close(): Promise<void>;
}

export interface LoadFigures {
  readonly writes: number;
  readonly writesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** When writes were acknowledged, milliseconds since 1970: a sample. */
  readonly acknowledged: readonly number[];
}

export async function openLoad(address: string, port: number): Promise<LogLoad> {
  const client = await openLogTable(address, port, 'load');
  return { run: async (options) => run(client, options), close: async () => client.shutdown() };
}

const insert = 'INSERT INTO load.rows (key, column1, value) VALUES (?, ?, ?)';
let next = 0;

async function run(
  client: Client,
  { seconds, lanes, rate }: { readonly seconds: number; readonly lanes: number; readonly rate?: number },
): Promise<LoadFigures> {
  const value = randomBytes(220);
  const latencies: number[] = [];
  const acknowledged: number[] = [];
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let started = 0;
  let sampledAt = 0;
  const lane = async () => {
    for (;;) {
      const now = performance.now();
      if (now >= end) return;
      if (rate !== undefined && started >= ((now - begun) / 1000) * rate) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      started += 1;
      next += 1;
      const from = performance.now();
      await client.execute(insert, [String(next % 5000), String(next), value], { prepare: true });
      const to = performance.now();
      latencies.push(to - from);
      if (to - sampledAt >= 5) {
        sampledAt = to;
        acknowledged.push(performance.timeOrigin + to);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const taken = (performance.now() - begun) / 1000;
  const sorted = latencies.sort((a, b) => a - b);
  return {
    writes: sorted.length,
    writesPerSecond: sorted.length / taken,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    acknowledged,
  };
}

/** Of an ascending list. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
