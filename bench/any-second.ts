import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { micros } from '../src/model/instant.ts';
import { bankOf } from '../src/sample/bank.ts';
import { writeHistory } from '../test/support/any-second/history.ts';
import { chooseInstants } from '../test/support/any-second/instants.ts';
import { openLocal } from '../test/support/any-second/local.ts';
import { replayNode } from '../test/support/any-second/replay-node.ts';
import { stockReturn } from '../test/support/any-second/stock-return.ts';
import { judge, shownVerdict, type Verdict } from '../test/support/any-second/verdict.ts';
import { withOneNode } from './one-node.ts';
import { median, secondsOf } from './rounds.ts';
import type { BenchOptions, BenchRow } from './row.ts';

/** 1,500 vertices and 4,650 edges. */
const bank = bankOf({ seed: 'any-second', branches: 15, customersPerBranch: 20 });
const transactions = { before: 500, after: 4000 };

/**
 * A node with a writer at work; its base and its log brought back to many instants, each on a Cassandra of its own, and every element compared
 * with what the writer's log says was committed by then.
 */
export async function benchAnySecond({ instants: count }: BenchOptions): Promise<BenchRow[]> {
  return withOneNode(async ({ home, platform }) => {
    const environment = openLocal(home);
    const folder = join(home, 'any-second');
    mkdirSync(folder);
    const history = await writeHistory(platform, environment, { bank, ...transactions, folder });
    const { signal } = new AbortController();
    await platform.graphLifecycle.stopAll(signal);
    await platform.databaseLifecycle.stopAll(signal);

    const node = replayNode(environment, join(folder, 'replay'));
    const commits = history.transactions.map(({ commitTime = 0n }) => micros(Number(commitTime)));
    const verdicts: Verdict[] = [];
    const seconds: number[] = [];
    for (const instant of chooseInstants(bank.seed, count, { ...history, commits })) {
      seconds.push(
        await secondsOf(async () => {
          const graph = await node.restore(history.base, stockReturn(history.segments, instant));
          verdicts.push(judge(history, instant, graph));
        }),
      );
      process.stderr.write(`${shownVerdict(verdicts.at(-1) as Verdict)}\n`);
    }
    const right = verdicts.filter((verdict) => verdict.right).length;
    return [
      { name: `instants that came back right, of ${count}`, ours: right, unit: '', note: 'restore_point_in_time' },
      { name: 'seconds to start and compare', ours: median(seconds), unit: 's', note: '' },
    ];
  });
}
