import { join } from 'node:path';
import type { Micros } from '../src/model/instant.ts';
import { bankOf } from '../src/sample/bank.ts';
import { leaveEnvironment, writeHistory } from '../test/support/any-second/history.ts';
import { chooseInstants, commitsOf } from '../test/support/any-second/instants.ts';
import { openLocal } from '../test/support/any-second/local.ts';
import { type LogReturn, replayRing } from '../test/support/any-second/replay-ring.ts';
import { shippedReturn } from '../test/support/any-second/shipped-return.ts';
import { stockReturn } from '../test/support/any-second/stock-return.ts';
import { readStoredGraph } from '../test/support/any-second/stored-graph.ts';
import { judge, shownVerdict, type Verdict } from '../test/support/any-second/verdict.ts';
import { withOneNode } from './one-node.ts';
import { median, secondsOf } from './rounds.ts';
import type { BenchOptions, BenchRow } from './row.ts';

/** 1,500 vertices and 4,650 edges. */
const bank = bankOf({ seed: 'any-second', branches: 15, customersPerBranch: 20 });
const transactions = { before: 500, after: 4000 };

/**
 * A node with a writer at work; its base and its log brought back to many instants by Cardea's cut and by Cassandra itself, each time on a fresh
 * Cassandra, and every element compared with what the writer's log says was committed by then.
 */
export async function benchAnySecond({ instants: count }: BenchOptions): Promise<BenchRow[]> {
  return withOneNode(async ({ home, platform }) => {
    const environment = openLocal(home);
    const folder = join(home, 'any-second');
    const history = await writeHistory(platform, environment, { bank, ...transactions, folder });
    await leaveEnvironment(platform, history);

    const ring = replayRing(environment, join(folder, 'replay'));
    const bring = async (instant: Micros, log: LogReturn): Promise<Trial> => {
      let verdict: ReturnType<typeof judge> | undefined;
      const seconds = await secondsOf(async () => {
        verdict = await ring.during(history.nodes, log, async (database) =>
          judge(history, instant, await readStoredGraph(database, platform.keyspace)),
        );
      });
      if (verdict === undefined) throw new TypeError('nothing was compared');
      return { verdict, seconds };
    };
    const [ours, stock]: [Trial[], Trial[]] = [[], []];
    for (const instant of chooseInstants(bank.seed, count, { ...history, commits: commitsOf(history.transactions) })) {
      ours.push(await bring(instant, await shippedReturn(platform, history, instant)));
      stock.push(await bring(instant, stockReturn(instant)));
      const wrong = ours.at(-1)?.verdict;
      // A table says how many; which one, and how, is what somebody has to know then.
      if (wrong?.right === false) process.stderr.write(`${wrong.instant}: ${shownVerdict(wrong)}\n`);
    }
    return rowsOf(ours, stock);
  });
}

interface Trial {
  readonly verdict: Verdict & { readonly instant: string };
  readonly seconds: number;
}

function rowsOf(ours: readonly Trial[], stock: readonly Trial[]): BenchRow[] {
  const row = (name: string, unit: string, note: string, figure: (trials: readonly Trial[]) => number): BenchRow => ({
    name,
    ours: figure(ours),
    reference: figure(stock),
    unit,
    note,
  });
  const middle = (of: (verdict: Verdict) => number) => (trials: readonly Trial[]) =>
    median(trials.map(({ verdict }) => of(verdict)));
  const later = Math.round(middle((verdict) => verdict.others)(ours));
  return [
    row(
      `right, of ${ours.length} instants`,
      'instants',
      '`restore_point_in_time` of Cassandra',
      (trials) => trials.filter(({ verdict }) => verdict.right).length,
    ),
    row(
      'vertices and edges lost',
      'median',
      `an instant with ${later} transactions after it, in the median`,
      middle(({ missing }) => missing.length),
    ),
    row(
      'vertices and edges with a wrong value',
      'median',
      '',
      middle(({ changed }) => changed.length),
    ),
    row(
      'vertices and edges that should not be there',
      'median',
      '',
      middle(({ unexpected }) => unexpected.length),
    ),
    row(
      'transactions that are there in part',
      'median',
      '',
      middle(({ split }) => split.length),
    ),
    row(
      'index entries and edge ends that do not fit',
      'median',
      '',
      middle(({ unsound }) => unsound.length),
    ),
    row('from stopped to read and compared', 's, median', 'mostly the start of Cassandra', (trials) =>
      median(trials.map(({ seconds }) => seconds)),
    ),
  ];
}
